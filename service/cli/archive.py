"""`tellal archive`: old articles to learn from; nobody is ever told of them."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

SHOWN_ERRORS = 50


@click.group()
def archive() -> None:
    """Manage the archive that the classifier learns from."""


@archive.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """Import old articles from FILE: JSON lines {id, title, summary, body, topics, published_at}.

    Every line is checked before the first is stored. The same file twice adds nothing. No article
    of the archive can be told to anybody.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    from sqlalchemy import select

    from service.db import utcnow
    from service.learning.archive import ArchiveRefused, import_archive, read_archive
    from service.models import Topic

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with opened_runtime() as runtime:
        with runtime.db.read() as session:
            topics = frozenset(session.scalars(select(Topic.slug)))
        try:
            # Not splitlines(): texts hold other line separators.
            items = read_archive(file.read_text(encoding="utf-8-sig").split("\n"), topics)
        except UnicodeDecodeError as error:
            raise Refusal(f"{file} is not UTF-8") from error
        except ArchiveRefused as refused:
            for line in refused.errors[:SHOWN_ERRORS]:
                click.echo(line, err=True)
            raise Refusal(f"nothing was imported: {refused}") from refused
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("stored", total=len(items))
            found = import_archive(
                runtime.db, items, utcnow(), lambda done: progress.update(bar, completed=done)
            )
    click.echo(f"{found.added} articles added, {found.known} were there already.")
