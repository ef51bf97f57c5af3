"""`tellal stats`: sums without anybody's name."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import click

from service.cli.opened import opened_runtime


@click.group()
def stats() -> None:
    """Show how many deliveries there were, and how they came out."""


@stats.command("days")
@click.option("--days", type=click.IntRange(1, 3660), default=14, help="How many; 14 unless said.")
@click.option("--lanes", is_flag=True, help="One line for each lane.")
def show_days(days: int, lanes: bool) -> None:
    """Print the deliveries of each day of the city, by the day of their notification's release."""
    from zoneinfo import ZoneInfo

    from rich.console import Console
    from rich.table import Table

    from service.db import utcnow
    from service.ledger.days import at_one_moment, sums
    from service.ledger.tallying import count_due
    from service.models import DeliveryState

    with opened_runtime() as runtime:
        zone = ZoneInfo(runtime.settings.timezone)
        now = utcnow()
        today = now.astimezone(zone).date()
        count_due(runtime.db, zone, now, is_all=True)
        with runtime.db.read() as session:
            at_one_moment(session)
            cells = sums(session, today - timedelta(days=days - 1), today)
    lines: dict[tuple[str, ...], Counter[str]] = {}
    key: tuple[str, ...]
    for cell, count in cells.items():
        key = (f"{cell.day:%Y-%m-%d}", cell.kind, cell.destination_kind or "erased")
        lines.setdefault((*key, cell.lane) if lanes else key, Counter())[cell.outcome] += count
    words = [state.word for state in DeliveryState]
    heads = ["day", "kind", "to", *["lane"] * lanes, "planned", *words]
    table = Table(*heads, box=None, pad_edge=False)
    for key in sorted(lines):
        numbers = [lines[key].total(), *(lines[key][word] for word in words)]
        table.add_row(*key, *(f"{number:,}" for number in numbers))
    Console(width=160, no_color=True).print(table)
