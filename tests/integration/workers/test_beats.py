"""Every process, as the supervisor starts it, takes its sign of life with it when it is stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.cli import processes
from service.settings import Settings
from service.telemetry.beats import Lives, lives_here

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("name", ["web", "chat", "stages", "sweeper", "scheduler", "bounces"])
def test_a_process_that_is_stopped_is_no_longer_alive(name, settings: Settings):
    settings = settings.model_copy(update={"bounce_lmtp": f"127.0.0.1:{_free()}", "port": _free()})
    processes.prepare_folders(settings)
    secret = ("database_url", "redis_url", "secret_key", "encryption_key")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TELLAL_")},
        **{f"TELLAL_{one.upper()}": getattr(settings, one).get_secret_value() for one in secret},
        "TELLAL_VAR_DIR": str(settings.var_dir),
        "TELLAL_BOUNCE_LMTP": settings.bounce_lmtp,
    }
    process = subprocess.Popen(
        processes.command(name, settings),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(lambda: bool(lives_here(settings.var_dir, name)), process)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
    assert list((settings.var_dir / "beats").iterdir()) == []
    lives = Lives(settings)
    assert [life.name for life in lives() or () if life.name == name] == []
    lives.close()


def _wait_for(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it shows no sign of life"
        time.sleep(0.05)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
