"""`tellal health NAME`: whether a process of this host is well, for containers and supervisors."""

from __future__ import annotations

import sys
import time

import click

from service.cli import processes
from service.settings import Settings, load

EXIT_UNWELL = 1
TIMEOUT_S = 3.0


@click.command()
@click.argument("name", type=click.Choice(processes.names()))
def health(name: str) -> None:
    """Say whether the process NAME of this host is alive; exit code 1 where it is not.

    What is away without being its fault, the database or Redis, is said and is no reason to start
    it again: it waits for both by itself.
    """
    settings = load()
    is_well, says = _web(settings) if name == processes.WEB else _by_beats(settings, name)
    click.echo(f"{name}: {says}")
    if not is_well:
        sys.exit(EXIT_UNWELL)


def _web(settings: Settings) -> tuple[bool, str]:
    import json
    import urllib.error
    import urllib.request

    from service.cli.up import local_url

    try:
        with urllib.request.urlopen(  # noqa: S310  http to ourselves
            f"{local_url(settings)}/health/ready", timeout=TIMEOUT_S
        ) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        reason = json.loads(error.read() or b"{}").get("reason", error.reason)
        return False, f"not ready: {reason}"
    except (OSError, ValueError) as error:
        return False, f"does not answer: {error}"
    return True, "; ".join(["ready", *said.get("degraded", ())])


def _by_beats(settings: Settings, name: str) -> tuple[bool, str]:
    from service.telemetry.beats import lives_here

    lives = lives_here(settings.var_dir, name)
    away = _away(settings)
    if any(life.is_alive for life in lives):
        return True, "; ".join(["alive", *away])
    if lives:
        silent_s = time.time() - max(life.at for life in lives)
        said = f"no sign of life for {silent_s:.0f} s"
    else:
        said = "no sign of life"
    # A worker and the scheduler wait in their start for a broker that is away, and cannot say so.
    is_excused = REDIS in away and name not in (processes.SWEEPER, processes.BOUNCES)
    return is_excused, "; ".join([said, *away])


REDIS, DATABASE = "Redis does not answer", "the database does not answer"


def _away(settings: Settings) -> list[str]:
    from redis.exceptions import RedisError
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from service.db import Database
    from service.telemetry.meters import open_redis

    found = []
    try:
        open_redis(settings).ping()
    except (RedisError, OSError):
        found.append(REDIS)
    db = Database(settings.sqlalchemy_url)
    try:
        with db.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        found.append(DATABASE)
    finally:
        db.close()
    return found
