"""`tellal bounces`: what came back, by lane and verdict."""

from __future__ import annotations

from datetime import timedelta

import click

from service.cli.opened import opened_runtime


@click.command()
@click.option("--days", type=click.IntRange(1, 3660), default=7, help="How many; 7 unless said.")
def bounces(days: int) -> None:
    """Show how many letters came back, and how many complaints there were.

    "ours" is what was refused for a reason on this side; nobody is suppressed for it.
    """
    from rich.console import Console
    from rich.table import Table

    from service.db import utcnow
    from service.ledger.troubles import counts_by_lane
    from service.models import BounceVerdict

    with opened_runtime() as runtime, runtime.db.read() as session:
        counts = counts_by_lane(session, utcnow() - timedelta(days=days))
    if not counts:
        click.echo("Nothing came back.")
        return
    verdicts = [one for one in BounceVerdict if one is not BounceVerdict.NOTHING]
    table = Table("lane", *verdicts, box=None, pad_edge=False)
    for lane in sorted(counts):
        table.add_row(lane, *(f"{counts[lane][verdict]:,}" for verdict in verdicts))
    Console(width=160, no_color=True).print(table)
