"""The pipeline: many letters over several links at once, and exactly one outcome for each.

A single thread waits for all links. The next envelope rides behind the last dot of the one before,
so that a letter costs one round trip.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections import Counter, deque
from contextlib import suppress

from service.bounces import strip_addresses
from service.ledger.lease import LeaseLost
from service.ledger.outcome import Outcome
from workers.courier import PeerAwayError
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
STANDS_S = 2.0  # a link that neither heard nor said anything for so long is as good as none
LETTERS_PER_LINK = 8  # a further link is worth its greeting from so many letters on
DIAL_AGAIN_S = 5.0  # after a dial that failed, while there are other links


class Pipeline:
    """Sends what a source has. Used once, by one thread."""

    def __init__(self, relays: Relays, width: Width) -> None:
        self._relays, self._width = relays, width
        self._selector = selectors.DefaultSelector()
        self._links: set[Link] = set()
        self._idle: list[Link] = []
        self._again: deque[Envelope] = deque()  # begun on a link that broke
        self._begun = 0
        self._fruitless = Counter[str]()  # by relay
        self._dialed: deque[Link | PeerAwayError] = deque()
        self._dialing = 0
        self._dial_after = 0.0
        self._error: Exception | None = None  # why nothing more is begun
        self._ends_at = float("inf")
        self._look_at = 0.0
        self._is_over = False
        self._bell, self._waker = socket.socketpair()

    def run(self, source: Source) -> None:
        """Send until the source has nothing more.

        Raises:
            PeerAwayError: the relay takes nothing now. What has no outcome has not left.
            Exception: what the source raised. Answers that were due then were waited for.
        """
        self._source = source
        self._bell.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        try:
            while self._is_at_work():
                pass
        finally:
            self._put_away()
        if self._error is not None:
            raise self._error

    def _is_at_work(self) -> bool:
        """One turn; False: all is done, or nothing more can be."""
        is_waiting = self._employ()
        is_busy = len(self._links) > len(self._idle)
        if not is_busy and (self._error is not None or is_waiting or not self._dialing):
            return False
        for key, events in self._selector.select(ROOM_S if is_waiting else POLL_S):
            if key.data is None:
                self._welcome()
            elif key.data in self._links:  # and not lost in this very turn
                self._hear(key.data, events)
        self._expire()
        return True

    def _employ(self) -> bool:
        """Give idle links work, and dial where more of them would help.

        True: links are idle though the source may have more, later.
        """
        while self._error is None and (self._idle or self._may_dial()):
            envelope = self._next()
            if envelope is None:
                return bool(self._idle)
            if self._idle or self._take_rested():
                self._begin(self._idle.pop(), envelope)
            else:
                self._again.appendleft(envelope)
                self._dialing += 1
                self._relays.dial_soon(self._was_dialed)
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

    def _may_dial(self) -> bool:
        links = len(self._links) + self._dialing
        if links >= self._width.links:
            return False
        if links >= 1 + self._begun // LETTERS_PER_LINK and not self._is_stalled():
            return False
        return not self._links or time.monotonic() >= self._dial_after

    def _is_stalled(self) -> bool:
        """True where none of the links moves, and so none is begun for want of letters."""
        moved_at = max((link.wire.moved_at for link in self._links), default=math.inf)
        return not self._dialing and moved_at + STANDS_S < time.monotonic()

    def _take_rested(self) -> bool:
        link = self._relays.rested()
        if link is not None:
            self._adopt(link)
        return link is not None

    def _was_dialed(self, found: Link | PeerAwayError) -> None:
        """Called by another thread."""
        self._dialed.append(found)
        if self._is_over:
            self._relays.rest_all(self._dialed)
        else:
            with suppress(OSError):  # it is over this moment
                self._waker.send(b".")

    def _welcome(self) -> None:
        """Take in what was dialed."""
        with suppress(BlockingIOError):
            self._bell.recv(64)
        while self._dialed:
            found = self._dialed.popleft()
            self._dialing -= 1
            if isinstance(found, Link):
                self._adopt(found)
            elif self._links or self._dialing:
                self._dial_after = time.monotonic() + DIAL_AGAIN_S
                self._width.slow_down()
            else:
                self._stop(found)

    def _adopt(self, link: Link) -> None:
        self._links.add(link)
        self._idle.append(link)
        self._selector.register(link.wire.sock, selectors.EVENT_READ, link)

    def _begin(self, link: Link, envelope: Envelope, ahead: bytes = b"") -> None:
        self._begun += 1
        try:
            link.begin(envelope, ahead)
        except LostError as error:
            self._lost(link, str(error))
        else:
            self._watch(link)

    def _hear(self, link: Link, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                for reply in link.wire.replies():
                    self._answered(link, reply)
                    if link not in self._links:
                        return
            if events & selectors.EVENT_WRITE:
                link.wire.flush()
            link.ask_next()
        except LostError as error:
            self._lost(link, str(error))
        else:
            self._watch(link)

    def _watch(self, link: Link) -> None:
        """Wait for a slow one until it can be written to."""
        is_slow = link.wire.has_backlog
        if is_slow != link.is_slow:
            link.is_slow = is_slow
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if is_slow else 0)
            self._selector.modify(link.wire.sock, events, link)

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
            self._forget(link)
            link.say_goodbye()
        elif (envelope := self._next()) is not None:
            self._begin(link, envelope)
        else:
            self._idle.append(link)

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
        self._forget(link)
        link.wire.close()

    def _forget(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)
            self._selector.unregister(link.wire.sock)
        if link in self._idle:
            self._idle.remove(link)

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
        for link in [one for one in self._links if not one.is_idle]:
            silent_s = now - link.wire.moved_at
            limit_s = DOT_TIMEOUT_S if link.next_step is Step.DOT else COMMAND_TIMEOUT_S
            if silent_s > limit_s or now > self._ends_at:
                self._lost(link, f"silent for {silent_s:.0f} s")

    def _put_away(self) -> None:
        """Leave idle links for the next batch, and hang up on the others."""
        for link in list(self._links):
            self._forget(link)
            if link.is_idle and not link.wire.has_backlog:
                self._relays.rest(link)
            else:
                link.wire.close()
        self._is_over = True
        self._selector.close()
        self._bell.close()
        self._waker.close()
        self._relays.rest_all(self._dialed)
