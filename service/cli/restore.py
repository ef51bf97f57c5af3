"""`tellal restore FILE`: a backup takes the place of the database."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.move_to import progress_of, unused
from service.cli.refusal import Refusal
from service.settings import load, require_keys

NO_LIST = """\
There is no list of erasures in {path}. If people had their data erased since the
backup was made, put the newest copy of it there before you start Tellal.
"""
AFTERWARDS = """\
Sending is paused: {held:,} deliveries were on their way when the backup was made, and may have been
sent since. Start Tellal, let it fetch its sources, and then say what became of them:
  tellal release --told --staff you@example.org
      the service went on after the backup: nobody is told twice
  tellal release --untold --staff you@example.org
      nothing was sent after the backup: what waits is sent
"""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Even though the database holds data, which is lost.")
def restore(file: Path, replace: bool) -> None:
    """Check FILE from end to end, then put it in the place of the database. Stop Tellal first.

    A backup of SQLite can be restored into PostgreSQL, and the other way round. Who was erased
    since the backup is erased again. Nothing is sent until `tellal release`.
    """
    from service.copies.file import BackupRefused
    from service.copies.moving import CopyRefused
    from service.copies.restore import restore as put_back
    from service.copies.restore import rows_of
    from service.copies.rows import Unfit
    from service.crypto import Vault

    settings = load()
    require_keys(settings)
    vault, is_listed = Vault(settings), settings.erasures_path.exists()
    try:
        with unused(settings), progress_of(3 * rows_of(file, vault)) as report:
            restored = put_back(file, settings, vault, report, is_replacing=replace)
    except (BackupRefused, CopyRefused, Unfit) as error:
        raise Refusal(f"nothing was restored: {error}") from error
    made_at = restored.manifest.made_at
    click.echo(f"Restored: {restored.manifest.rows:,} rows of the backup made {made_at}.")
    if restored.erased_again:
        click.echo(f"{restored.erased_again} people who had their data erased since: gone again.")
    if not is_listed:
        click.echo(NO_LIST.format(path=settings.erasures_path), nl=False)
    click.echo(AFTERWARDS.format(held=restored.in_flight), nl=False)
