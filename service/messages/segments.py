"""Segments: bytes that are the same for everybody, cut at what differs from reader to reader.

A text is rendered once with marks in the places of what differs. Marks are random, so that no
article can hold one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from itertools import count
from operator import itemgetter


class SegmentError(ValueError):
    """A mark got lost or doubled on its way through a template or a header."""


# Letters and digits only, so that no escaping, folding or encoding touches a mark.
MARK = "q[0-9a-f]{30}q"
_MARK = re.compile(f"({MARK})".encode())


def new_mark() -> str:
    return f"q{secrets.token_hex(15)}q"


class Segments:
    """Bytes with slots. `start` is what comes before the first of them."""

    def __init__(self, source: bytes, marks: Sequence[bytes]) -> None:
        """`marks` stand for the slots, in the order in which `tail` gets their values."""
        self.source = source
        number = {mark: index for index, mark in enumerate(marks)}
        pieces, slots = [b""], []
        for part in _MARK.split(source):
            if part in number:
                slots.append(number[part])
                pieces.append(b"")
            else:
                pieces[-1] += part
        self.start = pieces[0]
        self.counts = [slots.count(index) for index in range(len(marks))]
        self._constants = tuple(pieces[1:])
        order = [at for pair in zip(slots, count(len(marks)), strict=False) for at in pair]
        self._pick = itemgetter(*order) if order else None

    def tail(self, values: tuple[bytes, ...]) -> bytes:
        """What comes after `start`, with these values in the slots."""
        if self._pick is None:
            return b""
        return b"".join(self._pick(values + self._constants))
