"""One request to an address that somebody else named: guarded, short, and without its redirects.

Connections are used again, by one call at a time, for as long as they were in use a moment ago: a
server that closes an idle one just as we write on it would leave it unknown what it has heard.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import orjson
import requests

from service.outbound import (
    DEADLINES,
    REFUSALS,
    Exchange,
    GuardedSession,
    GuardPolicy,
    seconds_asked,
)
from service.settings import Settings

CONNECT_S, TOTAL_S = 5.0, 10.0
MAX_ANSWER = 64 * 1024  # bytes that are read of an answer
IDLE_S = 1.5  # servers keep a connection that nobody uses for two seconds or longer
MOST_LINKS = 8  # hosts that one session keeps connections to
MOST_IDLE = 64  # sessions: as many as a batch of chat has threads
PASSING = frozenset({408, 425, 429})  # refusals that say nothing about the next try


class _CallSession(GuardedSession):
    """A session for one call after the other. Nothing but connections goes from one to the next."""

    max_bytes = MAX_ANSWER
    deadline_s = TOTAL_S
    keeps = True

    def __init__(self, policy: GuardPolicy) -> None:
        self.met: list[Exchange] = []
        super().__init__(policy, self.met.append)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.policy: GuardPolicy = policy
        self.idle_since = 0.0

    def begin(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.met.clear()
        self.policy.begin()

    def hang_up(self) -> None:
        self.close()
        self.policy.let_go()


class Idle:
    """Sessions that nobody uses now, the one that was used last on top. Thread-safe; one per
    process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, ...], deque[_CallSession]] = {}
        self._is_watched = False

    @contextmanager
    def session(self, internal_hosts: tuple[str, ...]) -> Iterator[_CallSession]:
        """A session of one's own. It is kept if the call ends well, whatever was answered."""
        session = self._take(internal_hosts) or _CallSession(GuardPolicy(internal_hosts))
        is_fit = False
        try:
            yield session
            is_fit = not session.policy.has_hung_up and session.policy.links <= MOST_LINKS
        finally:
            if is_fit:
                self._keep(internal_hosts, session)
            else:
                session.hang_up()

    def _take(self, internal_hosts: tuple[str, ...]) -> _CallSession | None:
        self._purge()
        with self._lock:
            sessions = self._sessions.get(internal_hosts)
            return sessions.pop() if sessions else None

    def _keep(self, internal_hosts: tuple[str, ...], session: _CallSession) -> None:
        session.idle_since = time.monotonic()
        with self._lock:
            sessions = self._sessions.setdefault(internal_hosts, deque())
            sessions.append(session)
            is_first = not self._is_watched
            self._is_watched = True
        if is_first:
            DEADLINES.start(IDLE_S, self._purge_again)

    def _purge_again(self) -> None:
        self._purge()
        with self._lock:
            self._is_watched = any(self._sessions.values())
            if not self._is_watched:
                return
        DEADLINES.start(IDLE_S, self._purge_again)

    def _purge(self) -> None:
        """Hang up what was not used for too long, or is one too many."""
        oldest, old = time.monotonic() - IDLE_S, []
        with self._lock:
            for sessions in self._sessions.values():
                while sessions and (sessions[0].idle_since < oldest or len(sessions) > MOST_IDLE):
                    old.append(sessions.popleft())
        for one in old:
            one.hang_up()


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
        left_s = min(_CallSession.deadline_s, self._ends - time.monotonic())
        if left_s <= 0:
            return Reply()
        timeouts = (min(CONNECT_S, left_s), left_s)
        request, met = requests.PreparedRequest(), list[Exchange]()
        policy: GuardPolicy | None = None
        try:
            request.prepare(method, url, dict(headers), data=body, params=(), hooks={})
            with IDLE.session(self.internal_hosts) as session:
                session.begin(left_s)
                met, policy = session.met, session.policy
                response = session.send(request, timeout=timeouts, verify=True, proxies={})
        except (requests.RequestException, ValueError, OSError):
            if policy is not None and policy.has_refused:
                return Reply(is_blocked=True)
            return Reply(was_sent=met[-1].was_sent if met else False)
        if policy.has_hung_up and response.status_code < REFUSALS:
            return Reply(was_sent=True)  # an answer without a length does not show its end
        said = response.headers
        return Reply(
            response.status_code,
            response.content,
            True,
            retry_after_s=seconds_asked(said.get("Retry-After")),
            is_global=said.get("X-RateLimit-Global", "").lower() == "true",
        )
