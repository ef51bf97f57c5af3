"""Segments: bytes that are the same for everybody, cut at what differs from reader to reader.

A text is rendered once with marks in the places of what differs. Marks are random, so that no
article can hold one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from operator import itemgetter


class SegmentError(ValueError):
    """A mark got lost or doubled on its way through a template or a header."""


def new_mark() -> str:
    """Letters and digits only, so that no escaping, folding or encoding touches them."""
    return f"q{secrets.token_hex(15)}q"


class Segments:
    """Bytes with slots. `start` is what comes before the first of them."""

    def __init__(self, source: bytes, marks: Sequence[bytes]) -> None:
        """`marks` stand for the slots, in the order in which `tail` gets their values."""
        self.source = source
        number = {mark: index for index, mark in enumerate(marks)}
        parts = re.split(b"(%b)" % b"|".join(marks), source)
        self.start = parts[0]
        self.counts = [parts.count(mark) for mark in marks]
        self._constants = tuple(parts[2::2])
        order: list[int] = []
        for at, mark in enumerate(parts[1::2]):
            order += (number[mark], len(marks) + at)
        self._pick = itemgetter(*order) if order else None

    def tail(self, values: tuple[bytes, ...]) -> bytes:
        """What comes after `start`, with these values in the slots."""
        if self._pick is None:
            return b""
        return b"".join(self._pick(values + self._constants))
