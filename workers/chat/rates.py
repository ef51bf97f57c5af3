"""How much each chat service and each room takes: token buckets in Redis, of all processes.

One script asks and takes, so that nobody comes in between. Nobody sleeps for a token: a batch is
handed back, or one delivery waits. Addresses are secrets, so keys are hashes of them. While Redis
is away each process has buckets of its own, a part of the rates (docs/adr/0040-chat-flow.md).
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from dataclasses import dataclass

import redis
from redis.exceptions import RedisError

from service.logs import get_logger
from service.messages.chat_services import PLAIN, ChatService, Rate, chat_services
from service.runtime import Runtime
from service.settings import Settings
from workers.chat.buckets import LocalBuckets
from workers.chat.together import Together

log = get_logger(__name__)

TIMEOUT_S = 0.3
BREAKER_S = 5.0  # after a failure Redis is left alone for this long
SILENT_FOR_S = 3600  # how long it is remembered that a room did not answer
LONGEST_CLOSED_S = 24 * 3600
# Of a service's bucket, what is left to urgent news and to what somebody waits for.
RESERVED = 0.2
# Who comes to an empty bucket comes back when it holds half of what it can, or what flows in within
# a second: each return costs a look at the batch.
ENOUGH, ENOUGH_S = 0.5, 1.0

# KEYS: the service's bucket and whether it is closed, the same of the room, its silence. ARGV: of
# the service how many it holds, how many come in a second, how many must be left, how many to wait
# for; of the room the first two. A rate of 0 has no bucket. Answers: whether the service (1) or the
# room (2) is empty, for how many milliseconds, and whether the room was silent. A clock that was
# set back closes nothing for longer than was asked, and lets tokens flow in from now on.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function look(key, holds, rate)
  local found = redis.call('HMGET', key, 'tokens', 'at')
  local tokens, at = tonumber(found[1]) or holds, tonumber(found[2]) or now
  if at > now then
    redis.call('HSET', key, 'at', string.format('%.6f', now))
  end
  return math.min(holds, tokens + math.max(0, now - at) * rate)
end
local function put(key, tokens, holds, rate)
  redis.call('HSET', key, 'tokens', string.format('%.6f', tokens),
             'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, math.ceil(holds / rate) + 1)
end
local silent = redis.call('EXISTS', KEYS[5])
for which = 1, 2 do
  local left = redis.call('PTTL', KEYS[which * 2])
  if left >= 0 then
    local asked = tonumber(redis.call('GET', KEYS[which * 2])) or left
    if left > asked then
      redis.call('PEXPIRE', KEYS[which * 2], asked)
      left = asked
    end
    return {which, left + 1, silent}
  end
end
local s_holds, s_rate, s_left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t_holds, t_rate = tonumber(ARGV[5]), tonumber(ARGV[6])
local s_tokens, t_tokens
if s_rate > 0 then
  s_tokens = look(KEYS[1], s_holds, s_rate)
  if s_tokens < 1 + s_left then
    local short = s_left + tonumber(ARGV[4]) - s_tokens
    return {1, math.ceil(short / s_rate * 1000), silent}
  end
end
if t_rate > 0 then
  t_tokens = look(KEYS[3], t_holds, t_rate)
  if t_tokens < 1 then
    return {2, math.ceil((1 - t_tokens) / t_rate * 1000), silent}
  end
  put(KEYS[3], t_tokens - 1, t_holds, t_rate)
end
if s_rate > 0 then put(KEYS[1], s_tokens - 1, s_holds, s_rate) end
return {0, 0, silent}
"""
# Closes for so many milliseconds, if it is not closed for longer.
CLOSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[1])
end
"""


@dataclass(frozen=True)
class Room:
    """Where a message goes, as the buckets know it."""

    service: str  # the city's account at a service
    target: str
    rules: ChatService


@dataclass(frozen=True)
class Grant:
    """What the buckets say. `wait_s`: 0 where a message may leave now, and a token was taken for
    it. `is_silent`: the room did not answer lately."""

    wait_s: float = 0.0
    is_of_service: bool = False  # who waits is the service, so all of its rooms do
    is_silent: bool = False


class Rates:
    """Thread-safe; one per process."""

    def __init__(self, settings: Settings) -> None:
        self._services = chat_services(settings.config_dir)
        self._secret = settings.secret_key.get_secret_value().encode()[:64]
        url = settings.redis_url.get_secret_value() or f"unix://{settings.redis_socket}"
        self._redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._take = Together(self._redis, TAKE)
        self._close = self._redis.register_script(CLOSE)
        self._here = LocalBuckets()
        self._away_until = 0.0
        self._lock = threading.Lock()

    def room(self, scheme: str, url: str) -> Room:
        """The room behind an address, of which options do not matter."""
        address = url.partition("://")[2].partition("?")[0].rstrip("/")
        return self.room_of(scheme, address.partition("/")[0], address)

    def room_of(self, scheme: str, account: str, target: str) -> Room:
        name, rules = self._services.get(scheme, (scheme, PLAIN))
        return Room(self._key(f"{name} {account}"), self._key(f"{name} {target}"), rules)

    def take(self, room: Room, *, is_pressing: bool = False) -> Grant:
        """Take a token of both buckets, or of none.

        `is_pressing`: it may have what is reserved for such.
        """
        service, target = room.rules.service, room.rules.target
        left = 0 if is_pressing or service is None else int(service.messages * RESERVED)
        if not self._is_away():
            try:
                which, wait_ms, silent = self._take.run(
                    _keys(room),
                    [*_numbers(service), left, _enough(service), *_numbers(target)],
                )
                return Grant(wait_ms / 1000, which == 1, bool(silent))
            except (RedisError, OSError) as error:
                self._lose(error)
        wait_s, is_of_service = self._here.take(room.service, service, room.target, target)
        return Grant(wait_s, is_of_service)

    def close(self, room: Room, seconds: float, *, is_global: bool) -> None:
        """Let nothing leave for a room, or for all of its service, for so long: it was asked."""
        seconds = min(max(seconds, 0.001), LONGEST_CLOSED_S)
        key = room.service if is_global else room.target
        self._here.close(key, seconds)
        if not self._is_away():
            try:
                self._close(keys=[f"{key}:closed"], args=[math.ceil(seconds * 1000)])
            except (RedisError, OSError) as error:
                self._lose(error)

    def note(self, room: Room, *, is_silent: bool) -> None:
        """Remember for an hour that a room did not answer, or forget it."""
        if self._is_away():
            return
        key = f"{room.target}:silent"
        try:
            if is_silent:
                self._redis.set(key, 1, ex=SILENT_FOR_S)
            else:
                self._redis.delete(key)
        except (RedisError, OSError) as error:
            self._lose(error)

    def _key(self, what: str) -> str:
        digest = hashlib.blake2b(what.encode(), digest_size=12, key=self._secret).hexdigest()
        return f"tellal-chat:{digest}"

    def _is_away(self) -> bool:
        with self._lock:
            return time.monotonic() < self._away_until

    def _lose(self, error: Exception) -> None:
        with self._lock:
            self._away_until = time.monotonic() + BREAKER_S
        log.error("chat rates are kept by each process", error=type(error).__name__)


def _keys(room: Room) -> list[str]:
    service, target = room.service, room.target
    return [service, f"{service}:closed", target, f"{target}:closed", f"{target}:silent"]


def _numbers(rate: Rate | None) -> tuple[float, float]:
    return (0, 0) if rate is None else (rate.messages, rate.per_second)


def _enough(rate: Rate | None) -> float:
    if rate is None:
        return 0
    return max(1.0, min(rate.messages * ENOUGH, rate.per_second * ENOUGH_S))


_made: list[tuple[Runtime, Rates]] = []
_making = threading.Lock()


def rates_of(runtime: Runtime) -> Rates:
    """The buckets of this process."""
    with _making:
        if not _made or _made[0][0] is not runtime:
            _made[:] = [(runtime, Rates(runtime.settings))]
        return _made[0][1]
