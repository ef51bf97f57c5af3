"""The processes of Tellal: each queue has a consumer, nothing leaves a pid file."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.cli import processes
from service.settings import load
from service.tasks import Queue


def test_every_queue_has_a_worker(tmp_path: Path) -> None:
    settings = load(var_dir=tmp_path)
    served: list[str] = []
    for name in processes.names():
        command = processes.command(name, settings)
        if "worker" in command:
            served += command[command.index("-Q") + 1].split(",")
    assert sorted(served) == sorted(Queue)


def test_workers_stop_after_the_clocks_and_before_redis() -> None:
    stages = {program.name: program.stage for program in processes.programs(load())}
    assert stages["web"] < stages["sweeper"] == stages["scheduler"] < stages["email"]
    assert max(stages.values()) < processes.STAGE_REDIS


def test_the_intake_of_bounces_is_started_where_it_is_configured() -> None:
    assert "bounces" not in {program.name for program in processes.programs(load())}
    settings = load(bounce_lmtp="127.0.0.1:2424")
    stages = {program.name: program.stage for program in processes.programs(settings)}
    assert stages["bounces"] == stages["web"]


def test_the_scheduler_keeps_no_pid_file() -> None:
    command = processes.command(processes.SCHEDULER, load())
    assert command[command.index("--pidfile") + 1] == ""


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:81"), ("::1", "[::1]:81")])
def test_the_web_server_listens_where_the_settings_say(host: str, bind: str) -> None:
    command = processes.command(processes.WEB, load(host=host, port=81))
    assert command[command.index("--bind") + 1] == bind
