"""`tellal digest`: the runs of daily and weekly digests, and what became of them."""

from __future__ import annotations

import click

from service.cli.opened import opened_runtime


@click.group()
def digest() -> None:
    """Show the runs of daily and weekly digests. They make themselves, at 8:00 of the city."""


@digest.command("list")
@click.option("--last", type=click.IntRange(1, 1_000), default=20, help="How many; 20 unless said.")
def list_runs(last: int) -> None:
    """List runs, the newest first: what they tell, and how many letters came out how."""
    from zoneinfo import ZoneInfo

    from service.ledger.digest_counts import runs

    with opened_runtime() as runtime:
        zone = ZoneInfo(runtime.settings.timezone)
        with runtime.db.read() as session:
            found = runs(session, last)
    for one in found:
        run = one.run
        since, until = (at.astimezone(zone) for at in (run.from_at, run.until_at))
        line = f"{run.day}\t{run.frequency}\t{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}"
        if one.state is None:
            click.echo(f"{line}\tno news")
            continue
        letters = ", ".join(f"{count:,} {word}" for word, count in one.letters.items())
        click.echo(f"{line}\t{one.articles} articles\t{one.state}\t{letters or 'no readers'}")
    if not found:
        click.echo("No digest has been made yet: the first is due at 8:00.")
