"""Rate limits, counted in Redis. Without Redis each process counts for itself, and says so."""

from __future__ import annotations

import functools
import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from service.logs import get_logger
from service.settings import Settings

log = get_logger(__name__)

SHARES = 60  # Redis hears of hits by the sixtieth of a limit, at the latest after a second
TOLD_EVERY_S = 1.0
MOST_KEYS = 10_000  # that are counted here
TIMEOUT_S = 0.3
BREAKER_S = 5.0  # after a failure Redis is left alone for this long: one wait, not one a request


@dataclass
class _Tally:
    """Hits under one key that Redis has not heard of, and how many it need not hear of yet."""

    untold: int = 0
    told: int = 0  # how often; of several answers at once the last question's counts
    free: int = 0
    until: float = 0.0


class Limits:
    """Counts hits under a key; thread-safe, one per process.

    A high limit is counted here and told to Redis in shares, so that most requests do not wait
    for it: several processes together may let through a sixtieth more for each of them.
    """

    def __init__(self, settings: Settings) -> None:
        storage = storage_from_string(
            settings.limiter_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            key_prefix="tellal-limit",
            wrap_exceptions=True,
        )
        assert isinstance(storage, Storage)
        self._storage = storage
        self._tallies: dict[str, _Tally] = {}
        self._here = MemoryStorage()  # while Redis is away
        self._open_until = 0.0
        self._lock = threading.Lock()

    def allow(self, limits: str, key: str, *, fails_open: bool = False) -> bool:
        """Count one hit; False where any of the limits (`4/minute;40/hour`) is used up.

        `fails_open`: what would be refused matters more than the limit, so without Redis all is
        let through.
        """
        with self._lock:
            is_away = time.monotonic() < self._open_until
        if is_away:
            return fails_open or self._allow_here(limits, key)
        try:
            # Every limit counts the hit, also where an earlier one refuses it.
            hits = [self._hit(limit, key) for limit in _parsed(limits)]
        except (StorageError, RedisError, OSError) as error:
            with self._lock:
                self._open_until = time.monotonic() + BREAKER_S
            log.error("rate limits are counted by each process", error=type(error).__name__)
            return fails_open or self._allow_here(limits, key)
        return all(hits)

    def _allow_here(self, limits: str, key: str) -> bool:
        """Nobody's mailbox is flooded while Redis is away. What it had counted is not known."""
        if len(self._here.storage) > MOST_KEYS:
            self._here.reset()
        hits = [
            self._here.incr(_name(limit, key), limit.get_expiry()) <= limit.amount
            for limit in _parsed(limits)
        ]
        return all(hits)

    def take_back(self, limits: str, key: str) -> None:
        """Undo a hit that was let through a moment ago: the next one is not counted."""
        with self._lock:
            for limit in _parsed(limits):
                if tally := self._tallies.get(_name(limit, key)):
                    tally.untold -= 1

    def _hit(self, limit: RateLimitItem, key: str) -> bool:
        name, share = _name(limit, key), limit.amount // SHARES
        with self._lock:
            if len(self._tallies) > MOST_KEYS:  # strangers choose some: forgetting errs for them
                self._tallies.clear()
            tally = self._tallies.setdefault(name, _Tally())
            tally.untold += 1
            if tally.untold <= min(tally.free, share) and time.monotonic() < tally.until:
                return True
            untold, tally.untold, tally.free = tally.untold, 0, 0
            tally.told = turn = tally.told + 1
        count = self._storage.incr(name, limit.get_expiry(), untold)
        with self._lock:
            if turn == tally.told:
                tally.free = max(0, min(limit.amount - count, share))
                tally.until = time.monotonic() + TOLD_EVERY_S
        return count <= limit.amount

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
            who = key() if key else client()
            if not self.allow(limits, f"{scope}:{who}"):
                raise TooManyRequests()
            return view(*args, **values)

        return guarded


def client() -> str:
    """Whom requests are counted by: an IPv4 address, or the /64 that one IPv6 connection has all
    addresses of (RFC 6177)."""
    text = request.remote_addr or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))


def _name(limit: RateLimitItem, key: str) -> str:
    """Without the amount: a limit that is changed goes on from what was counted."""
    return f"{key}/{limit.get_expiry()}"


@functools.lru_cache(maxsize=256)
def _parsed(limits: str) -> tuple[RateLimitItem, ...]:
    return tuple(parse_many(limits))
