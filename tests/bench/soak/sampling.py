"""What a running city holds at a moment: memory, files, connections, threads, keys, bytes, work."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import redis
from sqlalchemy import func, select

from service.models import Delivery, DeliveryState
from tests.chaos import processes
from tests.chaos.city import City

PAGE = os.sysconf("SC_PAGE_SIZE")
OPEN = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


def sample(city: City, pid: int) -> dict[str, float]:
    """One reading. `rss_…` in megabytes, summed over a kind of process with its children."""
    found: Counter[str] = Counter()
    for one in [pid, *processes.descendants(pid)]:
        name = "supervisor" if one == pid else processes.name_of(one) or "other"
        for what, value in _of_process(one).items():
            found[f"rss_mb_{name}" if what == "rss_mb" else what] += value
    return {**found, **_of_redis(city), **_of_database(city)}


def _of_process(pid: int) -> dict[str, float]:
    """Nothing where it has just ended."""
    folder = Path(f"/proc/{pid}")
    try:
        pages = int((folder / "statm").read_text().split()[1])
        threads = len(list((folder / "task").iterdir()))
        files = [_target(file) for file in (folder / "fd").iterdir()]
    except OSError:
        return {}
    sockets = sum(file.startswith("socket:") for file in files)
    return {
        "rss_mb": pages * PAGE / 2**20,
        "files": len(files),
        "connections": sockets,
        "threads": threads,
    }


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""  # closed meanwhile


def _of_redis(city: City) -> dict[str, float]:
    path = str(city.var / "redis" / "redis.sock")
    with redis.Redis(unix_socket_path=path, socket_timeout=5.0) as connection:
        memory = connection.info("memory")["used_memory"]
        kept = connection.info("keyspace").values()
        return {
            "redis_keys": sum(each["keys"] for each in kept),
            "redis_lasting": sum(each["keys"] - each["expires"] for each in kept),
            "redis_mb": memory / 2**20,
        }


def _of_database(city: City) -> dict[str, float]:
    files = city.var.glob("tellal.db*")
    with city.db.read() as session:
        unsent = session.scalar(
            select(func.count()).select_from(Delivery).where(Delivery.state.in_(OPEN))
        )
    return {
        "database_mb": sum(file.stat().st_size for file in files) / 2**20,
        "unsent": unsent or 0,
    }
