"""`tellal archive`: old articles to learn from; nobody is ever told of them."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.acting import STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal


@click.group()
def archive() -> None:
    """Manage the archive that people read, and the one that the classifier learns from."""


@archive.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@STAFF
def import_(file: Path, staff: str) -> None:
    """Import old articles from FILE: JSON lines {id, title, summary, body, topics, published_at}.

    Every line is checked before the first is stored. The same id twice adds nothing. Damaged texts
    are left out. No article of the archive can be told to anybody.
    """
    from rich.console import Console
    from rich.progress import Progress

    from service.db import utcnow
    from service.learning.archive import import_archive
    from service.learning.archive_file import ArchiveFile, ArchiveRefused

    archive_file = ArchiveFile(file, _topics())
    try:
        count = archive_file.check()
        with acting(staff, "archive.import", None, file=file.name, articles=count):
            pass  # noted before the first is stored
        with opened_runtime() as runtime, Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("stored", total=count)
            found = import_archive(
                *(runtime.db, archive_file.items(), utcnow()),
                on_progress=lambda done: progress.advance(bar, done),
            )
    except ArchiveRefused as refused:
        for reason in refused.reasons:
            click.echo(reason, err=True)
        raise Refusal(f"{file} cannot be imported: {refused}") from refused
    click.echo(f"{found.added} articles added, {found.known} were there already.")
    if found.damaged:
        click.echo(f"{found.damaged} left out: their texts are damaged.")


@archive.command()
def index() -> None:
    """Build the lists and the search of the public archive anew.

    The service keeps them in step by itself; this is for articles that are older than the archive,
    and after its tables were lost. It can run beside the service, and twice.
    """
    from rich.console import Console
    from rich.progress import Progress

    from service.archive.index import count_public, renew_all

    with opened_runtime() as runtime, Progress(console=Console(stderr=True)) as progress:
        with runtime.db.read() as session:
            total = count_public(session)
        bar = progress.add_task("articles", total=total)
        listed = renew_all(runtime.db, on_progress=lambda done: progress.advance(bar, done))
    click.echo(f"{listed} articles are in the archive.")


def _topics() -> frozenset[str]:
    from sqlalchemy import select

    from service.models import Topic

    with opened_runtime() as runtime, runtime.db.read() as session:
        return frozenset(session.scalars(select(Topic.slug)))
