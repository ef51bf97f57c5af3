"""Signs of life: each process says again and again that its loop goes round.

In two places. A file of its own host says it to a container's health check, which needs neither
Redis nor the database for that (`tellal health`); Redis says it of all hosts to whoever watches.
A process that hangs says nothing, so silence is the sign.
"""

from __future__ import annotations

import atexit
import os
import re
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from redis.exceptions import RedisError

from service.settings import Settings
from service.telemetry.meters import BREAKER_S, open_redis

KEY = "tellal-beats"  # a hash: process, host and number → its last beat
EVERY_S = 5.0
SILENT_S = 60.0  # no beat for so long: it hangs, or is gone
FORGOTTEN_S = 3_600.0
GONE_S = 86_400.0  # the file of any host that is so old is of one that is no more
_NUMBERED = re.compile(r"-\d+$")


@dataclass(frozen=True)
class Life:
    """A process as it said last. Times in seconds since 1970."""

    name: str
    started_at: float
    at: float
    resident_bytes: int

    @property
    def is_alive(self) -> bool:
        return time.time() - self.at < SILENT_S

    @property
    def has_worked_for_s(self) -> float:
        """Up to its last beat."""
        return self.at - self.started_at


class Beat:
    """The beats of one process; called from the loop that it says something of. Once the process
    ends in order, by whatever way, there are none."""

    def __init__(self, settings: Settings, name: str) -> None:
        """`name`: of the program; several of a kind, such as email-2, are of one name."""
        self._name = _NUMBERED.sub("", name)
        self._key = f"{self._name}|{socket.gethostname()}|{os.getpid()}"
        self._file = _folder(settings.var_dir) / self._key.replace("|", ".")
        self._redis = open_redis(settings)
        self._started_at = time.time()
        self._next = self._away_until = 0.0
        self._pid: int | None = None  # once it has begun
        self._is_over = False
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Say it, if it was not said a moment ago. Never raises, never waits long."""
        with self._lock:
            now = time.monotonic()
            if now >= self._next and not self._is_over:
                self._next = now + EVERY_S
                self._say(now)

    def _say(self, now: float) -> None:
        if self._pid is None:
            self._pid = os.getpid()
            atexit.register(self._stop_at_exit)
            _forget(self._file.parent)
        life = Life(self._name, self._started_at, time.time(), resident_bytes())
        said = orjson.dumps(asdict(life))
        with suppress(OSError):  # a full disk: the others hear of it
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            part = self._file.with_suffix(self._file.suffix + "~")
            part.write_bytes(said)
            part.replace(self._file)
        if now >= self._away_until:
            try:
                self._redis.hset(KEY, self._key, said.decode())
            except (RedisError, OSError):
                self._away_until = now + BREAKER_S

    def start(self) -> None:
        """Beat from a thread of its own: of a process whose loops are not ours."""
        threading.Thread(target=self._go_on, name="beat", daemon=True).start()

    def stop(self) -> None:
        """Say that it ends in order: nobody should miss it. There is no beat after that."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            atexit.unregister(self._stop_at_exit)
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            with suppress(RedisError, OSError):
                self._redis.hdel(KEY, self._key)
            self._redis.close()

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._pid:  # a forked child ends for itself
            self.stop()

    def _go_on(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_S / 5):
            self()


def lives_here(var_dir: Path, name: str) -> list[Life]:
    """What processes of a name on this host said last, by their files."""
    host = socket.gethostname()
    found = []
    for path in _folder(var_dir).glob(f"{name}.{host}.*"):
        with suppress(OSError):
            if (life := _life(path.read_bytes())) is None:
                continue
            found.append(life)
            if time.time() - life.at > FORGOTTEN_S:
                path.unlink(missing_ok=True)
    return found


class Lives:
    """What all processes of the installation said last."""

    def __init__(self, settings: Settings) -> None:
        self._redis = open_redis(settings)

    def __call__(self) -> Sequence[Life] | None:
        """Those that were heard of within the hour; None: Redis does not answer."""
        try:
            said: Mapping[str, str] = self._redis.hgetall(KEY)  # type: ignore[assignment]
            lives = {field: life for field, one in said.items() if (life := _life(one))}
            old = [f for f, life in lives.items() if time.time() - life.at > FORGOTTEN_S]
            if old:
                self._redis.hdel(KEY, *old)
        except (RedisError, OSError):
            return None
        return [life for field, life in lives.items() if field not in old]

    def close(self) -> None:
        self._redis.close()


def resident_bytes() -> int:
    """Memory of this process that is resident now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _life(said: str | bytes) -> Life | None:
    """What a process said; None: half a file, or in the words of another release."""
    try:
        return Life(**orjson.loads(said))
    except (ValueError, TypeError):
        return None


def _forget(folder: Path) -> None:
    """Take away what hosts left that are no more: each container is a host of its own."""
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > GONE_S:
                    path.unlink()


def _folder(var_dir: Path) -> Path:
    return var_dir / "beats"
