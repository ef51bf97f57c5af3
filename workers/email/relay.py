"""Relays: where mail is handed over, how a connection to one is opened, and which one is up.

The standard library greets, encrypts and signs in; what follows is `workers.email.link`.
"""

from __future__ import annotations

import select
import smtplib
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakSet

from service.logs import get_logger
from service.smtp import Server, sign_in, verifying
from workers.courier import PeerAwayError
from workers.email.link import Link
from workers.email.wire import brief

log = get_logger(__name__)

DIAL_S = 30.0  # for each step of a greeting
DIALERS = 4  # threads
DOWN_S = 30.0  # for so long a relay that could not be reached is asked last
IDLE_S = 10.0  # a link that nobody used for so long is closed


@dataclass(frozen=True)
class Relay:
    """One mail server that takes our mail. Its certificate is verified by `tls`."""

    server: Server
    hello: str  # who we say that we are
    tls: ssl.SSLContext = field(repr=False, compare=False)

    @classmethod
    def of(cls, url: str, hello: str, authorities: str = "") -> Relay:
        """The relay of a URL that the settings take, and whom to trust beside this machine's
        authorities (PEM)."""
        return cls(Server.of(url), hello, verifying(authorities))

    def __str__(self) -> str:
        return str(self.server)

    def dial(self) -> Link:
        """Open a connection: greeted, encrypted with a verified certificate, signed in.

        Raises:
            OSError, smtplib.SMTPException, ValueError: there is none to be had.
        """
        smtp = self._greeted()
        try:
            if self.server.scheme == "smtp+starttls":
                smtp.starttls(context=self.tls)
                smtp.ehlo_or_helo_if_needed()
            if self.server.user:
                sign_in(smtp, self.server.user, self.server.password)
            is_pipelining = smtp.has_extn("pipelining")
            link = Link(_detached(smtp), is_pipelining=is_pipelining, to=str(self))
        except BaseException:
            smtp.close()
            raise
        return link

    def _greeted(self) -> smtplib.SMTP:
        host, port, hello = self.server.host, self.server.port, self.hello
        if self.server.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, hello, timeout=DIAL_S, context=self.tls
            )
        else:
            smtp = smtplib.SMTP(host, port, hello, timeout=DIAL_S)
        try:
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp


def _detached(smtp: smtplib.SMTP) -> socket.socket:
    """Take the socket away from its client, which is not needed any more."""
    sock, file = smtp.sock, smtp.file
    assert sock is not None
    smtp.sock = smtp.file = None
    if file is not None:
        file.close()
    return sock


class Relays:
    """The relays of this process, and the links that rest between batches.

    Those that share the mail have links in proportion to their weights. Links fetch letters as they
    get rid of them, so that a relay that is slower than its weight says takes fewer letters. `last`
    is asked where none of the others can be reached. Thread-safe.
    """

    def __init__(self, relays: Sequence[Relay], last: Relay | None = None) -> None:
        self._shared, self._last = tuple(relays), last
        self._relays = (*self._shared, last) if last else self._shared
        self._down_until: dict[str, float] = {}  # by name
        self._links: dict[str, WeakSet[Link]] = {str(one): WeakSet() for one in self._relays}
        self._dialing = Counter[str]()  # by name
        self._counting = threading.Lock()
        self._resting: list[tuple[float, Link]] = []  # since when; the oldest first
        self._changed = threading.Condition()
        self._keeper: threading.Thread | None = None
        self._dialers = ThreadPoolExecutor(DIALERS, "dial")

    def dial_soon(self, tell: Callable[[Link | PeerAwayError], None]) -> None:
        """Dial in another thread, which then calls `tell`."""

        def dial() -> None:
            try:
                tell(self.dial())
            except PeerAwayError as error:
                tell(error)
            except Exception as error:  # whoever waits must not wait for ever
                log.exception("dialing broke")
                tell(PeerAwayError(brief(error)))

        self._dialers.submit(dial)

    def dial(self) -> Link:
        """Open a link to the relay that has the fewest for its weight, to the last one where no
        other can be reached; those that were away are asked after all that were not.

        Raises:
            PeerAwayError: to none of them.
        """
        reasons: list[str] = []
        asked: set[Relay] = set()
        while (relay := self._choose(asked)) is not None:
            asked.add(relay)
            link = None
            try:
                link = relay.dial()
            except (OSError, smtplib.SMTPException, ValueError) as error:
                self._down_until[str(relay)] = time.monotonic() + DOWN_S
                reasons.append(f"{relay}: {brief(error)}")
            finally:
                self._dialed(relay, link)
            if link is not None:
                self._down_until.pop(str(relay), None)
                if reasons:
                    log.warning("relay away", used=str(relay), detail="; ".join(reasons))
                return link
        raise PeerAwayError("no connection to the relay: " + "; ".join(reasons))

    def _choose(self, asked: Set[Relay]) -> Relay | None:
        """The relay to dial next, which counts as having that link already; None: all were asked.

        In one piece, so that two who dial at once do not both find the same one poor.
        """
        with self._counting:
            left = [one for one in self._relays if one not in asked]
            if not left:
                return None
            chosen = min(left, key=lambda r: (self._is_down(r), r is self._last, self._load(r)))
            self._dialing[str(chosen)] += 1
        return chosen

    def _load(self, relay: Relay) -> float:
        """Links for its weight, with the one that is wanted now."""
        name = str(relay)
        links = sum(link.is_open for link in self._links[name])
        return (links + self._dialing[name] + 1) / relay.server.weight

    def _dialed(self, relay: Relay, link: Link | None) -> None:
        with self._counting:
            self._dialing[str(relay)] -= 1
            if link is not None:
                self._links[str(relay)].add(link)

    def avoid(self, name: str, why: str) -> bool:
        """Ask others than this relay first for a while; false: none of them seems to be up."""
        self._down_until[name] = time.monotonic() + DOWN_S
        if all(map(self._is_down, self._relays)):
            return False
        log.warning("relay away", detail=f"{name}: {why}")
        return True

    def _is_down(self, relay: Relay) -> bool:
        return self._down_until.get(str(relay), 0.0) > time.monotonic()

    def rested(self) -> Link | None:
        """A link of an earlier batch that is still open, the one that rested least."""
        while True:
            with self._changed:
                if not self._resting:
                    return None
                _, link = self._resting.pop()
            if not select.select([link.wire.sock], [], [], 0)[0]:
                return link
            link.wire.close()  # it said something unasked: goodbye

    def rest(self, link: Link) -> None:
        """Keep an idle link for the next batch; it is closed if there is none soon."""
        link.is_rested = True
        with self._changed:
            self._resting.append((time.monotonic(), link))
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="links", daemon=True)
                self._keeper.start()

    def rest_all(self, dialed: deque[Link | PeerAwayError]) -> None:
        """Keep the links that were dialed for somebody who does not wait any more."""
        with suppress(IndexError):  # two may be at it, the one who dialed and the one who left
            while True:
                found = dialed.popleft()
                if isinstance(found, Link):
                    self.rest(found)

    def close(self) -> None:
        """Hang up on all that rest."""
        self._dialers.shutdown(cancel_futures=True)
        with self._changed:
            resting, self._resting = self._resting, []
        for _, link in resting:
            link.say_goodbye()

    def _keep(self) -> None:
        """Close what has rested for too long, until nothing rests any more."""
        while True:
            with self._changed:
                if not self._resting:
                    self._keeper = None
                    return
                self._changed.wait(max(self._resting[0][0] + IDLE_S - time.monotonic(), 0.0))
                long_ago = time.monotonic() - IDLE_S
                tired = [link for since, link in self._resting if since <= long_ago]
                self._resting = [one for one in self._resting if one[0] > long_ago]
            for link in tired:
                link.say_goodbye()
