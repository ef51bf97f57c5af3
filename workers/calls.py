"""One request to an address that somebody else named: guarded, short, and without its redirects.

Connections are used again, by one call at a time, for as long as they were in use a moment ago: a
server that closes an idle one just as we write on it would leave it unknown what it has heard.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote

import orjson
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from service.outbound import DEADLINES, GuardPolicy, Link, seconds_asked
from service.settings import Settings

CONNECT_S, TOTAL_S = 5.0, 10.0
MAX_ANSWER = 64 * 1024  # bytes that are read of an answer
IDLE_S = 1.5  # servers keep a connection that nobody uses for two seconds or longer
MOST_IDLE = 128  # connections: twice as many as a batch of chat has threads
PASSING = frozenset({408, 425, 429})  # refusals that say nothing about the next try
FAILURES = (HTTPError, HTTPException, ValueError, OSError)

Place = tuple[tuple[str, ...], str, str, int | None]  # internal hosts, scheme, host, port


class Idle:
    """Connections that nobody uses now, the one that was used last at the end. Thread-safe; one per
    process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: list[tuple[Place, Link, float]] = []
        self._is_watched = False

    def take(self, place: Place) -> Link | None:
        """One that leads there, to be used by nobody else."""
        self._purge()
        with self._lock:
            for at in range(len(self._links) - 1, -1, -1):
                if self._links[at][0] == place:
                    return self._links.pop(at)[1]
        return None

    def keep(self, place: Place, link: Link) -> None:
        """Keep one that was just used for the next who wants to go there."""
        with self._lock:
            self._links.append((place, link, time.monotonic()))
            is_first = not self._is_watched
            self._is_watched = True
        if is_first:
            DEADLINES.start(IDLE_S, self._purge_again)

    def _purge_again(self) -> None:
        self._purge()
        with self._lock:
            self._is_watched = bool(self._links)
            if not self._is_watched:
                return
        DEADLINES.start(IDLE_S, self._purge_again)

    def _purge(self) -> None:
        """Hang up what was not used for too long, or is one too many."""
        oldest, old = time.monotonic() - IDLE_S, list[Link]()
        with self._lock:
            while self._links and (self._links[0][2] < oldest or len(self._links) > MOST_IDLE):
                old.append(self._links.pop(0)[1])
        for link in old:
            link.hang_up()


IDLE = Idle()


@dataclass(frozen=True)
class Reply:
    """What came back. `status`: None where no answer did; `was_sent`: whether it may have been
    heard all the same; `is_blocked`: the host has no address that may be reached."""

    status: int | None = None
    body: bytes = b""
    was_sent: bool = False
    is_blocked: bool = False
    retry_after_s: float | None = None
    is_global: bool = False  # `retry_after_s` is asked of all of the city's calls, not of this one

    @property
    def is_ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_passing(self) -> bool:
        """No answer, or one that says that another try may have a better one."""
        if self.status is None:
            return not self.is_blocked
        return self.status in PASSING or self.status >= 500

    @property
    def code(self) -> str:
        if self.status is not None:
            return str(self.status)
        return "blocked" if self.is_blocked else "" if self.was_sent else "connect"

    def json(self) -> dict[str, Any]:
        """The object that it says; empty for anything else."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Caller:
    """Sends requests in the city's name, of several threads at once.

    `slowest_s`: how long the slowest took, in seconds. `heard`: the body of the last answer.
    """

    def __init__(self, settings: Settings, internal_hosts: tuple[str, ...]) -> None:
        """`internal_hosts`: those inside the network that it may reach."""
        self.internal_hosts = internal_hosts
        self.slowest_s, self.heard = 0.0, b""
        self._name = settings.user_agent
        self._ends = math.inf

    def until(self, ends: float) -> Caller:
        """The same for one message, all of whose calls end by a reading of the monotonic clock."""
        one = copy.copy(self)
        one._ends = ends
        return one

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
    ) -> Reply:
        """Send one request. `json` is written as the body, with its media type."""
        sent = {"User-Agent": self._name, "Accept": "*/*", **(headers or {})}
        if json is not None:
            body, sent["Content-Type"] = orjson.dumps(json), "application/json"
        began = time.monotonic()
        try:
            reply = self._answered(method, url, sent, body)
            self.heard = reply.body
            return reply
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _answered(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        left_s = min(TOTAL_S, self._ends - time.monotonic())
        if left_s <= 0:
            return Reply()
        try:
            at = parse_url(url)
        except ValueError:
            return Reply()
        if at.scheme not in ("http", "https") or not at.host:
            return Reply()
        if at.auth:
            headers = {**make_headers(basic_auth=unquote(at.auth)), **headers}
        place = (self.internal_hosts, at.scheme, at.host, at.port)
        link = IDLE.take(place) or Link(GuardPolicy(self.internal_hosts), *place[1:])
        try:
            answer = link.ask(
                *(method, at.request_uri, headers, body),
                connect_s=min(CONNECT_S, left_s),
                total_s=left_s,
                max_bytes=MAX_ANSWER,
            )
        except FAILURES:
            return Reply(was_sent=link.was_sent, is_blocked=link.policy.has_refused)
        finally:
            if link.is_open:
                IDLE.keep(place, link)
            else:
                link.hang_up()
        said = answer.headers
        return Reply(
            answer.status,
            answer.body,
            True,
            retry_after_s=seconds_asked(said.get("Retry-After")),
            is_global=said.get("X-RateLimit-Global", "").lower() == "true",
        )
