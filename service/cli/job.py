"""`tellal job`: long work that staff started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER, STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import Job

EXIT_NOT_DONE = 1
LOOK_EVERY_S = 1.0


@click.group()
def job() -> None:
    """List, watch, cancel and resume jobs."""


@job.command("list")
@click.option("--last", type=click.IntRange(1, 1_000), default=20, show_default=True)
def list_(last: int) -> None:
    """List the newest jobs."""
    from service.jobs.queue import newest

    with opened_runtime() as runtime, runtime.db.read() as session:
        found = newest(session, limit=last)
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("No job has been started.")


@job.command()
@click.argument("number", type=NUMBER)
def show(number: int) -> None:
    """Print a job: its progress, its result and the names of its files."""
    from service.db import utcnow
    from service.jobs.queue import files_of, pace

    with opened_runtime() as runtime, runtime.db.read() as session:
        found = _found(session, number)
        files = files_of(session, number)
    click.echo(_line(found))
    speed = pace(found, utcnow())
    if speed.per_second:
        left = f", about {int(speed.left.total_seconds())} s left" if speed.left is not None else ""
        click.echo(f"{speed.per_second:,.1f} a second{left}")
    if found.error:
        click.echo(f"error: {found.error}")
    for name, value in found.result.items():
        click.echo(f"{name}: {value}")
    for file in files:
        click.echo(f"file: {file.name} ({file.media_type})")


@job.command()
@click.argument("number", type=NUMBER)
def wait(number: int) -> None:
    """Show a job's progress until it ends; exit 1 where it failed or was cancelled."""
    import time

    from rich.console import Console
    from rich.progress import Progress

    from service.models import JobState

    with opened_runtime() as runtime, Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"job {number}", total=None)
        while True:
            with runtime.db.read() as session:
                found = _found(session, number)
            progress.update(bar, completed=found.done, total=found.total)
            if found.state not in (JobState.QUEUED, JobState.RUNNING):
                break
            time.sleep(LOOK_EVERY_S)
    click.echo(_line(found))
    if found.state != JobState.DONE:
        raise SystemExit(EXIT_NOT_DONE)


@job.command()
@click.argument("number", type=NUMBER)
@STAFF
def cancel(number: int, staff: str) -> None:
    """Let a job end after the piece in hand; what is done stays done."""
    from service.db import utcnow
    from service.jobs import queue

    with acting(staff, "job.cancel", number) as session:
        _found(session, number)
        if not queue.cancel(session, number, utcnow()):
            raise Refusal(f"job {number} has ended")
    click.echo(f"Job {number} is being cancelled.")


@job.command()
@click.argument("number", type=NUMBER)
@STAFF
def resume(number: int, staff: str) -> None:
    """Let a failed or cancelled job go on where it stopped."""
    from service.db import utcnow
    from service.jobs import queue

    with acting(staff, "job.resume", number) as session:
        _found(session, number)
        if not queue.resume(session, number, utcnow()):
            raise Refusal(f"job {number} neither failed nor was cancelled")
    with opened_runtime() as runtime:
        queue.ring(runtime, number)
    click.echo(f"Job {number} goes on.")


def _found(session: Session, number: int) -> Job:
    from service.models import Job

    found = session.get(Job, number)
    if found is None:
        raise Refusal(f"there is no job {number}")
    return found


def _line(one: Job) -> str:
    done = f"{one.done:,}" if one.total is None else f"{one.done:,} of {one.total:,}"
    return f"{one.id}\t{one.kind}\t{one.state}\t{done}\t{one.created_at:%Y-%m-%d %H:%M} UTC"
