"""Token buckets of one process, for as long as Redis is away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from service.messages.chat_services import Rate

# Of the rates, what one process has by itself: the workers of chat, of what is pressing, and the
# sweeper may send at a time, and a restart forgets what was taken.
SHARE = 0.25
MOST = 20_000  # buckets; what is beyond is forgotten


@dataclass
class _Bucket:
    tokens: float
    at: float


class LocalBuckets:
    """Thread-safe. Keys are those of Redis."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._closed: dict[str, float] = {}

    def take(
        self, service: str, of_service: Rate | None, target: str, of_target: Rate | None
    ) -> tuple[float, bool]:
        """Take a token of both, or of none; how long to wait, in seconds, and whether for the
        service."""
        now = time.monotonic()
        with self._lock:
            for key in (service, target):
                if (until := self._closed.get(key, 0.0)) > now:
                    return until - now, key == service
            taken = []
            for key, rate in ((service, of_service), (target, of_target)):
                if rate is None:
                    continue
                bucket = self._filled(key, rate, now)
                if bucket.tokens < 1:
                    return (1 - bucket.tokens) / (rate.per_second * SHARE), key == service
                taken.append(bucket)
            for bucket in taken:
                bucket.tokens -= 1
        return 0.0, False

    def close(self, key: str, seconds: float) -> None:
        """Let nothing through for so long, if it is not closed for longer."""
        now = time.monotonic()
        with self._lock:
            if len(self._closed) >= MOST:
                self._closed = {key: until for key, until in self._closed.items() if until > now}
            self._closed[key] = max(self._closed.get(key, 0.0), now + seconds)

    def _filled(self, key: str, rate: Rate, now: float) -> _Bucket:
        if len(self._buckets) >= MOST:
            self._buckets.clear()
        holds = max(rate.messages * SHARE, 1.0)
        bucket = self._buckets.setdefault(key, _Bucket(holds, now))
        bucket.tokens = min(holds, bucket.tokens + (now - bucket.at) * rate.per_second * SHARE)
        bucket.at = now
        return bucket
