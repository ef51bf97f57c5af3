"""Which room an address leads to, whatever token it carries, and what of it may be shown."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from service.crypto import Vault

_CHAT = re.compile(r"@[A-Za-z0-9_]{4,32}|-?[0-9]{4,20}")  # of Telegram: a name, or a number
_SLACK = re.compile(r"[#+@][A-Za-z0-9._-]{1,80}")
_MATRIX = re.compile(r"[#!][A-Za-z0-9._=/+-]{1,128}(?::[A-Za-z0-9.:-]{1,128})?")
_HINT = 40  # characters that are shown
_BOT = re.compile(r"xox[abp]-([0-9]+)-[0-9]+-[A-Za-z0-9-]+")  # a token of Slack, with its workspace
# Parameters that lead to another room than the path does.
_ELSEWHERE = re.compile(r"(?:^|[&;])(?:to|thread|topic|rooms?|channels?)=", re.IGNORECASE)


def room_of(url: str) -> str | None:
    """The room that an address leads to, without its tokens; None where only the token says it.

    Slack's webhooks (three tokens) are such. One of Discord's is its own room: no other webhook can
    change its messages.
    """
    scheme, base, parts = _parts(url)
    if not parts or _ELSEWHERE.search(url.partition("?")[2]):
        return None
    last, bot = parts[-1], _BOT.fullmatch(parts[0].rpartition("@")[2])
    if scheme == "tgram" and len(parts) > 1 and _CHAT.fullmatch(last):
        return f"tgram/{last.lower()}"
    if scheme == "slack" and bot is not None and _SLACK.fullmatch(last):
        return f"slack/{bot[1]}/{last.lower()}"
    if scheme in ("ntfy", "ntfys"):
        host = _netloc(base) if len(parts) > 1 else "ntfy.sh"
        return f"ntfy/{host}/{last}"
    if scheme in ("matrix", "matrixs") and len(parts) > 1 and _MATRIX.fullmatch(last):
        return f"matrix/{_netloc(base)}/{last}"
    if scheme == "discord" and re.fullmatch("[0-9]+", parts[0]):
        return f"discord/{parts[0]}"
    return None


def room_hash(vault: Vault, url: str) -> str:
    """By which two addresses of one room are known as such, without saying which room it is."""
    return vault.keyed_hash("room", room_of(url) or url)


def shown(masked: str, url: str) -> str:
    """A masked address with what of its room is no secret: a public name, or the last digits of a
    number. A topic of ntfy is a password, and stays out."""
    hint = _hint(url)
    return f"{masked}/{hint}" if hint and masked.endswith("***") else masked


def _hint(url: str) -> str:
    scheme, _, parts = _parts(url)
    last = parts[-1] if len(parts) > 1 else ""
    if scheme == "tgram" and _CHAT.fullmatch(last):
        return last if last.startswith("@") else f"…{last[-4:]}"
    if scheme == "slack" and last.startswith("#") and _SLACK.fullmatch(last):
        return last[:_HINT]
    if scheme in ("matrix", "matrixs") and last.startswith("#") and _MATRIX.fullmatch(last):
        return last[:_HINT]
    if scheme == "discord" and last and re.fullmatch("[0-9]{8,}", parts[0]):
        return f"…{parts[0][-4:]}"
    return ""


def _parts(url: str) -> tuple[str, str, list[str]]:
    """The scheme, what follows it without parameters, and that in parts."""
    scheme, _, rest = url.partition("://")
    base = rest.partition("?")[0]
    parts = [unquote(part) for part in base.split("/") if part]
    return scheme.lower(), base, parts


def _netloc(base: str) -> str:
    """The server that an address names, without who signs in there."""
    try:
        parts = urlsplit(f"//{base}")
        return f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""
