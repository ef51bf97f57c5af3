"""A link: the dialogue with a relay, commands going ahead of their answers (RFC 5321, RFC 2920).

What a broken connection means depends on how far its letter was: after the last dot nobody knows,
before it nothing has left.
"""

from __future__ import annotations

import re
import socket
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from service.bounces import STATUS
from service.ledger.outcome import Outcome
from service.models import DeliveryState
from workers.email.wire import LostError, Reply, Wire

MAX_LOSSES = 3  # connections that one letter may break
LOGIN_FIRST = 530  # or encryption: our settings are wrong, and no reader's fault (RFC 4954, 3207)
_UNSAFE = re.compile(r"[^!-;=?-~]")  # what would break out of the angle brackets, or of the line


class UnsafeAddressError(ValueError):
    """An address that would break out of its command."""


class Step(Enum):
    """What a reply answers."""

    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "dot"


@dataclass(slots=True, eq=False)
class Envelope:
    """One letter to one recipient. `write` makes its bytes (CRLF, not yet dot-stuffed); it is
    called when the relay waits for them, and not for who was refused.

    Raises:
        UnsafeAddressError: an address could smuggle commands.
    """

    key: object
    sender: str
    recipient: str
    write: Callable[[], bytes]
    losses: int = 0  # connections that broke under it

    def __post_init__(self) -> None:
        if _UNSAFE.search(self.sender) or _UNSAFE.search(self.recipient):
            raise UnsafeAddressError("an address may hold plain letters only, without < and >")

    def commands(self) -> list[tuple[bytes, Step]]:
        return [
            (f"MAIL FROM:<{self.sender}>\r\n".encode("ascii"), Step.MAIL),
            (f"RCPT TO:<{self.recipient}>\r\n".encode("ascii"), Step.RCPT),
            (b"DATA\r\n", Step.DATA),
        ]


class Wanted(Enum):
    """What a link wants of its owner after a reply."""

    LETTER = "the relay waits for the letter"
    WORK = "the envelope came to its end, and nothing is left to wait for"
    HANG_UP = "to be hung up: the relay waits for a letter that nobody is to get"


class Turn(NamedTuple):
    """What follows from a reply: what is wanted now, of which envelope, and its outcome if it has
    one."""

    wanted: Wanted | None = None
    envelope: Envelope | None = None
    outcome: Outcome | None = None


class Link:
    """One connection and the envelopes on it: at most one whose dot is not answered, and one that
    was begun behind it."""

    def __init__(self, sock: socket.socket, *, is_pipelining: bool, to: str) -> None:
        self.wire, self.to = Wire(sock), to
        self._is_pipelining = is_pipelining
        self._expected: deque[tuple[Step, Envelope]] = deque()
        self._held: deque[tuple[bytes, Step, Envelope]] = deque()  # without pipelining
        self._refusal: Reply | None = None  # of the envelope in transaction
        self._farewell: Reply | None = None
        self._is_dirty = False  # the relay remembers an envelope that came to nothing
        self.letters = 0
        self.is_rested = False
        self.is_slow = False  # its owner waits until it can be written to

    @property
    def is_open(self) -> bool:
        """False once we have hung up."""
        return self.wire.sock.fileno() >= 0

    @property
    def is_idle(self) -> bool:
        """True where nothing is asked and nothing waits to be asked."""
        return not self._expected and not self._held

    @property
    def next_step(self) -> Step | None:
        """What the next reply will answer."""
        return self._expected[0][0] if self._expected else None

    def begin(self, envelope: Envelope, ahead: bytes = b"") -> None:
        """Say `ahead`, and behind it the commands of an envelope, as far as they may go ahead.

        Raises:
            LostError: see `lost` for what becomes of it.
        """
        commands = envelope.commands()
        if self._is_dirty:
            commands.insert(0, (b"RSET\r\n", Step.RSET))
        self._is_dirty, self._refusal = False, None
        if self._is_pipelining:
            self._expected.extend([(step, envelope) for _, step in commands])
            self.wire.write(ahead + b"".join([line for line, _ in commands]))
            return
        self._held.extend((line, step, envelope) for line, step in commands)
        if ahead:
            self.wire.write(ahead)
        self.ask_next()

    def ask_next(self) -> None:
        """Without pipelining: say the next command once the one before it is answered."""
        if self._held and not self._expected:
            line, step, envelope = self._held.popleft()
            self._expected.append((step, envelope))
            self.wire.write(line)

    def expect_dot(self, envelope: Envelope) -> None:
        """The letter is about to be written."""
        self.letters += 1
        self._expected.append((Step.DOT, envelope))

    def answered(self, reply: Reply) -> Turn:
        """Take in a reply.

        Raises:
            LostError: the relay hangs up, or is out of step with us.
        """
        if not self._expected:
            raise LostError(f"nobody asked, and it says {reply}")
        step, envelope = self._expected[0]
        if step is Step.DOT:
            return self._dot_answered(envelope, reply)
        if reply.code == 421 or (reply.code == LOGIN_FIRST and step is Step.MAIL):
            self._farewell = reply
            raise LostError(str(reply))
        if self._is_out_of_step(step, reply):
            raise LostError(f"out of step: {reply}")  # not the citizen's fault
        self._expected.popleft()
        if step is Step.DATA:
            return self._data_answered(envelope, reply)
        if step is not Step.RSET and reply.hundreds != 2 and self._refusal is None:
            self._refusal = reply
            if self._held:  # what was not said yet need not be
                self._held.clear()
                return self._refused(envelope)
        return Turn()

    def _is_out_of_step(self, step: Step, reply: Reply) -> bool:
        """Whether it cannot be an answer to this, and so is one to something else."""
        if reply.code == 503:
            return self._refusal is None
        if step is Step.DATA:
            return reply.hundreds <= 3 and reply.code != 354
        return reply.hundreds in (1, 3)

    def _dot_answered(self, envelope: Envelope, reply: Reply) -> Turn:
        if reply.hundreds not in (2, 4, 5):
            raise LostError(f"out of step: {reply}")
        self._expected.popleft()
        return Turn(Wanted.WORK if self.is_idle else None, envelope, outcome_of(reply))

    def _data_answered(self, envelope: Envelope, reply: Reply) -> Turn:
        if self._refusal is None and reply.code == 354:
            return Turn(Wanted.LETTER, envelope)
        self._refusal = self._refusal or reply
        if reply.code == 354:  # RFC 2920, section 3.1
            return Turn(Wanted.HANG_UP, envelope, outcome_of(self._refusal))
        return self._refused(envelope)

    def _refused(self, envelope: Envelope) -> Turn:
        assert self._refusal is not None
        self._is_dirty = True
        return Turn(Wanted.WORK, envelope, outcome_of(self._refusal))

    @property
    def was_bidden_farewell(self) -> bool:
        """True where the relay said 421: it wants fewer of us, or none."""
        return self._farewell is not None

    def lost(self, why: str) -> Iterator[tuple[Envelope, Outcome | None]]:
        """Decide about each envelope of a broken connection, once; None: another link may try."""
        first = self.next_step
        on_wire = {envelope for step, envelope in self._expected if step is Step.DOT}
        begun = [envelope for _, envelope in self._expected]
        begun += [envelope for _, _, envelope in self._held]
        for envelope in dict.fromkeys(begun):
            if envelope in on_wire:
                yield envelope, Outcome(DeliveryState.UNKNOWN, "", f"no answer: {why}")
            elif self._refusal is not None:
                yield envelope, outcome_of(self._refusal)
            elif first in (Step.RCPT, Step.DATA):  # it may be this recipient
                envelope.losses += 1
                yield envelope, self._broke(why) if envelope.losses >= MAX_LOSSES else None
            else:
                yield envelope, None

    def _broke(self, why: str) -> Outcome:
        if self._farewell is not None:
            return outcome_of(self._farewell)
        return Outcome(DeliveryState.DEFERRED, "lost", f"before DATA: {why}")

    def say_goodbye(self) -> None:
        """Hang up as one does; nobody waits for the answer."""
        try:
            self.wire.write(b"QUIT\r\n")
        except LostError:
            pass
        finally:
            self.wire.close()


def outcome_of(reply: Reply) -> Outcome:
    """The outcome that a relay's answer means (RFC 5321, section 4.2; RFC 3463)."""
    enhanced = STATUS.search(reply.text)
    number = enhanced.group(1) if enhanced else str(reply.code)
    if reply.hundreds == 2:
        return Outcome(DeliveryState.SENT, number, str(reply))
    is_final = reply.hundreds == 5
    state = DeliveryState.REJECTED if is_final else DeliveryState.DEFERRED
    return Outcome(state, number, str(reply))


def stuffed(raw: bytes) -> bytes:
    """A letter as DATA takes it: dots doubled at the start of lines, and the last dot (RFC 5321,
    section 4.5.2)."""
    if b"\r\n." in raw:  # to look costs a third of a replacing that finds nothing
        raw = raw.replace(b"\r\n.", b"\r\n..")
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw + (b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n")
