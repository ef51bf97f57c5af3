"""`tellal drain`: processes of `tellal up` finish what they have in hand, and take nothing new."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

from service.cli import processes
from service.cli.drains import Drains
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.settings import Settings, load

EXIT_LEFT = 1
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Left:
    """What this machine has in hand, and what waits for any machine."""

    leased: int
    journals: int
    waiting: int

    @property
    def is_empty(self) -> bool:
        return not self.leased and not self.journals


@click.command()
@click.argument("name", required=False, type=click.Choice(processes.names()))
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=90.0,
    show_default=True,
    help="Seconds that work in hand may take; nothing is killed afterwards.",
)
@click.option("--status", "is_status", is_flag=True, help="Only say what runs and what is left.")
@click.option("--resume", "is_resume", is_flag=True, help="Start again what was drained.")
def drain(name: str | None, timeout_s: float, is_status: bool, is_resume: bool) -> None:
    """Stop the processes of `tellal up` on this machine in order, or those of one kind.

    They take no new work, finish what is in hand, and stay away until --resume. What nobody has in
    hand waits in the database, for other machines or for later. Exit code 0: all of them have
    ended and left nothing; 1: not yet. Processes of `tellal run` drain by SIGTERM.
    """
    settings = load()
    drains = Drains(settings.var_dir)
    programs = _programs(settings, name)
    if is_resume:
        drains.end(programs)
        if drains.supervisor() is None:
            raise Refusal("`tellal up` does not run here: nothing was started")
        click.echo(f"Started again: {', '.join(programs)}.")
        return
    if not is_status and drains.supervisor() is not None:
        drains.ask(programs)
        _wait(drains, programs, timeout_s)
    raise SystemExit(_say(settings, drains, programs, is_all=name is None))


def _programs(settings: Settings, name: str | None) -> list[str]:
    """The programs of a kind, of which there may be several; of all kinds but the broker."""
    found = [program.name for program in processes.programs(settings)]
    mine = [one for one in found if name is None or one.rpartition("-")[0] == name or one == name]
    if not mine:
        raise Refusal(f"{name} is not configured to run here")
    return mine


def _wait(drains: Drains, programs: Sequence[str], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while set(programs) & drains.running().keys() and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)


def _say(settings: Settings, drains: Drains, programs: Sequence[str], *, is_all: bool) -> int:
    """Print the state of each program and what is left; returns the exit code."""
    running, asked = drains.running(), drains.asked()
    for name in programs:
        if name in running:
            word = "finishes what it has in hand" if name in asked else "runs"
            click.echo(f"{name:<12}{word}, pid {running[name]}")
        else:
            click.echo(f"{name:<12}{'drained' if name in asked else 'does not run'}")
    left = _left(settings)
    click.echo(
        f"{left.leased} batches in hand, {left.journals} journals on this machine; "
        f"{left.waiting} batches wait in the database."
    )
    are_gone = not set(programs) & running.keys()
    is_done = are_gone and (left.is_empty or not is_all)
    click.echo("Drained." if is_done else "Not drained.")
    return 0 if is_done else EXIT_LEFT


def _left(settings: Settings) -> Left:
    from sqlalchemy import func, select

    from service.models import Batch, BatchState

    with opened_runtime() as runtime, runtime.db.read() as session:
        leases = session.scalars(select(Batch.lease).where(Batch.state == BatchState.LEASED))
        here = socket.gethostname()
        leased = sum((lease or "").rpartition("-")[0] == here for lease in leases)
        of_state = select(func.count()).select_from(Batch)
        waiting = session.scalar(of_state.where(Batch.state == BatchState.READY)) or 0
    journals = len(list((settings.var_dir / "journal").glob("*.journal")))
    return Left(leased, journals, waiting)
