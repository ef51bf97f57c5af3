"""`tellal migrate`: bring the database to this release."""

from __future__ import annotations

import click

from service.settings import Settings, load


def bring_up_to_date(settings: Settings) -> None:
    """Migrate, fill what is empty with topics, places and texts, chain acts from before the chain,
    and erase again who a restored backup brought back; a second run changes nothing."""
    from service import acts, migrations, taxonomy
    from service.crypto import Vault
    from service.db import Database
    from service.subscriptions import erasures, notices

    db = Database(settings.sqlalchemy_url)
    try:
        migrations.upgrade(db)
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
def migrate() -> None:
    """Bring the database to this release; load topics and places into an empty one."""
    settings = load()
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    bring_up_to_date(settings)
    click.echo("The database is up to date.")
