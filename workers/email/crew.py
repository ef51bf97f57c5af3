"""The crew: the links over which a batch is sent, dialed as they are worth it, and watched."""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from workers.courier import PeerAwayError
from workers.email.link import Link
from workers.email.relay import Relays
from workers.email.source import Width

STANDS_S = 2.0  # a link that neither heard nor said anything for so long is as good as none
LETTERS_PER_LINK = 8  # a further link is worth its greeting from so many letters on
DIAL_AGAIN_S = 5.0  # after a dial that failed, while there are other links
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Crew:
    """Links of one batch; of one thread, but for those who dial."""

    def __init__(self, relays: Relays, width: Width) -> None:
        self._relays, self._width = relays, width
        self._selector = selectors.DefaultSelector()
        self._dialed: deque[Link | PeerAwayError] = deque()
        self._dial_after = 0.0
        self._is_over = False
        self._bell, self._waker = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._bell, READ)
        self.links: set[Link] = set()
        self.idle: list[Link] = []
        self.dialing = 0
        self.failure: PeerAwayError | None = None  # no link, and none to be had

    @property
    def is_busy(self) -> bool:
        """True while a link has something to answer."""
        return len(self.links) > len(self.idle)

    def may_grow(self, begun: int) -> bool:
        """Whether one more link would help, so many letters having been begun."""
        links = len(self.links) + self.dialing
        if links >= self._width.links:
            return False
        if links >= 1 + begun // LETTERS_PER_LINK and not self._is_stalled():
            return False
        return not self.links or time.monotonic() >= self._dial_after

    def grow(self) -> bool:
        """Take a link that rested, at once, or dial one; True: it is there."""
        link = self._relays.rested()
        if link is not None:
            self._adopt(link)
            return True
        self.dialing += 1
        self._relays.dial_soon(self._was_dialed)
        return False

    def events(self, timeout_s: float) -> Iterator[tuple[Link, int]]:
        """Wait for what links have to say or take; what was dialed joins them."""
        for key, events in self._selector.select(timeout_s):
            if key.data is None:
                self._welcome()
            elif key.data in self.links:  # and not lost in this very turn
                yield key.data, events

    def watch(self, link: Link) -> None:
        """Wait for a slow one until it can be written to."""
        is_slow = link.wire.has_backlog
        if is_slow != link.is_slow:
            link.is_slow = is_slow
            self._selector.modify(link.wire.sock, READ | WRITE if is_slow else READ, link)

    def dismiss(self, link: Link) -> None:
        """It is no link of this batch any more; whoever says so hangs up."""
        if link in self.links:
            self.links.remove(link)
            self._selector.unregister(link.wire.sock)
        if link in self.idle:
            self.idle.remove(link)

    def disband(self) -> None:
        """Leave idle links for the next batch, and hang up on the others."""
        for link in list(self.links):
            self.dismiss(link)
            if link.is_idle and not link.wire.has_backlog:
                self._relays.rest(link)
            else:
                link.wire.close()
        self._is_over = True
        self._selector.close()
        self._bell.close()
        self._waker.close()
        self._relays.rest_all(self._dialed)

    def _adopt(self, link: Link) -> None:
        self.links.add(link)
        self.idle.append(link)
        self._selector.register(link.wire.sock, READ, link)

    def _is_stalled(self) -> bool:
        """True where none of the links moves, and so none is begun for want of letters."""
        moved_at = max((link.wire.moved_at for link in self.links), default=math.inf)
        return not self.dialing and moved_at + STANDS_S < time.monotonic()

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
            self.dialing -= 1
            if isinstance(found, Link):
                self._adopt(found)
            elif self.links or self.dialing:
                self._dial_after = time.monotonic() + DIAL_AGAIN_S
                self._width.slow_down()
            else:
                self.failure = found
