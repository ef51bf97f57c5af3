"""The processes of a city: found by what they are, hurt by signals, doubled."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Children before grandchildren, so that a parent keeps the plain name."""
    found, level = [], [pid]
    while level:
        below = []
        for parent in level:
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                try:
                    below += [int(child) for child in task.read_text().split()]
                except OSError:
                    continue
        found += below
        level = below
    return found


def command_of(pid: int) -> list[str]:
    """The words that started a process; none if it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return []
    return raw.rstrip("\0").split("\0")


def environment_of(pid: int) -> dict[str, str]:
    """The variables that a process was started with."""
    raw = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)


def name_of(pid: int) -> str | None:
    """What a child of `tellal up` is called there."""
    words = command_of(pid)
    line = " ".join(words)
    if "redis-server" in line:
        return "redis"
    if "gunicorn" in line:
        return "web"
    if "workers.recover" in line:
        return "sweeper"
    if "workers.email.lmtp" in line:
        return "bounces"
    if " beat " in line:
        return "scheduler"
    if "-n" in words:
        return words[words.index("-n") + 1].partition("@")[0]
    return None


def named(supervisor: int) -> dict[str, int]:
    """Name and pid of every process of a city, children of workers included."""
    found = {"supervisor": supervisor}
    for pid in descendants(supervisor):
        name = name_of(pid)
        if name:
            found[name if name not in found else f"{name} child"] = pid
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal all of them; who is gone already is passed by."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def frozen(pids: list[int]) -> Callable[[], None]:
    """Stop processes; call what comes back to let them go on."""
    send(pids, signal.SIGSTOP)
    return lambda: send(pids, signal.SIGCONT)


def without_disk(pids: list[int]) -> Callable[[], None]:
    """Let every write to a file fail, as on a full disk; call what comes back to undo it.

    The limit of a file's size does it from outside and without a mount: Python ignores SIGXFSZ,
    so the write answers with an error.
    """
    hard = resource.RLIM_INFINITY
    for pid in pids:
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))

    def mend() -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

    return mend


class Double:
    """A second process beside one of the city, with its command and its variables."""

    def __init__(
        self, pid: int, log: Path, swap: dict[str, str], extra: dict[str, str] | None = None
    ) -> None:
        words = [swap.get(word, word) for word in command_of(pid)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                words,
                env={**environment_of(pid), **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def end(self) -> None:
        """Stop it as a supervisor does, in the end by force."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
