"""The supervisor with real processes: it restarts, stops in order, and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SUPERVISE = """
import os, sys
from pathlib import Path
from service.cli.supervisor import Program, Supervisor

folder, timeout_s = Path(sys.argv[1]), float(sys.argv[2])
say = lambda name, what: print(name, what, flush=True)
supervisor = Supervisor(folder / "log", {**os.environ, "FOLDER": str(folder)}, say)
for words in sys.argv[3:]:
    name, stage, script = words.split("|")
    supervisor.add(Program(name, ["sh", "-c", script], int(stage)))
print("up", flush=True)
supervisor.run()
supervisor.stop(timeout_s)
print("down", flush=True)
"""
POLITE = (
    "trap 'echo {name} >> $FOLDER/order; exit 0' TERM; echo $$ > $FOLDER/{name}.pid; "
    "while :; do sleep 0.02; done"
)
STUBBORN = "trap '' TERM; echo $$ > $FOLDER/{name}.pid; while :; do sleep 0.02; done"


class Supervised:
    """A supervisor in a process of its own, as its signals demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.seen = ""

    def start(self, *programs: tuple[str, int, str], timeout_s: float = 5.0) -> None:
        words = [f"{name}|{stage}|{script.format(name=name)}" for name, stage, script in programs]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(self.folder), str(timeout_s), *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, *_ in programs:
            eventually(lambda name=name: self.pid(name) > 0)

    def pid(self, name: str) -> int:
        try:
            return int((self.folder / f"{name}.pid").read_text() or 0)
        except FileNotFoundError:
            return 0

    def line_with(self, words: str) -> str:
        """Read on until a line has these words."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen += line
            if words in line:
                return line
        raise AssertionError(f"{words!r} was never said")

    def end(self, number: signal.Signals = signal.SIGINT) -> str:
        assert self.process is not None
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return output


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    supervised = Supervised(tmp_path)
    yield supervised
    if supervised.process is not None and supervised.process.poll() is None:
        supervised.process.kill()
        supervised.process.communicate()


def eventually(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_child_is_started_again_and_said(supervised: Supervised) -> None:
    supervised.start(("email", 0, POLITE), ("chat", 0, POLITE))
    first, other = supervised.pid("email"), supervised.pid("chat")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: supervised.pid("email") != first)
    assert is_alive(supervised.pid("email"))
    assert supervised.pid("chat") == other
    output = supervised.end()
    assert "email was killed by SIGKILL; starting it again in 0.5 s" in output
    assert "email started again" in output


def test_a_child_that_exits_is_quoted_and_started_less_and_less_often(
    supervised: Supervised,
) -> None:
    broken = "echo $$ > $FOLDER/{name}.pid; echo cannot open the door >&2; exit 3"
    supervised.start(("web", 0, broken))
    pauses = [supervised.line_with("starting it again").rpartition(" in ")[2] for _ in range(3)]
    assert pauses == ["0.5 s\n", "1 s\n", "2 s\n"]
    assert "web exited with 3: cannot open the door;" in supervised.seen
    supervised.end()


def test_what_a_dead_child_left_in_its_group_dies_before_the_restart(
    supervised: Supervised,
) -> None:
    parent = "sh -c 'echo $$ > $FOLDER/leftover.pid; exec sleep 60' & " + POLITE
    supervised.start(("web", 0, parent))
    eventually(lambda: supervised.pid("leftover") > 0)
    leftover, first = supervised.pid("leftover"), supervised.pid("web")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not is_alive(leftover))
    eventually(lambda: supervised.pid("web") != first)
    supervised.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_stop_in_the_order_of_their_stages(
    supervised: Supervised, number: signal.Signals
) -> None:
    supervised.start(("redis", 3, POLITE), ("email", 2, POLITE), ("web", 0, POLITE))
    output = supervised.end(number)
    assert (supervised.folder / "order").read_text().split() == ["web", "email", "redis"]
    assert output.splitlines()[-1] == "down"
    assert supervised.process is not None
    assert supervised.process.returncode == 0


def test_who_does_not_stop_in_time_is_killed(supervised: Supervised) -> None:
    supervised.start(("email", 2, STUBBORN), ("redis", 3, POLITE), timeout_s=0.3)
    pid = supervised.pid("email")
    output = supervised.end()
    assert "email did not stop in time and is killed" in output
    assert not is_alive(pid)
    assert (supervised.folder / "order").read_text().split() == ["redis"]


def test_a_second_interrupt_does_not_wait(supervised: Supervised) -> None:
    supervised.start(("email", 2, STUBBORN), ("redis", 3, POLITE), timeout_s=60.0)
    assert supervised.process is not None
    began = time.monotonic()
    supervised.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    supervised.end()
    assert time.monotonic() - began < 10


def test_an_interrupt_of_the_terminal_reaches_the_supervisor_alone(
    supervised: Supervised,
) -> None:
    supervised.start(("email", 0, POLITE))
    assert os.getsid(supervised.pid("email")) == supervised.pid("email")


def test_children_die_with_a_killed_supervisor(supervised: Supervised) -> None:
    supervised.start(("email", 2, POLITE), ("web", 0, POLITE))
    pids = [supervised.pid("email"), supervised.pid("web")]
    supervised.end(signal.SIGKILL)
    for pid in pids:
        eventually(lambda pid=pid: not is_alive(pid))


def test_what_children_say_is_in_their_logs(supervised: Supervised) -> None:
    supervised.start(("web", 0, "echo to the log; echo and errors >&2; " + POLITE))
    output = supervised.end()
    assert "to the log" not in output
    assert (supervised.folder / "log" / "web.log").read_text() == "to the log\nand errors\n"
