"""The pipeline: many letters over several links at once, and exactly one outcome for each.

A single thread waits for all links. The next envelope rides behind the last dot of the one before,
so that a letter costs one round trip.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque

from service.bounces import strip_addresses
from service.ledger.lease import LeaseLost
from service.ledger.outcome import Outcome
from workers.courier import PeerAwayError
from workers.email.crew import READ, WRITE, Crew
from workers.email.link import Envelope, Link, Step, Wanted, stuffed
from workers.email.relay import Relays
from workers.email.source import Source, Width, WithheldError
from workers.email.wire import LostError, Reply

COMMAND_TIMEOUT_S = 60.0  # nothing has left yet, so to be impatient costs nothing
DOT_TIMEOUT_S = 240.0  # a filter may think; who gives up early doubles the letter (RFC 5321, 4.5.3)
DRAIN_S = 10.0  # for answers that are still due when the batch is somebody else's
POLL_S = 1.0
ROOM_S = 0.05  # while links are idle for want of room, not of letters
MAX_PER_LINK = 100  # a polite guest hangs up after about this many (email guide, rule 18)
# Fresh links to a relay in a row that came to nothing: it is away. One that broke at a recipient
# weighs less, because it may be the recipient's doing.
MAX_FRUITLESS, AT_SENDER, AT_RECIPIENT = 12, 3, 1


class Pipeline:
    """Sends what a source has. Used once, by one thread."""

    def __init__(self, relays: Relays, width: Width) -> None:
        self._relays, self._width = relays, width
        self._crew = Crew(relays, width)
        self._again: deque[Envelope] = deque()  # begun on a link that broke
        self._begun = 0
        self._fruitless = Counter[str]()  # by relay
        self._error: Exception | None = None  # why nothing more is begun
        self._ends_at = math.inf
        self._look_at = 0.0

    def run(self, source: Source) -> None:
        """Send until the source has nothing more.

        Raises:
            PeerAwayError: the relay takes nothing now. What has no outcome has not left.
            Exception: what the source raised. Answers that were due then were waited for.
        """
        self._source = source
        try:
            while self._is_at_work():
                pass
        finally:
            self._crew.disband()
        if self._error is not None:
            raise self._error

    def _is_at_work(self) -> bool:
        """One turn; False: all is done, or nothing more can be."""
        is_waiting, crew = self._employ(), self._crew
        if not crew.is_busy and (self._error is not None or is_waiting or not crew.dialing):
            return False
        for link, events in crew.events(ROOM_S if is_waiting else POLL_S):
            self._hear(link, events)
        if crew.failure is not None:
            self._stop(crew.failure)
        self._expire()
        return True

    def _employ(self) -> bool:
        """Give idle links work, and have more of them where that helps.

        True: links are idle though the source may have more, later.
        """
        crew = self._crew
        while self._error is None and (crew.idle or crew.may_grow(self._begun)):
            envelope = self._next()
            if envelope is None:
                return bool(crew.idle)
            if crew.idle or crew.grow():
                self._begin(crew.idle.pop(), envelope)
            else:
                self._again.appendleft(envelope)
        return False

    def _next(self) -> Envelope | None:
        if self._error is not None:
            return None
        if self._again:
            return self._again.popleft()
        try:
            return self._source.take()
        except Exception as error:
            self._stop(error)
            return None

    def _begin(self, link: Link, envelope: Envelope, ahead: bytes = b"") -> None:
        self._begun += 1
        try:
            link.begin(envelope, ahead)
        except LostError as error:
            self._lost(link, str(error))
        else:
            self._crew.watch(link)

    def _hear(self, link: Link, events: int) -> None:
        try:
            if events & READ:
                for reply in link.wire.replies():
                    self._answered(link, reply)
                    if link not in self._crew.links:
                        return
            if events & WRITE:
                link.wire.flush()
            link.ask_next()
        except LostError as error:
            self._lost(link, str(error))
        else:
            self._crew.watch(link)

    def _answered(self, link: Link, reply: Reply) -> None:
        is_early = link.next_step is Step.DOT and link.wire.has_backlog
        wanted, envelope, outcome = link.answered(reply)
        if outcome is not None:
            self._fruitless.pop(link.to, None)
        if wanted is Wanted.HANG_UP:
            self._drop(link)
        if envelope is not None and outcome is not None:
            self._done(envelope, outcome)
        if reply.code == 421 or is_early:  # what is left of a letter must not be taken for commands
            raise LostError(str(reply))
        if wanted is Wanted.LETTER and envelope is not None:
            self._send_letter(link, envelope)
        elif wanted is Wanted.WORK:
            self._go_on(link)

    def _send_letter(self, link: Link, envelope: Envelope) -> None:
        """Write a letter that the relay waits for, and behind it the next envelope.

        That one is fetched first. It may take as long as the database does, and the look at who
        still wants the letter, in `write`, has to be the last thing before its bytes.
        """
        is_last = link.letters + 1 >= MAX_PER_LINK
        following = None if is_last else self._next()
        if self._error is not None:
            self._drop(link)  # only by hanging up is nothing sent
            return
        try:
            raw = envelope.write()
        except Exception as error:
            self._drop(link)
            if following is not None:
                self._again.appendleft(following)
            if not isinstance(error, WithheldError):
                self._stop(error)
            return
        link.expect_dot(envelope)
        if following is None:
            link.wire.write(stuffed(raw))
        else:
            self._begin(link, following, stuffed(raw))

    def _go_on(self, link: Link) -> None:
        """Give a link that has nothing left to wait for the next envelope, or let it idle."""
        if link.letters >= MAX_PER_LINK:
            self._crew.dismiss(link)
            link.say_goodbye()
        elif (envelope := self._next()) is not None:
            self._begin(link, envelope)
        else:
            self._crew.idle.append(link)

    def _done(self, envelope: Envelope, outcome: Outcome) -> None:
        try:
            self._source.answer(envelope, outcome)
            self._width.note(envelope, outcome)
        except Exception as error:
            self._stop(error)

    def _lost(self, link: Link, why: str) -> None:
        """Decide about each letter of a broken link."""
        self._drop(link)
        if not link.letters and not link.is_rested and not link.is_idle:
            is_early = link.next_step in (Step.RSET, Step.MAIL)
            self._fruitless[link.to] += AT_SENDER if is_early else AT_RECIPIENT
        if link.was_bidden_farewell:
            self._width.slow_down()
        for envelope, outcome in link.lost(why):
            if outcome is None:
                self._again.append(envelope)
            else:
                self._done(envelope, outcome)
        if self._fruitless[link.to] >= MAX_FRUITLESS and not self._relays.avoid(link.to, why):
            self._stop(PeerAwayError(f"the relay hangs up: {strip_addresses(why)}"))

    def _drop(self, link: Link) -> None:
        """Hang up at once; what the link had in hand is the caller's."""
        self._crew.dismiss(link)
        link.wire.close()

    def _stop(self, error: Exception) -> None:
        """Begin nothing more; what is on the wire is waited for."""
        if self._error is None:
            self._error = error
            if isinstance(error, LeaseLost):
                self._ends_at = time.monotonic() + DRAIN_S

    def _expire(self) -> None:
        """Give up links that have been silent for too long."""
        now = time.monotonic()
        if now < min(self._look_at, self._ends_at):
            return
        self._look_at = now + POLL_S
        for link in [one for one in self._crew.links if not one.is_idle]:
            silent_s = now - link.wire.moved_at
            limit_s = DOT_TIMEOUT_S if link.next_step is Step.DOT else COMMAND_TIMEOUT_S
            if silent_s > limit_s or now > self._ends_at:
                self._lost(link, f"silent for {silent_s:.0f} s")
