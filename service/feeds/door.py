"""The door in front of the application: feeds that are known and unchanged, without a framework.

Most requests of feeds are of readers that ask whether anything is new. They are answered here from
memory, by the same rules as behind the door (`service.feeds.serving`); what needs a query, a limit
or a look at the address goes through. Each answer is counted, and has a line in the log.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from service.access import FROM_MEMORY, count
from service.feeds.conditions import Asked
from service.feeds.serving import Answer, Serving
from service.logs import write_quickly
from service.telemetry.meters import Meters

PREFIX = "/feeds/"


class Door:
    """WSGI middleware (PEP 3333)."""

    def __init__(self, app: Any, serving: Serving, meters: Meters) -> None:
        self._app, self._serving, self._meters = app, serving, meters

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        began = time.monotonic()
        if path.startswith(PREFIX) and (answer := self._from_memory(environ, path)):
            start_response(answer.status, answer.headers)
            self._note(environ["REQUEST_METHOD"], path, answer, time.monotonic() - began)
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]
        found: Iterable[bytes] = self._app(environ, start_response)
        return found

    def _note(self, method: str, path: str, answer: Answer, took_s: float) -> None:
        """The path is one of ours, and public: what is in memory was looked up by it."""
        status = int(answer.status[:3])
        count(self._meters, FROM_MEMORY, status, took_s)
        fields = {"method": method, "path": path, "status": status, "ms": round(took_s * 1000, 1)}
        write_quickly(__name__, "feed", **fields)

    def _from_memory(self, environ: dict[str, Any], path: str) -> Answer | None:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or is_escaped(environ):
            return None
        version = self._serving.known(path)
        return self._serving.answer(version, Asked.of(environ), None) if version else None


def is_escaped(environ: dict[str, Any]) -> bool:
    """Whether the path came with percent signs: a canonical one of ours needs none. Servers that do
    not tell the raw address are believed."""
    raw: str = environ.get("RAW_URI", "")
    return "%" in raw.partition("?")[0]
