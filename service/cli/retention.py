"""`tellal retention`: who was told what is kept for some days, and then only how many."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from service.cli.opened import opened_runtime

if TYPE_CHECKING:
    from service.ledger.retention import Plan


@click.group()
def retention() -> None:
    """Turn old deliveries into counts; the scheduler does it every night."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
def run(dry_run: bool) -> None:
    """Forget who got what is older than TELLAL_LEDGER_DAYS; how many did stays known.

    It may be stopped at any time: the next run goes on where this one ended.
    """
    from rich.console import Console
    from rich.progress import Progress

    from service.db import utcnow
    from service.ledger.partitions import make_ahead
    from service.ledger.retention import Retention

    now = utcnow()
    with opened_runtime() as runtime:
        steps = Retention.of(runtime.db, runtime.settings)
        plan = steps.look(now)
        for line in _describe(plan):
            click.echo(line)
        if dry_run:
            return
        make_ahead(runtime.db, now)
        done: Counter[str] = Counter()
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("archived", total=plan.deliveries)
            for step in steps.steps(now):
                done[step.what] += step.count
                progress.update(bar, completed=done["archived"])
                if step.what != "archived":
                    progress.update(bar, description=f"{done['deleted']:,} rows deleted")
    click.echo(
        f"{done['archived']:,} deliveries counted, {done['dropped']} partitions dropped,"
        f" {done['deleted']:,} rows deleted."
    )


def _describe(plan: Plan) -> list[str]:
    lines = [
        f"To be turned into counts: {plan.deliveries:,} deliveries"
        f" of {plan.notifications:,} notifications.",
        f"Counted before, rows not gone yet: of {plan.waiting:,} deliveries.",
    ]
    if plan.partitions:
        lines.append(f"Partitions to be dropped: {', '.join(plan.partitions)}.")
    return lines
