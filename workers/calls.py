"""One request to an address that somebody else named: guarded, short, and without its redirects."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import requests

from service.outbound import Exchange, GuardedSession, GuardPolicy
from service.settings import Settings

CONNECT_S, TOTAL_S = 5.0, 10.0
MAX_ANSWER = 64 * 1024  # bytes that are read of an answer
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

    def json(self) -> dict[str, Any]:
        """The object that it says; empty for anything else."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Caller:
    """Sends requests in the city's name. `slowest_s`: how long the slowest took, in seconds."""

    def __init__(self, settings: Settings, internal_hosts: tuple[str, ...]) -> None:
        """`internal_hosts`: those inside the network that it may reach."""
        self.internal_hosts = internal_hosts
        self.slowest_s = 0.0
        self._name = settings.user_agent

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
            return self._answered(method, url, sent, body)
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _answered(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        policy = GuardPolicy(self.internal_hosts)
        exchanges: list[Exchange] = []
        timeouts = (CONNECT_S, TOTAL_S)
        try:
            with _CallSession(policy, exchanges.append) as session:
                response = session.request(
                    method, url, headers=headers, data=body, timeout=timeouts, allow_redirects=False
                )
        except (requests.RequestException, ValueError, OSError):
            if policy.has_refused:
                return Reply(is_blocked=True)
            return Reply(was_sent=exchanges[-1].was_sent if exchanges else False)
        if policy.has_hung_up:  # before the end, which an answer without a length does not show
            return Reply(was_sent=True)
        retry_after = _seconds(response.headers.get("Retry-After"))
        return Reply(response.status_code, response.content, True, retry_after_s=retry_after)


def _seconds(retry_after: str | None) -> float | None:
    """A date or nonsense falls back to our own back-off."""
    text = retry_after or ""
    return float(text) if re.fullmatch("[0-9]{1,6}", text, re.ASCII) else None
