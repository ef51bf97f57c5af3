"""A figure with its unit and where it comes from, and the clocks that measure one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from service.runtime import Runtime

HERE = "tests.bench.costs"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """`source` is the module that measured it here, or the document that another bench wrote."""

    name: str
    value: float
    unit: str
    source: str = HERE


@dataclass(frozen=True)
class Spent:
    """Seconds: by the clock, of this process's processors, of the database server's."""

    wall: float
    ours: float
    database: float


def spent(runtime: Runtime, run: Callable[[], object]) -> Spent:
    """What a piece of work took. Its database is a PostgreSQL on this machine."""
    server = _postmaster(runtime)
    wall, ours, database = time.perf_counter(), time.process_time(), _family_s(server)
    run()
    return Spent(
        time.perf_counter() - wall, time.process_time() - ours, _family_s(server) - database
    )


def _postmaster(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return int(_stat(backend)[1])


def _family_s(server: int) -> float:
    """Of the server, of its children, and of those that have ended."""
    total = sum(
        map(int, _stat(server)[11:15])
    )  # user, system, and of children that were waited for
    for child in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        total += sum(map(int, _stat(int(child))[11:13]))
    return total / TICK


def _stat(pid: int) -> list[str]:
    """The fields behind the name of the program, which may hold blanks; the first is its state."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 50  # it has just ended
