"""`tellal stats`: sums without anybody's name."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

import click

from service.cli.opened import opened_runtime

FOREVER_S = 24 * 3600.0
TABLES = {  # as service.admin.statistic has them, whose import is slow
    "deliveries": "Print deliveries by outcome.",
    "channels": "Print sent deliveries by way.",
    "delays": "Print seconds from publication to delivery.",
    "readers": "Print how many readers there were.",
    "growth": "Print how many readers came and left.",
    "topics": "Print readers by topic.",
    "districts": "Print readers by district.",
    "frequencies": "Print readers by frequency.",
    "kinds": "Print readers by way.",
    "bounces": "Print bounces by domain.",
    "unfollowed": "Print topics that nobody follows.",
    "silent": "Print subscriptions that wait in vain, as counted today.",
}


@click.group()
def stats() -> None:
    """Show how many deliveries there were, how they came out, and for how many readers."""


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


@stats.command("count")
def count() -> None:
    """Count deliveries, bounces and readers now; the scheduler does it all the time."""
    from zoneinfo import ZoneInfo

    from service.db import utcnow
    from service.ledger import bounce_days
    from service.ledger.tallying import count_due
    from service.subscriptions import reader_days

    with opened_runtime() as runtime:
        zone, now = ZoneInfo(runtime.settings.timezone), utcnow()
        done = count_due(runtime.db, zone, now, turn_s=FOREVER_S, is_all=True)
        bounce_days.count_missing(runtime.db, zone, now)
        reader_days.count_now(runtime.db, runtime.settings, now)
    click.echo(f"Counted: {done} notifications, all readers and bounces.")


def _show(name: str, days: str, is_csv: bool) -> None:
    """Print a statistic of the staff's pages."""

    from rich.console import Console
    from rich.table import Table

    from service.admin.csv_export import csv_lines
    from service.admin.statistic import load
    from service.db import utcnow

    with opened_runtime() as runtime:
        found = load(runtime, name, int(days), "en", utcnow())
    heads = [column.name for column in found.columns]
    if is_csv:
        for line in csv_lines(heads, found.rows):
            click.echo(line, nl=False)
        return
    table = Table(*heads, box=None, pad_edge=False)
    for row in found.rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(width=160, no_color=True).print(table)
    if found.as_of:
        click.echo(f"Counted at {found.as_of:%Y-%m-%d %H:%M} UTC.")


def _add_statistics() -> None:
    """A command for each of the tables: `tellal stats topics`."""
    for name, says in TABLES.items():
        stats.add_command(
            click.Command(
                name,
                callback=partial(_show, name),
                params=[
                    click.Option(
                        ["--days"],
                        type=click.Choice(["7", "30", "90", "365"]),
                        default="30",
                        help="Days up to today.",
                    ),
                    click.Option(["--csv", "is_csv"], is_flag=True, help="As CSV."),
                ],
                help=f"{says} Figures of people are multiples of five; empty: fewer than five.",
            )
        )


_add_statistics()
