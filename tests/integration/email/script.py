"""What a scripted relay is told to do, and what it has seen."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.integration.email.security import Security

HANG_UP = b""
DOT = "dot"  # the verb of a letter's end
MIDDLE = "middle"  # the verb of its first line, after which what comes is taken for commands
ON = b"on"  # the usual there: read on

# (verb, who, how often this verb came for them) → a reply, HANG_UP, or None for the usual.
# `who` is the recipient; at MAIL it is whoever `name_of` makes of the envelope's sender.
Rule = Callable[[str, str, int], bytes | None]


def at(verb: str, answer: bytes, who: Callable[[str], bool], *, times: int = 1_000_000) -> Rule:
    """Answer so at this verb to these, the first times that it comes for them."""
    return lambda v, one, nth: answer if v == verb and nth <= times and who(one) else None


def either(*rules: Rule) -> Rule:
    """The first of them that has an answer."""
    return lambda v, one, nth: next((a for r in rules if (a := r(v, one, nth)) is not None), None)


def usual(_verb: str, _who: str, _nth: int) -> bytes | None:
    """Take everything."""
    return None


@dataclass
class Script:
    """What a relay does, and what it has seen.

    `accepted` counts the letters it took for each recipient, also where the answer never left;
    `stray` are letters, or parts of some, that came although no recipient was accepted.
    """

    rule: Rule = usual
    is_pipelining: bool = True
    is_in_crumbs: bool = False
    is_extended: bool = True  # knows EHLO
    name_of: Callable[[str], str] = str
    security: Security | None = None
    hold: Callable[[str], None] | None = None  # called before a letter to them is read
    port: int = 0
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    letters: list[tuple[str, str, bytes]] = field(default_factory=list)
    stray: list[bytes] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)
    is_over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, verb: str, who: str, usually: bytes) -> bytes:
        with self.lock:
            self.seen[verb, who] += 1
            found = self.rule(verb, who, self.seen[verb, who])
        return usually if found is None else found

    def hang_up(self, farewell: bytes = b"") -> None:
        """Say this on each connection, asked or not, and close it."""
        with self.lock:
            for one in self.open:
                with suppress(OSError):  # gone already, or encrypted
                    one.sendall(farewell)
                    one.shutdown(socket.SHUT_RDWR)
