"""The guard: which hosts a request may reach that somebody else named.

Addresses are resolved once, checked, and connected to as checked, so that neither a redirect nor a
second answer of the name server can lead inside the network (design, invariant 12).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from apprise.utils.http import HTTPPolicy

from service.logs import get_logger
from service.outbound.deadlines import DEADLINES

log = get_logger(__name__)

# All that is assigned so far (RFC 4291, section 2.4): leaves out NAT64, which leads to IPv4, the
# old site-local and IPv4-compatible addresses, and what a newer standard than this may reserve.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


LOOKUP_S = 5.0  # how long somebody waits for a turn
_lookups = threading.BoundedSemaphore(8)  # as many as there are threads that look names up


def is_public(address: str) -> bool:
    """True for an ordinary address of the public internet, IPv4 inside IPv6 unwrapped."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if found.teredo or found not in GLOBAL_UNICAST:
            return False
    return found.is_global and not found.is_multicast


class GuardPolicy(HTTPPolicy):
    """Public addresses only, but for hosts that the operator listed by name.

    `has_refused`: whether a host had no address that may be reached. `has_hung_up`: whether the
    deadline ended a connection, which an answer without a length cannot be told from its end.
    """

    def __init__(self, allowed_hosts: tuple[str, ...]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.has_refused = False
        self.has_hung_up = False
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._handles: dict[tuple[Any, ...], socket.socket] = {}  # by where they lead to
        self._ends = float("inf")

    def resolve(self, host: str, port: int) -> Any:
        """The addresses to connect to, looked up once. Raises `socket.gaierror` where none may be
        reached."""
        # Many callers at once wait for each other here: Apprise refuses more than it has slots for.
        if not _lookups.acquire(timeout=LOOKUP_S):
            raise socket.gaierror(socket.EAI_AGAIN, "name lookups take too long")
        try:
            answers = super().resolve(host, port)  # type: ignore[no-untyped-call]
        finally:
            _lookups.release()
        if host.strip("[]").lower() in self._allowed:
            return answers
        public = [answer for answer in answers if is_public(answer[4][0])]
        if public:
            return public
        self.has_refused = True
        log.warning("outbound address refused", host=host, port=port)
        raise socket.gaierror(socket.EAI_NONAME, "no address passed the outbound policy")

    def create_connection(self, *args: Any, **options: Any) -> socket.socket:
        """Connect, and keep a handle by which the deadline can hang up, TLS or not."""
        connection: socket.socket = super().create_connection(  # type: ignore[no-untyped-call]
            *args, **options
        )
        if before := self._handles.pop(args, None):  # the connection before is dead
            before.close()
        self._handles[args] = connection.dup()
        if time.monotonic() > self._ends:
            self._hang_up()
        return connection

    @contextmanager
    def deadline(self, seconds: float, *, keeps: bool = False) -> Iterator[None]:
        """Hang up after so long: a drip of bytes beats every time-out of a single read.

        `keeps`: connections may be used again, so the next deadline must be able to hang up too;
        `let_go` ends that.
        """
        self._ends = time.monotonic() + seconds
        try:
            with DEADLINES.after(seconds, self._hang_up):
                yield
        finally:
            self._ends = float("inf")
            if not keeps:
                self.let_go()

    def let_go(self) -> None:
        """Keep no connection any more."""
        for handle in self._handles.values():
            handle.close()
        self._handles = {}

    def begin(self) -> None:
        """Forget what the last request met."""
        self.has_refused = self.has_hung_up = False

    def _hang_up(self) -> None:
        self.has_hung_up = True
        for handle in list(self._handles.values()):
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)
