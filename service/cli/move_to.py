"""`tellal move-to URL`: everything from this database into an empty PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from service.cli.instance import Instance
from service.cli.refusal import Refusal
from service.settings import Settings, load, require_keys

if TYPE_CHECKING:
    from service.copies.moving import Moved, Report
    from service.db import Database


@click.command("move-to")
@click.argument("url")
def move_to(url: str) -> None:
    """Copy this database into the empty PostgreSQL at URL, and compare every table.

    Stop Tellal first. Nothing is taken from this database. Should the move die on its way, the
    target is as empty as before: start it again.
    """
    settings = load()
    with unused(settings) as source:
        moved = _move(source, _opened(url))
    click.echo(
        f"{moved.rows:,} rows of {len(moved.sums)} tables have arrived; "
        "the counts and checksums of every table agree."
    )
    click.echo("Set TELLAL_DATABASE_URL to the new database, run `tellal audit`, then start.")


@contextlib.contextmanager
def unused(settings: Settings) -> Iterator[Database]:
    """This installation's database, and nobody else's meanwhile.

    Raises:
        Refusal: processes are running.
        SettingsError: the keys are missing, without which what arrives could not be used.
    """
    from service.copies.users import users_of
    from service.db import Database

    require_keys(settings)
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    instance = Instance(settings.var_dir)
    instance.take(0)
    db = Database(settings.sqlalchemy_url)
    try:
        if pids := users_of(db):
            others = ", ".join(map(str, pids[:5]))
            raise Refusal(f"the database is in use (process {others}); stop Tellal first")
        yield db
    finally:
        db.close()
        instance.release()


@contextlib.contextmanager
def progress_of(total: int) -> Iterator[Report]:
    """A bar on the standard error output; what is done is its title."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("rows", total=total)

        def report(what: str, rows: int) -> None:
            progress.update(bar, description=what, advance=rows)

        yield report


def _move(source: Database, target: Database) -> Moved:
    from service.archive.index import renew_all
    from service.copies.moving import CopyRefused, move, total_rows
    from service.copies.rows import Unfit

    try:
        with progress_of(2 * total_rows(source)) as report:
            moved = move(source, target, report)
        renew_all(target, on_progress=lambda done: None)  # the search is each database's own
    except (CopyRefused, Unfit) as error:
        raise Refusal(f"nothing was moved: {error}") from error
    finally:
        target.close()
    return moved


def _opened(url: str) -> Database:
    from sqlalchemy.exc import SQLAlchemyError

    from service.db import Database

    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise Refusal("the target must be a PostgreSQL: postgresql://user@host/name")
    try:
        return Database(f"postgresql+psycopg{separator}{rest}")
    except (SQLAlchemyError, ValueError) as error:
        raise Refusal("that is no database's address: postgresql://user@host/name") from error
