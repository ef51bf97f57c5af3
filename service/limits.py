"""Rate limits, counted in Redis. Without Redis nothing is counted: they fail open, and say so."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from limits import parse_many
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from service.logs import get_logger
from service.settings import Settings

log = get_logger(__name__)

TIMEOUT_S = 0.3
BREAKER_S = 5.0  # after a failure Redis is left alone for this long: one wait, not one a request


class Limits:
    """Counts hits under a key; thread-safe, one per process."""

    def __init__(self, settings: Settings) -> None:
        storage = storage_from_string(
            settings.limiter_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            key_prefix="tellal-limit",
            wrap_exceptions=True,
        )
        self._strategy = FixedWindowRateLimiter(storage)
        self._open_until = 0.0
        self._lock = threading.Lock()

    def allow(self, limits: str, key: str) -> bool:
        """Count one hit; False where any of the limits (`4/minute;40/hour`) is used up."""
        with self._lock:
            if time.monotonic() < self._open_until:
                return True
        try:
            # Every limit counts the hit, also where an earlier one refuses it.
            hits = [self._strategy.hit(limit, key) for limit in parse_many(limits)]
        except (StorageError, RedisError, OSError) as error:
            with self._lock:
                self._open_until = time.monotonic() + BREAKER_S
            log.error("rate limits are not counted", error=type(error).__name__)
            return True
        return all(hits)

    def guard(
        self,
        view: Callable[..., ResponseReturnValue],
        limits: str,
        scope: str,
        key: Callable[[], str] | None = None,
    ) -> Callable[..., ResponseReturnValue]:
        """Wrap a view: over the limits it answers 429. Counts by client where no key is given."""

        @functools.wraps(view)
        def guarded(*args: Any, **values: Any) -> ResponseReturnValue:
            who = key() if key else (request.remote_addr or "")
            if not self.allow(limits, f"{scope}:{who}"):
                raise TooManyRequests()
            return view(*args, **values)

        return guarded
