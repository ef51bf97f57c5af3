"""`tellal drain`: who is asked ends in order and stays away, and what is left is said."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import update

from service.cli import cli
from service.cli.drains import Drains
from service.models import Batch, BatchState
from service.runtime import Runtime

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.usefixtures("command_line")

# As `tellal up` does it, with shells for programs; each says in `order` when it ends.
SUPERVISE = """
import os, sys
from pathlib import Path
from service.cli.drains import Drains
from service.cli.instance import Instance
from service.cli.supervisor import Program, Supervisor

folder = Path(sys.argv[1])
instance = Instance(folder)
instance.take(0)
drains = Drains(folder)
drains.forget()
supervisor = Supervisor(
    folder / "log", {**os.environ, "FOLDER": str(folder)},
    lambda name, what: print(name, what, flush=True), rests=drains.is_asked, note=drains.note)
for words in sys.argv[2:]:
    name, stage, script = words.split("|")
    supervisor.add(Program(name, ["sh", "-c", script], int(stage)))
while len(drains.running()) < len(sys.argv[2:]):
    supervisor.wait_for(lambda: False, 0.1)
print("up", flush=True)
supervisor.run()
drains.forget()
supervisor.stop(5)
"""
POLITE = "trap 'echo {name} >> $FOLDER/order; exit 0' TERM; while :; do sleep 0.02; done"
BUSY = "trap '' TERM; while [ ! -e $FOLDER/free ]; do sleep 0.02; done"


@pytest.fixture
def up(runtime: Runtime) -> Iterator[Callable[..., None]]:
    """Starts a supervisor with these programs, and ends it after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(**programs: tuple[int, str]) -> None:
        words = [
            f"{name}|{stage}|{text.format(name=name)}" for name, (stage, text) in programs.items()
        ]
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(runtime.settings.var_dir), *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert any(line == "up\n" for line in process.stdout)

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def drains(runtime: Runtime) -> Drains:
    return Drains(runtime.settings.var_dir)


def tellal(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_all_end_in_order_and_stay_away(
    up: Callable[..., None], drains: Drains, runtime: Runtime
) -> None:
    up(email=(2, POLITE), sweeper=(1, POLITE), web=(0, POLITE))
    assert tellal("drain", "--status").exit_code == 1

    result = tellal("drain")

    assert result.exit_code == 0, result.output
    assert result.output.endswith("Drained.\n")
    order = (runtime.settings.var_dir / "order").read_text().split()
    assert order == ["web", "sweeper", "email"]
    assert drains.running() == {}
    assert tellal("drain", "--status").exit_code == 0


def test_one_kind_is_drained_alone_and_starts_again(
    up: Callable[..., None], drains: Drains
) -> None:
    up(email=(2, POLITE), web=(0, POLITE))
    before = drains.running()
    result = tellal("drain", "email")
    assert result.exit_code == 0, result.output
    assert "email       drained" in result.output
    assert drains.running() == {"web": before["web"]}

    assert tellal("drain", "--resume", "email").exit_code == 0

    while "email" not in drains.running():
        time.sleep(0.02)
    assert drains.running()["email"] != before["email"]
    assert drains.running()["web"] == before["web"]


def test_who_has_work_in_hand_is_not_killed_and_is_said(
    up: Callable[..., None], drains: Drains, runtime: Runtime
) -> None:
    up(email=(2, BUSY))
    result = tellal("drain", "--timeout", "0.3")
    assert result.exit_code == 1
    assert "finishes what it has in hand" in result.output
    assert result.output.endswith("Not drained.\n")
    assert "email" in drains.running()
    (runtime.settings.var_dir / "free").touch()
    assert tellal("drain").exit_code == 0


def test_what_another_host_has_in_hand_is_its_own(
    runtime: Runtime, town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "city")
    town.reader()
    [batch_id] = town.batches(town.planned())
    for lease, count in (("city-2-0123456789abcdef", 0), ("city-0123456789abcdef", 1)):
        with runtime.db.write() as session:
            session.execute(
                update(Batch)
                .where(Batch.id == batch_id)
                .values(state=BatchState.LEASED, lease=lease)
            )
        assert f"{count} batches in hand" in tellal("drain", "--status").output


def test_what_is_left_in_hand_is_counted(runtime: Runtime, town: Any) -> None:
    town.reader()
    town.planned()
    assert "1 batches wait in the database" in tellal("drain").output
    journals = runtime.settings.var_dir / "journal"
    journals.mkdir()
    (journals / "x.journal").touch()
    result = tellal("drain")
    assert result.exit_code == 1
    assert "0 batches in hand, 1 journals on this machine" in result.output


def test_what_is_not_configured_cannot_be_drained(runtime: Runtime) -> None:
    result = tellal("drain", "bounces")
    assert result.exit_code == 2
    assert "bounces is not configured to run here" in result.output


def test_nothing_is_started_where_nobody_supervises(tmp_path: Path) -> None:
    """In a folder without `tellal up`."""
    environment = {"TELLAL_VAR_DIR": str(tmp_path), "TELLAL_SECRET_KEY": "x" * 48}
    said = CliRunner().invoke(cli, ["drain", "--resume"], env=environment)
    assert (said.exit_code, "does not run here" in said.output) == (2, True)


def test_a_database_that_migrate_makes_is_for_its_user_alone(tmp_path: Path) -> None:
    """Whatever the shell's mask is; it knows people's addresses."""
    command = [sys.executable, "-m", "service.cli", "migrate"]
    environment = {
        **os.environ,
        "TELLAL_VAR_DIR": str(tmp_path),
        "TELLAL_SECRET_KEY": "x" * 48,
        "TELLAL_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "TELLAL_DATABASE_URL": "",
    }
    subprocess.run(command, check=True, env=environment, umask=0o022)
    assert (tmp_path / "tellal.db").stat().st_mode & 0o777 == 0o600
