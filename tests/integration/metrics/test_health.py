"""Health tells the truth: what cannot work is not ready, what works slower says so."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from service import health
from service.app import create_app
from service.cli import cli
from service.telemetry import beats
from service.telemetry.beats import Beat


@pytest.fixture
def ready(client, monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", 0.0)
    return lambda: client.get("/health/ready")


def test_all_is_well(ready):
    assert ready().json == {"status": "ready"}


def test_without_redis_it_is_ready_and_says_what_is_away(settings):
    nowhere = SecretStr("redis://127.0.0.1:1/0")
    app = create_app(settings.model_copy(update={"redis_url": nowhere}))
    answer = app.test_client().get("/health/ready")
    app.extensions["tellal"].close()
    assert answer.status_code == 200
    (said,) = answer.json["degraded"]
    assert said.startswith("Redis does not answer")


def test_a_silent_sweeper_or_scheduler_is_said(settings, ready, monkeypatch):
    for name in ("sweeper", "scheduler"):
        Beat(settings, name)()
    assert ready().json == {"status": "ready"}
    monkeypatch.setattr(beats, "SILENT_S", 0.0)
    answer = ready()
    assert answer.status_code == 200
    assert answer.json["degraded"] == [
        "the sweeper shows no sign of life",
        "the scheduler shows no sign of life",
    ]


def test_one_that_ended_in_order_is_not_missed(settings, ready):
    beat = Beat(settings, "sweeper")
    beat()
    beat.stop()
    assert ready().json == {"status": "ready"}
    assert beats.lives_here(settings.var_dir, "sweeper") == []


def test_a_full_disk_is_said(ready, monkeypatch):
    monkeypatch.setattr(health, "LITTLE_DISK", 1 << 60)
    (said,) = ready().json["degraded"]
    assert said.endswith("MB are free on the disk")


def test_the_command_knows_who_is_alive(settings, command_line, monkeypatch):
    assert _health("email") == (1, "email: no sign of life\n")
    beat = Beat(settings, "email-3")
    beat()
    assert _health("email") == (0, "email: alive\n")
    assert _health("chat") == (1, "chat: no sign of life\n")

    monkeypatch.setattr(beats, "SILENT_S", 0.0)
    code, said = _health("email")
    assert (code, said.partition(" for ")[0]) == (1, "email: no sign of life")


def test_the_command_needs_neither_redis_nor_the_database(settings, command_line, monkeypatch):
    Beat(settings, "email")()
    monkeypatch.setenv("TELLAL_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("TELLAL_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    away = "Redis does not answer; the database does not answer"
    assert _health("email") == (0, f"email: alive; {away}\n")
    # A worker cannot be ready without a broker, and starting it again would not help.
    assert _health("chat") == (0, f"chat: no sign of life; {away}\n")
    assert _health("sweeper") == (1, f"sweeper: no sign of life; {away}\n")


def test_the_command_asks_the_web_process(command_line, monkeypatch):
    monkeypatch.setenv("TELLAL_PORT", "1")
    code, said = _health("web")
    assert code == 1
    assert said.startswith("web: does not answer: ")


def _health(name: str) -> tuple[int, str]:
    found = CliRunner().invoke(cli, ["health", name])
    return found.exit_code, found.output
