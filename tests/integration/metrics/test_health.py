"""Health tells the truth: what cannot work is not ready, what works slower says so."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import orjson
import pytest
import redis
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import text

from service import health
from service.app import create_app
from service.cli import cli
from service.tasks import Task
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


@pytest.fixture
def read_only(settings, monkeypatch):
    """An app whose database can be read and not written."""
    url = settings.database_url.get_secret_value()
    if url.startswith("sqlite"):
        shut = Path(url.removeprefix("sqlite:///"))
        monkeypatch.setattr(health.os, "access", lambda path, _how: Path(path) != shut)
    else:  # as a standby is, and one whose disk was full
        url += ("&" if "?" in url else "?") + "options=-c%20default_transaction_read_only%3Don"
    app = create_app(settings.model_copy(update={"database_url": SecretStr(url)}))
    yield app
    app.extensions["tellal"].close()


def test_a_database_that_can_only_be_read_takes_no_articles(settings, read_only, cms):
    answer = read_only.test_client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["status"] == "not ready"
    assert "read-only" in answer.json["reason"]
    if settings.database_url.get_secret_value().startswith("postgres"):
        refused = cms.post(client=read_only.test_client())
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)


def test_it_waits_for_nobody_who_writes(runtime, ready):
    with runtime.db.write() as session:
        session.execute(text("UPDATE topic SET terms = '[]'"))
        began = time.monotonic()
        assert ready().json == {"status": "ready"}
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("what", ["folder", "tellal.db", "tellal.db-wal", "tellal.db-shm"])
def test_each_file_of_sqlite_must_be_writable(runtime, ready, monkeypatch, what):
    if not runtime.db.is_sqlite:
        return  # PostgreSQL is asked
    file = Path(runtime.db.engine.url.database)
    shut = file.parent if what == "folder" else file.with_name(what)
    monkeypatch.setattr(health.os, "access", lambda path, _how: Path(path) != shut)
    assert ready().status_code == 503


def test_a_file_that_was_moved_away_takes_no_articles(runtime, ready):
    """Connections that are open go on with it, and what they write is nowhere any more."""
    if not runtime.db.is_sqlite:
        return
    assert ready().status_code == 200
    file = Path(runtime.db.engine.url.database)
    away = file.rename(file.with_suffix(".away"))
    answer = ready()
    away.rename(file)
    assert answer.status_code == 503
    assert answer.json["reason"] == "the database's file is gone"
    assert ready().status_code == 200


def test_it_names_the_broker_that_is_away_and_not_the_one_that_answers(settings):
    nowhere = SecretStr("amqp://127.0.0.1:1//")
    app = create_app(settings.model_copy(update={"amqp_url": nowhere}))
    runtime = app.extensions["tellal"]
    assert not runtime.doorbell.ring(Task.CLASSIFY_REVISION, 1)
    answer = app.test_client().get("/health/ready")
    runtime.close()
    assert answer.json["degraded"] == [
        "RabbitMQ does not answer; the sweeper does the work from the database"
    ]


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


def test_a_silent_worker_is_said(settings, ready, monkeypatch):
    Beat(settings, "email-2")()
    monkeypatch.setattr(beats, "SILENT_S", 0.0)
    assert ready().json["degraded"] == ["the email shows no sign of life"]


def test_who_is_silent_for_so_long_that_it_is_forgotten_is_still_missed(settings, ready, redis_url):
    now = time.time()
    web = {"name": "web", "started_at": now - 7_200, "at": now, "resident_bytes": 1}
    with redis.Redis.from_url(redis_url) as client:
        client.hset(beats.KEY, "web|here|1", orjson.dumps(web))
    assert ready().json["degraded"] == [
        "the sweeper shows no sign of life",
        "the scheduler shows no sign of life",
    ]


def test_a_process_of_another_release_is_not_understood_and_breaks_nothing(
    settings, ready, redis_url
):
    later = {"name": "sweeper", "started_at": 0, "at": 0, "resident_bytes": 1, "mood": "good"}
    with redis.Redis.from_url(redis_url) as client:
        client.hset(beats.KEY, mapping={"a": orjson.dumps(later), "b": "{"})
    assert ready().json == {"status": "ready"}


def test_one_that_ended_in_order_is_not_missed(settings, ready):
    beat = Beat(settings, "sweeper")
    beat()
    beat.stop()
    assert ready().json == {"status": "ready"}
    assert beats.lives_here(settings.var_dir, "sweeper") == []


ENDS = """
    import sys
    from service.settings import load
    from service.telemetry.beats import Beat, lives_here
    settings = load()
    beat = Beat(settings, "chat")
    beat()
    print(len(lives_here(settings.var_dir, "chat")), flush=True)
    if sys.argv[1] == "fork":
        import os
        if os.fork() == 0:
            sys.exit()
        os.wait()
    print(len(lives_here(settings.var_dir, "chat")), flush=True)
    sys.exit(int(sys.argv[1] == "fails"))
"""


@pytest.mark.parametrize("how", ["ends", "fails", "fork"])
def test_a_process_that_ends_takes_its_beat_with_it(settings, ready, how):
    names = ("database_url", "redis_url", "secret_key", "encryption_key")
    told = {f"TELLAL_{name.upper()}": getattr(settings, name).get_secret_value() for name in names}
    environment = {**told, "TELLAL_VAR_DIR": str(settings.var_dir), "PATH": os.environ["PATH"]}
    words = [sys.executable, "-c", textwrap.dedent(ENDS), how]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    assert ended.stdout.split() == ["1", "1"], ended.stderr
    assert list((settings.var_dir / "beats").iterdir()) == []
    assert ready().json == {"status": "ready"}


def test_there_is_no_beat_after_the_end(settings):
    beat = Beat(settings, "chat")
    beat()
    beat.stop()
    beat._next = 0.0
    beat()
    beat.stop()
    assert beats.lives_here(settings.var_dir, "chat") == []


def test_what_a_host_left_that_is_no_more_is_forgotten_after_a_day(settings):
    folder = settings.var_dir / "beats"
    folder.mkdir(exist_ok=True)
    gone, silent = folder / "email.3f2a.7", folder / "email.9c1b.7"
    for path, age_s in ((gone, beats.GONE_S + 60), (silent, beats.GONE_S - 60)):
        path.write_text("{}")
        os.utime(path, times=(time.time() - age_s,) * 2)
    Beat(settings, "chat")()

    assert not gone.exists()
    assert silent.exists()


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
