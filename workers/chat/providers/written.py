"""A message as one text, within what a service takes.

Whoever wrote the message has cut it well. This is the last guard: what a service would refuse or
cut itself is cut here, and the address at the end stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from service.messages.chat import ChatMessage
from service.messages.wording import cut

GAP = "\n\n"
# What Discord reads as marks, outside of addresses: those it shows as they are.
_ADDRESS = re.compile(r"(https?://\S+)")
_MARKS = re.compile(r"([\\*_~|`\[]|^[#>-])", re.MULTILINE)


def in_utf16(text: str) -> int:
    """Its length as Telegram and Discord count: in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def in_bytes(text: str) -> int:
    return len(text.encode())


def as_text(message: ChatMessage, most: int, size: Callable[[str], int] = len) -> str:
    """Title and body as one plain text of at most that size."""
    title, body = fitted(message, most, size)
    return f"{title}{GAP}{body}".strip()


def fitted(message: ChatMessage, most: int, size: Callable[[str], int] = len) -> tuple[str, str]:
    """Title and body that come, with the gap between them, to at most that size."""
    title = _shorter(message.title, most // 2, size)
    room = most - size(title) - len(GAP)
    if size(message.body) <= room:
        return title, message.body
    start, _, end = message.body.rpartition(GAP)
    left = room - size(end) - len(GAP)
    if end.startswith(("https://", "http://")) and left > 0:
        return title, f"{_shorter(start, left, size)}{GAP}{end}"
    return title, _shorter(message.body, room, size)


def for_slack(message: ChatMessage, most: int) -> str:
    """Its three letters with a meaning replaced; nothing else has one where mrkdwn is off."""
    text = as_text(message, most)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_discord(message: ChatMessage, most: int) -> str:
    marked = ChatMessage(_unmarked(message.title), _unmarked(message.body))
    return as_text(marked, most, in_utf16)


def _unmarked(text: str) -> str:
    parts = _ADDRESS.split(text)
    parts[::2] = [_MARKS.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def _shorter(text: str, most: int, size: Callable[[str], int]) -> str:
    """The longest cut of a text that comes to at most that size."""
    if size(text) <= most:
        return text
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(cut(text, middle)) <= most else (low, middle - 1)
    return cut(text, low) if low else ""
