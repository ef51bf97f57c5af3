"""A session under the guard: no redirects, no more bytes and no more time than it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import requests
from apprise.utils.http import HTTPPolicySession
from urllib3.exceptions import HTTPError

from service.outbound.guard import GuardPolicy

READ = 8192  # bytes at a time
KEPT = 2_000  # bytes of an answer that are kept beside its status
REFUSALS = 300  # statuses from here on did not take what was sent


@dataclass(frozen=True)
class Exchange:
    """What came back from one request: an HTTP status, or how it failed.

    `was_sent` is False only where it is certain that no byte of the request was taken. `body`: how
    the answer begins.
    """

    status: int | None
    retry_after: str | None = None
    was_sent: bool = True
    body: bytes = b""


class GuardedSession(HTTPPolicySession):
    """A session under the guard that follows no redirect, bounds time and size, and records."""

    max_bytes = 256 * 1024  # of an answer, decompressed
    deadline_s = 20.0  # from the first byte to the last

    def __init__(self, policy: GuardPolicy, record: Callable[[Exchange], None]) -> None:
        super().__init__(policy)  # type: ignore[no-untyped-call]
        self._guard = policy
        self._record = record
        self._has_begun = False  # the request that is under way, to be written
        for adapter in self.adapters.values():
            for pools in adapter.poolmanager.pool_classes_by_scheme.values():  # type: ignore[attr-defined]
                pools.ConnectionCls = _noting(pools.ConnectionCls, self._begin)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self._has_begun = False
        try:
            with self._guard.deadline(self.deadline_s):
                response: requests.Response = super().send(  # type: ignore[no-untyped-call]
                    request, **{**options, "allow_redirects": False, "stream": True}
                )
                response._content, is_whole = read_bounded(
                    response.iter_content(READ),
                    self.max_bytes,
                    is_refusal=response.status_code >= REFUSALS,
                )
                if not is_whole:
                    response.close()
        except Exception:
            self._record(Exchange(None, was_sent=self._has_begun))
            raise
        retry_after = response.headers.get("Retry-After")
        body = response.content[:KEPT]
        self._record(Exchange(response.status_code, retry_after, body=body))
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: to tell where one would lead, requests reads all of its body, however long."""

    def _begin(self) -> None:
        self._has_begun = True


def _noting(connection: Any, begin: Callable[[], None]) -> Any:
    """A class of connections that says right before the first byte of a request leaves: after the
    handshake of TLS, whose failures are told apart from later ones by nothing else."""

    class Noting(connection):  # type: ignore[misc]
        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            begin()
            super().send(data)

    return Noting


def read_bounded(
    chunks: Iterable[bytes], max_bytes: int, *, is_refusal: bool
) -> tuple[bytes, bool]:
    """Read a body, decompressed, and whether this is all of it: of a longer one what comes to a
    little more than `max_bytes`, and of a refusal that breaks off what came before: it has said
    all that counts."""
    read, size = [], 0
    try:
        for chunk in chunks:
            read.append(chunk)
            size += len(chunk)
            if size > max_bytes:
                return b"".join(read), False
    except (requests.RequestException, HTTPError):
        if not is_refusal:
            raise
        return b"".join(read), False
    return b"".join(read), True
