"""`tellal backup FILE`: the database, the journals and the settings in one checked file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.move_to import progress_of
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.copies.manifest import Manifest


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--check", is_flag=True, help="Make none: read FILE and compare all with its manifest."
)
def backup(file: Path, check: bool) -> None:
    """Write the database of this moment to FILE, beside whoever works, or check such a file.

    The keys are never in it: keep TELLAL_SECRET_KEY and TELLAL_ENCRYPTION_KEY elsewhere, without
    them it cannot be restored. It holds people's addresses: keep it where only you can read it. The
    list of erasures is not in it either, as it must be newer than the backup: copy it by itself.
    """
    manifest = _check(file) if check else _make(file)
    click.echo(
        f"{manifest.rows:,} rows of {len(manifest.tables)} tables, migration {manifest.revision}, "
        f"made {manifest.made_at} on {manifest.database}, {len(manifest.journals)} journals"
    )
    if check:
        click.echo(f"{file} is whole: every checksum agrees, and these keys open it.")
    else:
        click.echo(f"{file} is written. The keys are not in it: keep them elsewhere.")


def _make(file: Path) -> Manifest:
    from service.copies.backup import make
    from service.copies.file import BackupRefused
    from service.copies.moving import CopyRefused, total_rows
    from service.copies.rows import Unfit

    with opened_runtime() as runtime, progress_of(total_rows(runtime.db)) as report:
        try:
            return make(runtime, file, report)
        except (BackupRefused, CopyRefused, Unfit) as error:
            raise Refusal(f"no backup was made: {error}") from error
        except OSError as error:  # a full disk, no such folder
            raise Refusal(f"no backup was made in {file.parent}: {error.strerror}") from error


def _check(file: Path) -> Manifest:
    from service.copies.file import BackupRefused
    from service.copies.restore import check, rows_of

    with opened_runtime() as runtime:
        try:
            with progress_of(rows_of(file, runtime.vault)) as report:
                return check(file, runtime.vault, report)
        except BackupRefused as error:
            raise Refusal(str(error)) from error
