"""One request to an address that a stranger named: guarded, short, and without its redirects."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests

from service.ledger.outcome import Outcome
from service.models import DeliveryState
from service.outbound import Exchange, GuardedSession, GuardPolicy
from service.settings import Settings

CONNECT_S, TOTAL_S = 5.0, 10.0
MAX_ANSWER = 4 * 1024  # bytes that are read of an answer
PASSING = frozenset({408, 425, 429})  # refusals that say nothing about the next try


class _CallSession(GuardedSession):
    max_bytes = MAX_ANSWER
    deadline_s = TOTAL_S


@dataclass(frozen=True)
class Reply:
    """What came back. `status`: None where no answer did; `was_sent`: whether it may have been
    heard all the same; `is_blocked`: the host has no address that may be reached."""

    status: int | None = None
    body: bytes = b""
    was_sent: bool = False
    is_blocked: bool = False
    retry_after_s: float | None = None

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

    @property
    def words(self) -> str:
        """For the ledger: no part of an address, and nothing of what a stranger wrote."""
        if self.status is not None:
            return f"the callback answered {self.status}"
        if self.is_blocked:
            return "the callback's host has no address that may be reached"
        return "the answer never came" if self.was_sent else "no connection to the callback"


class Caller:
    """Sends requests as our hub. `slowest_s`: how long the slowest of them took, in seconds."""

    def __init__(self, settings: Settings, internal_hosts: tuple[str, ...]) -> None:
        """`internal_hosts`: those inside the network that it may reach."""
        self.slowest_s = 0.0
        self._internal = internal_hosts
        self._name = settings.user_agent

    def get(self, url: str) -> Reply:
        return self._call("GET", url, {}, None)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        return self._call("POST", url, headers, body)

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        began = time.monotonic()
        try:
            return self._answered(method, url, headers, body)
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _answered(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        policy = GuardPolicy(self._internal)
        exchanges: list[Exchange] = []
        sent = {"User-Agent": self._name, "Accept": "*/*", **headers}
        timeouts = (CONNECT_S, TOTAL_S)
        try:
            with _CallSession(policy, exchanges.append) as session:
                response = session.request(
                    method, url, headers=sent, data=body, timeout=timeouts, allow_redirects=False
                )
        except (requests.RequestException, ValueError, OSError):
            if policy.has_refused:
                return Reply(is_blocked=True)
            return Reply(was_sent=exchanges[-1].was_sent if exchanges else False)
        if policy.has_hung_up:  # before the end, which an answer without a length does not show
            return Reply(was_sent=True)
        retry_after = _seconds(response.headers.get("Retry-After"))
        return Reply(response.status_code, response.content, True, retry_after_s=retry_after)


def outcome_of(reply: Reply) -> Outcome:
    """The outcome of a call that is to be made until it was taken."""
    if reply.is_ok:
        return Outcome(DeliveryState.SENT, reply.code)
    if reply.status is None and reply.was_sent:
        return Outcome(DeliveryState.UNKNOWN, detail=reply.words)
    return Outcome(DeliveryState.DEFERRED, reply.code, reply.words, reply.retry_after_s)


def with_query(callback: str, parameters: Mapping[str, str]) -> str:
    """The callback with further parameters; its own query stays as it is, in front."""
    parts = urlsplit(callback)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit(parts._replace(query=query))


def _seconds(retry_after: str | None) -> float | None:
    """A date or nonsense falls back to our own back-off."""
    text = retry_after or ""
    return float(text) if re.fullmatch("[0-9]{1,6}", text, re.ASCII) else None
