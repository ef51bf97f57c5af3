"""Text that goes into chats: without tricks, counted as a service counts, cut between words.

What an article says may ring nobody, hide nothing and turn no text around. Here that is done to the
words themselves; what a service takes for markup is the matter of `chat_dialects`.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urlsplit

from service.messages.wording import printable

WORD_JOINER = "\u2060"  # has no width, and is no letter
MAX_URL = 2_000
# Direction marks, zero widths and fillers: they hide text, or show it in another order.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# Joiners belong into emoji and into scripts that need them, never between Latin letters.
_JOINER = re.compile("(?<![\u0600-\U0010ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\U0010ffff])")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")
# An address ends in what no sentence puts behind it.
URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\"'.,;:!?()\[\]{}…*_~`|\\]", re.IGNORECASE)
# `@name` but in an email address; the words that ring a whole room wherever they stand.
_MENTION = re.compile(
    r"(?<![\w.+-])@(?=\S)|@(?=(?:everyone|here|channel|all|room)\b)|(?<=[\w.+-])@(?!\w)",
    re.IGNORECASE,
)
_BRACKET_MENTION = re.compile(r"<(?=[@!#/&:\w])")  # <!here>, <@U1>, <users/all>, <t:0>
_COMMAND = re.compile(r"(?<![^\s(])/(?=[A-Za-z])")  # Telegram makes a button of it
_BAD_IN_URL = re.compile("[^\\w!#$%&'()*+,./:;=?@~\\[\\]-]|\u0640")


def tame(text: str, limit: int) -> str:
    """A text of one or more lines as a chat may show it, of at most about `limit` characters."""
    clean = _LINE_ENDS.sub("\n", text[: 2 * limit])
    clean = _INVISIBLE.sub("", printable(clean, 2 * limit))
    if "\u200c" in clean or "\u200d" in clean:
        clean = _JOINER.sub("", clean)
    clean = _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in clean.split("\n")))
    return shortened(_without_mentions(clean.strip()), limit)


def tame_line(text: str, limit: int) -> str:
    """A text as one line that a chat may show."""
    return tame(" ".join(text[: 2 * limit].split()), limit)


def _without_mentions(text: str) -> str:
    """Keep a headline from ringing everybody in a room: `@everyone` gets a word joiner inside."""
    if not re.search("[@</]", text):
        return text
    pieces, at = [], 0
    for found in URL.finditer(text):
        pieces += [_joined(text[at : found.start()]), found[0].replace("@", "%40")]
        at = found.end()
    return "".join([*pieces, _joined(text[at:])])


def _joined(text: str) -> str:
    text = _MENTION.sub(f"@{WORD_JOINER}", text)
    text = _BRACKET_MENTION.sub(f"<{WORD_JOINER}", text)
    return _COMMAND.sub(f"/{WORD_JOINER}", text)


def web_address(url: str) -> str:
    """An absolute http(s) address with nothing in it that could end a link; empty for any other."""
    url = url.strip()
    if not url or len(url) > MAX_URL:
        return ""
    clean = _BAD_IN_URL.sub(lambda found: quote(found[0], errors="replace"), url)
    try:
        split = urlsplit(clean)
        is_web = split.scheme in ("http", "https") and bool(split.hostname)
        _ = split.port  # which may be nonsense
    except ValueError:
        return ""
    return clean if is_web and "@" not in split.netloc and "%" not in split.netloc else ""


def utf16_units(text: str) -> int:
    """The length of a text as JavaScript, Telegram and others count it."""
    return len(text) + sum(char > "\uffff" for char in text)


def octets(text: str) -> int:
    """The length of a text in bytes of UTF-8."""
    return len(text.encode("utf-8", "replace"))


def shortened(text: str, limit: int) -> str:
    """Shorten to so many characters at a word's end and say so with an ellipsis.

    Where one word is longer than that, it is cut between letters as readers see them; an address
    stays whole or goes.
    """
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    end = limit - 1
    space = next((at for at in range(end, 0, -1) if text[at].isspace()), 0)
    if space:
        end = space
    else:
        for found in URL.finditer(text):
            if found.start() < end < found.end():
                end = found.start()
        while end > 0 and _is_inside(text, end):
            end -= 1
    return text[:end].rstrip(" \n,;:–-") + "…"


def _is_inside(text: str, at: int) -> bool:
    """Whether a cut before this character would part what readers see as one."""
    before, after = text[at - 1], text[at]
    if _extends(after) or before in "\u200c\u200d":
        return True
    if _is_flag(before) and _is_flag(after):
        start = at
        while start > 0 and _is_flag(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return before == "@" and after == WORD_JOINER


def _extends(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char in "\u200c\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # a colour of skin
    )


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
