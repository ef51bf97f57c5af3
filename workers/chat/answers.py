"""What a service answered, in its own words: short, printable, and without our secrets."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

from service.ledger.outcome import Outcome
from service.models import DeliveryState

MAX_SAID = 300  # characters, as `channel_test.said` holds
MOST = 4_000  # characters that are looked at
_PARTS = re.compile(r"[/?&=@:#,;!+\s]+")
_TAGS = re.compile(r"<[^<>]{0,200}>")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_SHORTEST = 5  # characters of what may be a secret: a shorter one would hide half of all words


def words_of(body: bytes | str) -> str:
    """The text of an answer in one line, its letters as people write them (JSON may have them as
    numbers); of a page of HTML without its tags."""
    text = body if isinstance(body, str) else body[:MOST].decode("utf-8", "replace")
    text = _TAGS.sub(" ", _ESCAPES.sub(_letters, text[:MOST]))
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:MAX_SAID]


def _letters(escapes: re.Match[str]) -> str:
    """Those of some `\\u0131`: together, for a letter may need two of them."""
    return bytes.fromhex(escapes[0].replace("\\u", "")).decode("utf-16-be", "replace")


def without_secrets(text: str, url: str) -> str:
    """A text without any part of an address, be it a token or not, as it is written or quoted."""
    rest = url.partition("://")[2]
    parts = {part for whole in (rest, unquote(rest)) for part in _PARTS.split(whole)}
    secrets = sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True)
    for secret in secrets:
        text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    return text


def in_its_words(outcome: Outcome, said: str) -> Outcome:
    """An outcome that was no success, with what the service said of it."""
    if outcome.state == DeliveryState.SENT or not said:
        return outcome
    return replace(outcome, detail=f"{outcome.detail}: {said}" if outcome.detail else said)
