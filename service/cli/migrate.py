"""`tellal migrate`: bring the database to this release."""

from __future__ import annotations

import click

from service.cli.refusal import Refusal
from service.settings import Settings, load

EXIT_EXPAND, EXIT_CONTRACT = 3, 4


def bring_up_to_date(settings: Settings) -> None:
    """Migrate, fill what is empty with topics, places and texts, chain acts from before the chain,
    and erase again who a restored backup brought back; a second run changes nothing."""
    from service import acts, migrations, taxonomy
    from service.crypto import Vault
    from service.db import Database
    from service.subscriptions import erasures, notices

    db = Database(settings.sqlalchemy_url)
    try:
        try:
            migrations.upgrade(db)
        except migrations.NewerDatabase as error:
            raise Refusal(str(error)) from error
        with db.write() as session:
            taxonomy.load_into(session, settings)
            notices.ship(session)
            acts.adopt(session, Vault(settings))
        again = erasures.apply(db, settings)
        if again:
            click.echo(
                f"A backup brought back {again} people who had their data erased: gone again."
            )
    finally:
        db.close()


@click.command()
@click.option(
    "--check", is_flag=True, help="Only say which migrations are missing, and of which kind."
)
def migrate(check: bool) -> None:
    """Bring the database to this release; load topics and places into an empty one.

    With --check nothing is changed, and the exit code says what is missing: 0 nothing; 3 only
    migrations that are safe while the release before still runs (expand); 4 one that needs it
    stopped first (contract); 2 the database does not answer, or a newer release has migrated it.
    """
    settings = load()
    if check:
        raise SystemExit(_check(settings))
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    if settings.is_own_database:  # it knows addresses: for this user's eyes only
        (settings.var_dir / "tellal.db").touch(mode=0o600)
    bring_up_to_date(settings)
    click.echo("The database is up to date.")


def _check(settings: Settings) -> int:
    """Print what is missing; returns the exit code."""
    from service import migrations
    from service.db import Database

    if settings.is_own_database and not (settings.var_dir / "tellal.db").exists():
        raise Refusal(f"there is no database in {settings.var_dir}; `tellal migrate` makes it")
    db = Database(settings.sqlalchemy_url)
    try:
        missing = migrations.missing(db)
    except migrations.NewerDatabase as error:
        raise Refusal(str(error)) from error
    finally:
        db.close()
    for one in missing:
        click.echo(f"{one.revision}  {one.phase:<8}  {one.title}")
    if not missing:
        click.echo("No migration is missing.")
        return 0
    if any(one.phase is migrations.Phase.CONTRACT for one in missing):
        click.echo("Stop every process of the release before, then run `tellal migrate`.")
        return EXIT_CONTRACT
    click.echo("Run `tellal migrate` while the release before still runs, then restart one by one.")
    return EXIT_EXPAND
