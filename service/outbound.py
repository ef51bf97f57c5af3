"""The one guarded way out: which hosts a request may reach that somebody else named.

Addresses are resolved once, checked, and connected to as checked, so that neither a redirect nor a
second answer of the name server can lead inside the network (design, invariant 12).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from apprise.utils.http import HTTPPolicy, HTTPPolicySession

MAX_ANSWER_BYTES = 256 * 1024
TOTAL_DEADLINE_S = 20.0


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
        if found.teredo or found in ipaddress.ip_network("64:ff9b::/96"):
            return False
    return found.is_global and not found.is_multicast


class GuardPolicy(HTTPPolicy):
    """Public addresses only, but for hosts that the operator listed by name."""

    def __init__(self, allowed_hosts: tuple[str, ...]) -> None:
        super().__init__(address_filter=is_public)  # type: ignore[no-untyped-call]
        self._allowed = frozenset(allowed_hosts)
        self._open = HTTPPolicy()

    def resolve(self, host: str, port: int) -> Any:
        if host.strip("[]") in self._allowed:
            return self._open.resolve(host, port)
        return super().resolve(host, port)  # type: ignore[no-untyped-call]


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
        self._record = record

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        deadline = time.monotonic() + TOTAL_DEADLINE_S
        try:
            response: requests.Response = super().send(  # type: ignore[no-untyped-call]
                request, **{**options, "allow_redirects": False, "stream": True}
            )
            _read_bounded(response, deadline)
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


def _read_bounded(response: requests.Response, deadline: float) -> None:
    """Read the body; a drip that beats every read time-out still ends at the deadline."""
    chunks, size = [], 0
    for chunk in response.iter_content(8192):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES or time.monotonic() > deadline:
            response.close()
            break
    response._content = b"".join(chunks)


def _never_connected(error: requests.ConnectionError) -> bool:
    """urllib3 wraps a refused or unresolvable connection in these, and nothing else."""
    text = repr(error)
    return any(name in text for name in ("NewConnectionError", "NameResolutionError"))
