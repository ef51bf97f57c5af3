"""A session under the guard: no redirects, no more bytes and no more time than it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from apprise.utils.http import HTTPPolicySession

from service.outbound.guard import GuardPolicy

KEPT = 2_000  # bytes of an answer that are kept beside its status


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
    keeps = False  # whether its connections are used again

    def __init__(self, policy: GuardPolicy, record: Callable[[Exchange], None]) -> None:
        super().__init__(policy)  # type: ignore[no-untyped-call]
        self._guard = policy
        self._record = record

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        try:
            with self._guard.deadline(self.deadline_s, keeps=self.keeps):
                response: requests.Response = super().send(  # type: ignore[no-untyped-call]
                    request, **{**options, "allow_redirects": False, "stream": True}
                )
                _read_bounded(response, self.max_bytes)
        except requests.ConnectTimeout:
            self._record(Exchange(None, was_sent=False))
            raise
        except requests.ConnectionError as error:
            self._record(Exchange(None, was_sent=not _never_connected(error)))
            raise
        except requests.RequestException:
            self._record(Exchange(None))
            raise
        retry_after = response.headers.get("Retry-After")
        body = response.content[:KEPT]
        self._record(Exchange(response.status_code, retry_after, body=body))
        return response


def _read_bounded(response: requests.Response, max_bytes: int) -> None:
    """Read the body, decompressed; of a longer one what comes to a little more than `max_bytes`."""
    chunks, size = [], 0
    for chunk in response.iter_content(8192):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
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
