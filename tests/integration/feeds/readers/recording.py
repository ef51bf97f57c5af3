"""What readers asked for and were answered, noted on the way through a running server."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request
from werkzeug.wsgi import ClosingIterator


@dataclass(frozen=True)
class Exchange:
    """One request of a reader and its answer; header fields are empty where they were absent."""

    path: str
    if_none_match: str
    a_im: str
    agent: str
    status: int
    im: str
    encoding: str
    length: int  # bytes of the body as sent

    @property
    def format(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_delta(self) -> bool:
        """Only what changed was sent (RFC 3229)."""
        return self.status == 226 and self.im == "feed"


class Recorder:
    """A WSGI application before another that is set later: a server has to know its port first."""

    def __init__(self) -> None:
        self.app: Any = None
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answered: list[tuple[int, Headers]] = []

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            answered.append((int(status.split()[0]), Headers(headers)))
            return start_response(status, headers, *rest)

        found = self.app(environ, start)
        body = b"".join(found)
        asked, (status, headers) = Request(environ), answered[-1]
        exchange = Exchange(
            path=asked.path,
            if_none_match=asked.headers.get("If-None-Match", ""),
            a_im=asked.headers.get("A-IM", ""),
            agent=asked.headers.get("User-Agent", ""),
            status=status,
            im=headers.get("IM", ""),
            encoding=headers.get("Content-Encoding", ""),
            length=len(body),
        )
        with self._lock:
            self._exchanges.append(exchange)
        return ClosingIterator([body], getattr(found, "close", None))

    def take(self) -> list[Exchange]:
        """What passed since this was asked last."""
        with self._lock:
            taken, self._exchanges = self._exchanges, []
        return taken
