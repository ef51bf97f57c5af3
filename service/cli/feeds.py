"""`tellal feeds`: the archives of the feeds, and who is pushed them."""

from __future__ import annotations

import click

from service.cli.acting import NUMBER, STAFF, acting
from service.cli.hub import subscribers
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal


@click.group()
def feeds() -> None:
    """Look after the feeds: their monthly archives, and their subscribers."""


feeds.add_command(subscribers)


@feeds.command()
@click.option("--days", type=click.IntRange(0), help="Days after a month’s end.")
def close(days: int | None) -> None:
    """Close every month that is over, the oldest first.

    A worker does this each hour; here an operator sees it happen. It can run beside the worker, be
    stopped at any time, and run again.
    """
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from rich.console import Console
    from rich.progress import Progress

    from service.db import utcnow
    from service.ledger.closing import close_due

    with opened_runtime() as runtime, Progress(console=Console(stderr=True)) as progress:
        settings = runtime.settings
        grace = timedelta(days=settings.feed_close_days if days is None else days)
        bar = progress.add_task("articles", total=None)
        closed = list(
            close_due(
                *(runtime.db, ZoneInfo(settings.timezone), grace, utcnow()),
                on_step=lambda month, articles: progress.advance(bar, articles),
            )
        )
    for month in closed:
        click.echo(f"{month} is closed.")
    if not closed:
        click.echo("No month is due.")


@feeds.command()
def months() -> None:
    """Print the closed months, how many articles each holds, and when it was closed."""
    from rich.console import Console
    from rich.table import Table

    from service.ledger.closing import closed_months

    with opened_runtime() as runtime, runtime.db.read() as session:
        found = closed_months(session)
    table = Table("month", "articles", "closed", "changed since", box=None)
    for one in found:
        since = f"{one.changed_at:%Y-%m-%d %H:%M}" if one.has_changed else ""
        closed = f"{one.closed_at:%Y-%m-%d %H:%M}" if one.closed_at else "under way"
        table.add_row(str(one.month), str(one.articles), closed, since)
    Console().print(table if found else "No month is closed yet.")


@feeds.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def rewrite(article_id: int, staff: str) -> None:
    """Show ARTICLE_ID in closed months as it is today: for personal data alone.

    A correction stands in a later month and leaves the old text in the one before. Where the old
    text may not be read any more, correct the article first, then rewrite it.
    """
    from service.db import utcnow
    from service.ledger.closing import rewrite as rewrite_archives

    with acting(staff, "article.rewrite-archives", article_id) as session:
        count = rewrite_archives(session, article_id, utcnow())
        if not count:
            raise Refusal(f"no closed month holds article {article_id}")
    click.echo(f"{count} closed months show article {article_id} as it is now.")
