"""The command line of each process of Tellal: the one place that `up`, `run` and compose share."""

from __future__ import annotations

import sys
from pathlib import Path

from service.cli.supervisor import Program
from service.settings import Settings
from service.tasks import WORKERS

WEB, SCHEDULER, SWEEPER = "web", "scheduler", "sweeper"
MAIL, BOUNCES = "email", "bounces"

# Order of stopping: no new articles, no new doorbells, then the work in hand, then the broker.
STAGE_WEB, STAGE_CLOCKS, STAGE_WORKERS, STAGE_REDIS = range(4)

WEB_THREADS = 8
WEB_TIMEOUT_S = 30  # a worker that hangs for longer is replaced
WEB_GRACE_S = 10  # for requests that are under way when it stops
KEEP_ALIVE_S = 5


def names() -> tuple[str, ...]:
    """Every process but Redis, in the order in which they start."""
    return (WEB, *WORKERS, SWEEPER, SCHEDULER, BOUNCES)


def command(name: str, settings: Settings, number: int = 1) -> list[str]:
    """The command of a process, to be run with the environment of these settings; `number` tells
    several of a kind apart."""
    if name == WEB:
        return [sys.executable, "-m", "gunicorn", *_web(settings), "service.app:serve()"]
    if name == SWEEPER:
        return [sys.executable, "-m", "workers.recover"]
    if name == BOUNCES:
        return [sys.executable, "-m", "workers.email.lmtp"]
    celery = [sys.executable, "-m", "celery", "-A", "workers.app:app"]
    if name == SCHEDULER:
        schedule = settings.var_dir / "scheduler" / "schedule"
        # No pid file: after kill -9 it would keep the next scheduler from starting.
        return [*celery, "beat", "-s", str(schedule), "--pidfile", "", "-l", settings.log_level]
    queues, pool, size = WORKERS[name]
    return [
        *celery,
        *("worker", "-n", f"{_numbered(name, number)}@%h"),
        *("-Q", ",".join(queues), "-P", pool, "-c", str(size)),
        *("--without-gossip", "--without-mingle", "-l", settings.log_level),
    ]


def programs(settings: Settings) -> list[Program]:
    """All processes for the supervisor, in the order in which they start; the intake of bounces
    only where it is configured."""
    stages = dict.fromkeys((WEB, BOUNCES), STAGE_WEB)
    stages |= dict.fromkeys((SWEEPER, SCHEDULER), STAGE_CLOCKS)
    counts = {MAIL: settings.mail_processes, BOUNCES: int(bool(settings.bounce_lmtp))}
    return [
        Program(
            _numbered(name, number),
            command(name, settings, number),
            stages.get(name, STAGE_WORKERS),
        )
        for name in names()
        for number in range(1, counts.get(name, 1) + 1)
    ]


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def prepare_folders(settings: Settings) -> None:
    """Make the folders that the processes write to."""
    (settings.var_dir / "scheduler").mkdir(parents=True, exist_ok=True)


def _web(settings: Settings) -> list[str]:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "--bind": f"{host}:{settings.port}",
        "--worker-class": "gthread",
        "--workers": "1",
        "--threads": str(WEB_THREADS),
        "--timeout": str(WEB_TIMEOUT_S),
        "--graceful-timeout": str(WEB_GRACE_S),
        "--keep-alive": str(KEEP_ALIVE_S),
        "--log-level": "warning",  # the service writes its own request log
    }
    memory = Path("/dev/shm")  # noqa: S108  a heartbeat file on a slow disk looks like a hang
    if memory.is_dir():
        options["--worker-tmp-dir"] = str(memory)
    # The control socket would live in the home folder, outlive kill -9, and serves nobody here.
    return ["--no-control-socket", *(word for pair in options.items() for word in pair)]
