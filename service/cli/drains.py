"""What `tellal drain` and `tellal up` tell each other by files of their folder.

`drain/NAME` asks for a program to rest; `processes.json` has the pids of those that run. The
supervisor looks when a signal comes, and SIGCHLD, which it gets anyway, wakes it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path


class Drains:
    """One folder's requests, and its answers."""

    def __init__(self, folder: Path) -> None:
        self._requests, self._pids = folder / "drain", folder / "processes.json"
        self._lock = folder / "tellal.lock"

    def is_asked(self, name: str) -> bool:
        """Whether a program is to rest."""
        return (self._requests / name).exists()

    def ask(self, names: Iterable[str]) -> None:
        """Let these rest from now on, and wake the supervisor."""
        self._requests.mkdir(mode=0o700, exist_ok=True)
        for name in names:
            (self._requests / name).touch()
        self._wake()

    def end(self, names: Iterable[str]) -> None:
        """Let these work again, and wake the supervisor."""
        for name in names:
            (self._requests / name).unlink(missing_ok=True)
        self._wake()

    def asked(self) -> list[str]:
        """Which programs are to rest."""
        return sorted(path.name for path in self._requests.glob("*"))

    def forget(self) -> None:
        """Nothing is asked for, and nothing runs."""
        for name in self.asked():
            (self._requests / name).unlink(missing_ok=True)
        self._pids.unlink(missing_ok=True)

    def note(self, pids: Mapping[str, int]) -> None:
        """Say what runs; whoever reads has the old list or the new one."""
        part = self._pids.with_suffix(".part")
        part.write_text(json.dumps(dict(pids)), encoding="ascii")
        part.replace(self._pids)

    def running(self) -> dict[str, int]:
        """What runs, by name; empty where no supervisor does."""
        if self.supervisor() is None:
            return {}
        try:
            found = json.loads(self._pids.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return {}
        return {str(name): int(pid) for name, pid in found.items()}

    def supervisor(self) -> int | None:
        """The pid of the `tellal up` that holds the folder; null where none does."""
        try:
            handle = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            word = os.pread(handle, 32, 0).decode("ascii", "replace").partition(" ")[0]
            return int(word) if word.isdigit() else None
        finally:
            os.close(handle)
        return None

    def _wake(self) -> None:
        if (pid := self.supervisor()) is not None:
            os.kill(pid, signal.SIGCHLD)
