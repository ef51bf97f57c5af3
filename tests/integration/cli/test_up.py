"""`tellal up` as a whole: all processes, the demo through them, kill -9, and a clean end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli import processes

ROOT = Path(__file__).parents[3]
TELLAL = (sys.executable, "-m", "service.cli")
STAGES = ("accepted_ms", "classified_ms", "feed_ms", "email_ms", "chat_ms", "total_ms")


class Town:
    """A folder, a port, and the `tellal up` that runs there."""

    def __init__(self) -> None:
        self.var = Path(tempfile.mkdtemp(prefix="tellal-up-"))  # a socket's path must be short
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TELLAL_")}
        self.environment = {
            **inherited,
            "TELLAL_VAR_DIR": str(self.var),
            "TELLAL_PORT": str(port),
            "TELLAL_BOUNCE_LMTP": str(self.var / "bounces.sock"),
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Start, wait until it is ready, and return how long that took."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            [*TELLAL, "up", "--demo-hosts"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "ready after" in line:
                return time.monotonic() - began
        raise AssertionError(f"it ended with {self.process.wait()}")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def tellal(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TELLAL, *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def holders(self) -> list[int]:
        """Who still has the folder's marker open."""
        marker = str(self.var / "tellal.children")
        found = []
        for handle in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(handle.readlink()) == marker:
                    found.append(int(handle.parts[2]))
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    town = Town()
    town.start()
    yield town
    if town.process is not None and town.process.poll() is None:
        town.end(signal.SIGTERM)
    shutil.rmtree(town.var)


def demo_passes(town: Town) -> None:
    done = town.tellal("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert tuple(report) == STAGES
    assert all(value > 0 for value in report.values())


def test_the_sample_article_takes_its_way_more_than_once(town: Town) -> None:
    demo_passes(town)
    demo_passes(town)
    assert town.tellal("audit").returncode == 0


def test_every_process_runs_and_only_the_owner_sees_the_data(town: Town) -> None:
    logs = {path.stem for path in (town.var / "log").iterdir()}
    assert logs == {"redis", *processes.names()}
    for path in (town.var / "tellal.db", town.var / "demo-secret", *town.var.glob("keys/*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_second_one_in_the_same_folder_is_refused_in_one_line(town: Town) -> None:
    assert town.process is not None
    done = town.tellal("up")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"pid {town.process.pid}" in line


def test_after_kill_9_of_the_supervisor_the_next_start_finds_its_data(town: Town) -> None:
    secret = (town.var / "demo-secret").read_text()
    town.end(signal.SIGKILL)
    half = town.var / ".tellal.db.restoring"  # of a restore that was killed: it holds addresses
    half.touch()
    town.start()
    assert not half.exists()
    demo_passes(town)
    assert (town.var / "demo-secret").read_text() == secret


def test_an_interrupt_stops_all_of_it(town: Town) -> None:
    code, output = town.end(signal.SIGINT)
    assert code == 0
    assert output.splitlines()[-1].endswith("stopped")
    assert "killed" not in output
    assert town.holders() == []
