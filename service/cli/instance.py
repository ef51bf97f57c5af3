"""One instance a folder: its lock, and the processes that a killed predecessor left behind."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

from service.cli.refusal import Refusal

DYING_S = 3.0  # how long a holder that was just killed may look alive
ORPHANS_S = 5.0  # orphans have SIGTERM already (they die with their parent); then they are killed


class Instance:
    """Holds a folder for this process. The kernel frees it however the process ends.

    Children inherit `marker`, an open file of the folder. Whoever has that file open belongs to
    an instance of it: no pid files, which go stale, and no guessing by names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = -1
        self.marker = -1

    def take(self, stopping_s: float) -> None:
        """Lock the folder; wait for a holder that is just stopping, or dying.

        Raises:
            Refusal: somebody else runs here and is going to stay.
        """
        path = self._folder / "tellal.lock"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        start = time.monotonic()
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = path.read_text(encoding="ascii", errors="replace").strip() or "?"
                pid, _, state = holder.partition(" ")
                patience = stopping_s + DYING_S if state == "stopping" else DYING_S
                if time.monotonic() - start > patience:
                    raise Refusal(
                        f"Tellal already runs in {self._folder} (pid {pid}); stop it first, "
                        "or set TELLAL_VAR_DIR and TELLAL_PORT for a second one"
                    ) from None
                time.sleep(0.1)
        self._write("running")
        self.marker = os.open(self._folder / "tellal.children", os.O_RDONLY | os.O_CREAT, 0o600)

    def release(self) -> None:
        """Let the next one have the folder, before this process ends."""
        for handle in (self.marker, self._lock):
            if handle >= 0:
                os.close(handle)
        self.marker = self._lock = -1

    def is_stopping(self) -> None:
        """Tell a successor that waiting is worth its while."""
        self._write("stopping")

    def end_orphans(self, patience_s: float = ORPHANS_S) -> int:
        """Wait for what a killed predecessor left, then kill it; return how many there were.

        Raises:
            Refusal: one cannot even be killed; starting beside it could damage its files.
        """
        count = len(self._orphans())
        deadline = time.monotonic() + patience_s
        while orphans := self._orphans():
            if time.monotonic() > deadline + ORPHANS_S:
                raise Refusal(f"process {orphans[0]} of an earlier run cannot be ended")
            if time.monotonic() > deadline:
                for pid in orphans:
                    self._kill(pid)
            time.sleep(0.05)
        return count

    def _write(self, state: str) -> None:
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()} {state}\n".encode(), 0)

    def _orphans(self) -> list[int]:
        pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
        return [pid for pid in pids if pid != os.getpid() and self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        wanted = os.fstat(self.marker)
        try:
            for handle in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
                try:
                    found = os.stat(f"/proc/{pid}/fd/{handle}")  # noqa: PTH116
                except FileNotFoundError:
                    continue
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
        except OSError:
            pass  # another user's process, or gone in the meantime
        return False

    def _kill(self, pid: int) -> None:
        """Through a handle that is taken before the second look: the number may be another's."""
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if self._is_ours(pid):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
