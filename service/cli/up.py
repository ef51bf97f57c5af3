"""`tellal up`: all of Tellal on one machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import click

from service.cli import preflight, processes, redis_server
from service.cli.drains import Drains
from service.cli.instance import Instance
from service.cli.migrate import bring_up_to_date
from service.cli.supervisor import Supervisor, die_with_parent
from service.setting_sources import RUNNING
from service.settings import Settings, load, make_keys, require_keys

REDIS_START_S = 15.0  # a large append-only file takes a while to load
READY_S = 60.0
STOP_S = 20.0
LOOPBACK = "127.0.0.1"


@click.command()
@click.option("--host", help="Address to listen on; else TELLAL_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; else TELLAL_PORT.")
@click.option(
    "--stop-timeout",
    type=click.FloatRange(min=0),
    default=STOP_S,
    show_default=True,
    help="Seconds that work in hand may take at the end; 90 in production.",
)
@click.option(
    "--demo-hosts",
    is_flag=True,
    help="Let chat messages reach this machine, as `tellal demo` needs it, "
    "unless TELLAL_ALLOW_PRIVATE_HOSTS says otherwise. For trying out only.",
)
@click.option("--with-parent", is_flag=True, help="Stop when the calling process dies.")
def up(
    host: str | None, port: int | None, stop_timeout: float, demo_hosts: bool, with_parent: bool
) -> None:
    """Start and supervise everything on this machine, until Ctrl-C.

    Data, keys and logs live in TELLAL_VAR_DIR. Without TELLAL_REDIS_URL a private Redis is started.
    """
    began = time.monotonic()
    os.umask(0o077)  # the database knows addresses: for this user's eyes only
    if with_parent:
        die_with_parent()
    chosen = {key: value for key, value in (("host", host), ("port", port)) if value}
    preflight.check_python()
    settings = load(**chosen)
    preflight.check_folder(settings.var_dir)
    preflight.check_keys(settings)
    make_keys(settings.var_dir)
    require_keys(load())
    instance = Instance(settings.var_dir)
    instance.take(stop_timeout)
    _forget_running(settings.var_dir)  # a killed predecessor's, which must not choose our port
    settings = load(**chosen)
    instance.end_orphans()
    preflight.check_port(settings)
    programs = processes.programs(settings)
    redis = None
    if not settings.redis_url.get_secret_value():
        redis = redis_server.program(settings.redis_socket, processes.STAGE_REDIS)
    if settings.is_own_database:
        from service.copies.replaced import forget_unfinished

        forget_unfinished(settings)
    bring_up_to_date(settings)
    processes.prepare_folders(settings)

    drains = Drains(settings.var_dir)
    drains.forget()  # who starts anew wants all of it
    supervisor = Supervisor(
        settings.var_dir / "log",
        _environment(settings, demo_hosts),
        _say,
        (instance.marker,),
        rests=drains.is_asked,
        note=drains.note,
    )
    _say("tellal", f"starting; data, keys and logs are in {settings.var_dir}")
    try:
        if redis is not None:
            supervisor.add(redis)
            supervisor.wait_for(lambda: redis_server.answers(settings.redis_socket), REDIS_START_S)
        for program in programs:
            supervisor.add(program)
        _note_running(settings, demo_hosts)
        if supervisor.wait_for(lambda: _is_ready(settings), READY_S):
            _say("tellal", f"ready after {time.monotonic() - began:.1f} s")
            click.echo(_welcome(settings))
        elif not supervisor.is_ending:
            _say("web", f"not ready yet; see {settings.var_dir / 'log' / 'web.log'}")
        supervisor.run()
    finally:
        _forget_running(settings.var_dir)
        drains.forget()
        instance.is_stopping()
        _say("tellal", "stopping; work in hand is finished first (Ctrl-C again kills it)")
        supervisor.stop(stop_timeout)
        _say("tellal", "stopped")


def _environment(settings: Settings, demo_hosts: bool) -> dict[str, str]:
    """What the children get: the same settings, whatever folder they think they are in."""
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "TELLAL_VAR_DIR": str(settings.var_dir),
        "TELLAL_CONFIG_DIR": str(settings.config_dir),
        "TELLAL_HOST": settings.host,
        "TELLAL_PORT": str(settings.port),
    }
    if demo_hosts:
        environment.setdefault("TELLAL_ALLOW_PRIVATE_HOSTS", LOOPBACK)
    return environment


def _note_running(settings: Settings, demo_hosts: bool) -> None:
    """Tell commands in other terminals where this instance listens and what it may reach."""
    allowed = settings.allow_private_hosts or ((LOOPBACK,) if demo_hosts else ())
    running = {"host": settings.host, "port": settings.port, "allow_private_hosts": allowed}
    (settings.var_dir / RUNNING).write_text(json.dumps(running), encoding="utf-8")


def _forget_running(var_dir: Path) -> None:
    (var_dir / RUNNING).unlink(missing_ok=True)


def local_url(settings: Settings) -> str:
    """Where this machine reaches the web server, whatever it is called outside."""
    host = settings.host
    if host in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        host = LOOPBACK if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _is_ready(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"{local_url(settings)}/health/ready", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _say(name: str, what: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')}  {name:<10}{what}")


def _welcome(settings: Settings) -> str:
    url = settings.public_url
    mailbox = f"\n          {url}/dev/mailbox (all mail ends here)"
    if settings.smtp_url.get_secret_value():
        mailbox = ""
    tellal, article = _near(Path(sys.argv[0])), _near(settings.config_dir / "demo/article.json")
    return f"""
  Look at {url}/
          {url}/staff/ (first: {tellal} staff add you@example.org){mailbox}
  Post    make demo   (the sample article, and the way it takes, with times)
  or      {tellal} source add my-cms   (prints a secret), then
          {tellal} post {article} --source my-cms --secret whsec_…
  Stop    Ctrl-C
"""


def _near(path: Path) -> Path:
    """As one would type it here."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
