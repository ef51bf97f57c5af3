"""`tellal migrate`: bring the database to this release."""

from __future__ import annotations

import click

from service.settings import Settings, load


def bring_up_to_date(settings: Settings) -> None:
    """Migrate, and fill topics and places where they are empty; a second run changes nothing."""
    from service import migrations, taxonomy
    from service.db import Database

    db = Database(settings.sqlalchemy_url)
    try:
        migrations.upgrade(db)
        with db.write() as session:
            taxonomy.load_into(session, settings)
    finally:
        db.close()


@click.command()
def migrate() -> None:
    """Bring the database to this release; load topics and places into an empty one."""
    settings = load()
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    bring_up_to_date(settings)
    click.echo("The database is up to date.")
