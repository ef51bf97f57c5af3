"""Who uses a database at this moment: nobody may, while it is moved or replaced."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy import text

from service.db import READ_ONLY, Database

_OTHERS = text("""
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND backend_type = 'client backend'
    ORDER BY pid
""")


GONE_S = 2.0  # so long the server may show a connection that was closed


def users_of(db: Database) -> list[int]:
    """The numbers of other processes that have it open: of this machine's for SQLite, of the
    server's connections for PostgreSQL."""
    if not db.is_sqlite:
        with db.engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            deadline = time.monotonic() + GONE_S
            while (found := list(connection.execute(_OTHERS).scalars())) and (
                time.monotonic() < deadline
            ):
                connection.rollback()  # a transaction sees the same users to its end
                time.sleep(0.1)
            return found
    path = db.engine.url.database
    return holders(Path(path)) if path else []


def holders(path: Path) -> list[int]:
    """The processes of this machine, but for this one, that have a file open. Another user's are
    seen by root alone."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return []
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    key = wanted.st_dev, wanted.st_ino
    return sorted(pid for pid in pids if pid != os.getpid() and key in _open_files(pid))


def _open_files(pid: int) -> set[tuple[int, int]]:
    found = set()
    try:
        for handle in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
            try:
                one = os.stat(f"/proc/{pid}/fd/{handle}")  # noqa: PTH116
            except FileNotFoundError:
                continue
            found.add((one.st_dev, one.st_ino))
    except OSError:
        pass  # another user's process, or gone in the meantime
    return found
