"""The one guarded way out: which hosts a request may reach that somebody else named.

Addresses are resolved once, checked, and connected to as checked, so that neither a redirect nor a
second answer of the name server can lead inside the network (design, invariant 12).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests
from apprise.utils.http import HTTPPolicy, HTTPPolicySession

MAX_ANSWER_BYTES = 256 * 1024
TOTAL_DEADLINE_S = 20.0
# All that is assigned so far (RFC 4291, section 2.4): leaves out NAT64, which leads to IPv4, the
# old site-local and IPv4-compatible addresses, and what a newer standard than this may reserve.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


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
    """Public addresses only, but for hosts that the operator listed by name."""

    def __init__(self, allowed_hosts: tuple[str, ...]) -> None:
        super().__init__(address_filter=is_public)  # type: ignore[no-untyped-call]
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._open = HTTPPolicy()
        self._handles: list[socket.socket] = []
        self._ends = float("inf")

    def resolve(self, host: str, port: int) -> Any:
        if host.strip("[]").lower() in self._allowed:
            return self._open.resolve(host, port)
        return super().resolve(host, port)  # type: ignore[no-untyped-call]

    def create_connection(self, *args: Any, **options: Any) -> socket.socket:
        """Connect, and keep a handle by which the deadline can hang up, TLS or not."""
        connection: socket.socket = super().create_connection(  # type: ignore[no-untyped-call]
            *args, **options
        )
        self._handles.append(connection.dup())
        if time.monotonic() > self._ends:
            self._hang_up()
        return connection

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Hang up after so long: a drip of bytes beats every time-out of a single read."""
        self._ends = time.monotonic() + seconds
        timer = threading.Timer(seconds, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            for handle in self._handles:
                handle.close()
            self._handles, self._ends = [], float("inf")

    def _hang_up(self) -> None:
        for handle in list(self._handles):
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Exchange:
    """What came back from one request: an HTTP status, or how it failed.

    `was_sent` is False only where it is certain that no byte of the request was taken.
    """

    status: int | None
    retry_after: str | None = None
    was_sent: bool = True


class GuardedSession(HTTPPolicySession):
    """A session under the guard that follows no redirect, bounds time and size, and records."""

    def __init__(self, policy: GuardPolicy, record: Callable[[Exchange], None]) -> None:
        super().__init__(policy)  # type: ignore[no-untyped-call]
        self._guard = policy
        self._record = record

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        try:
            with self._guard.deadline(TOTAL_DEADLINE_S):
                response: requests.Response = super().send(  # type: ignore[no-untyped-call]
                    request, **{**options, "allow_redirects": False, "stream": True}
                )
                _read_bounded(response)
        except requests.ConnectTimeout:
            self._record(Exchange(None, was_sent=False))
            raise
        except requests.ConnectionError as error:
            self._record(Exchange(None, was_sent=not _never_connected(error)))
            raise
        except requests.RequestException:
            self._record(Exchange(None))
            raise
        self._record(Exchange(response.status_code, response.headers.get("Retry-After")))
        return response


def _read_bounded(response: requests.Response) -> None:
    """Read the body, or as much of it as anybody may send us."""
    chunks, size = [], 0
    for chunk in response.iter_content(8192):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            response.close()
            break
    response._content = b"".join(chunks)


def _never_connected(error: requests.ConnectionError) -> bool:
    """True for a connection that was refused, found no address, or ended in its TLS handshake."""
    if isinstance(error, requests.exceptions.SSLError):
        return True
    # urllib3 wraps the first two in these, and nothing else.
    text = repr(error)
    return any(name in text for name in ("NewConnectionError", "NameResolutionError"))
