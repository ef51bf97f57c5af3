"""`tellal subscriber`: people whose consent the city already has, and their requests by hand."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.acting import STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

SHOWN_ERRORS = 50


@click.group()
def subscriber() -> None:
    """Manage subscribers."""


@subscriber.command()
@click.argument("address")
@click.option("--reason", required=True, help="Why, for the audit log.")
@STAFF
def erase(address: str, reason: str, staff: str) -> None:
    """Erase the person of ADDRESS at once, as they can themselves on their page."""
    from service.db import utcnow
    from service.subscriptions.erasures import erase_for_good

    whose = _destination(address)
    with acting(staff, "subscriber.erase", whose, reason=reason.strip()):
        pass  # the line in the audit log comes first: it names no address
    with opened_runtime() as runtime:
        is_done = erase_for_good(runtime.db, runtime.settings, whose, utcnow())
    click.echo("Erased." if is_done else "They had their data erased a moment ago.")


@subscriber.command()
@click.argument("address")
@click.option("--reason", required=True, help="Why, for the audit log.")
@STAFF
def export(address: str, reason: str, staff: str) -> None:
    """Print all that is kept about the person of ADDRESS, as JSON (docs/my-data.md).

    Give it to nobody but the person themselves.
    """
    from service.db import utcnow
    from service.subscriptions.exporting import Export

    whose = _destination(address)
    with acting(staff, "subscriber.export", whose, reason=reason.strip()):
        pass
    with opened_runtime() as runtime:
        made = Export.of(runtime.db, whose, runtime.settings.city_name, utcnow())
        for piece in made.as_json():
            click.echo(piece, nl=False)


def _destination(address: str) -> int:
    from sqlalchemy import select

    from service.models import Destination, DestinationKind
    from service.subscriptions.addresses import AddressError, address_hash, normalise_email

    with opened_runtime() as runtime, runtime.db.read() as session:
        try:
            hashed = address_hash(runtime.vault, "email", normalise_email(address))
        except AddressError as error:
            raise Refusal(str(error)) from error
        found = session.scalar(
            select(Destination.id)
            .where(Destination.kind == DestinationKind.EMAIL)
            .where(Destination.address_hash == hashed)
        )
    if found is None:
        raise Refusal("this address is not known; hashes of it may be: `tellal consent prove`")
    return found


@subscriber.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--consent-origin",
    required=True,
    help="Where the consent was given, e.g. 'newsletter form of 2024, file 17/204'.",
)
def import_file(file: Path, consent_origin: str) -> None:
    """Import subscribers from FILE.csv; the same file twice changes nothing.

    Columns: address, topics, places, frequency, language. Topics and places are slugs joined by
    `;`; none means all topics, and the whole city. Frequency is instant, daily or weekly.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from service.db import utcnow
    from service.subscriptions.importing import ImportRefused, import_subscribers

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise Refusal(f"{file} is not UTF-8; save it as “CSV UTF-8” and try again") from error
    if not consent_origin.strip():
        raise Refusal("--consent-origin must say where the consent was given")
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        opened_runtime() as runtime,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        total = max(0, len(lines) - 1)
        bars = {phase: progress.add_task(phase, total=total) for phase in ("checked", "stored")}
        try:
            result = import_subscribers(
                runtime.db,
                runtime.vault,
                lines,
                consent_origin=consent_origin,
                now=utcnow(),
                on_progress=lambda phase, rows: progress.update(bars[phase], completed=rows),
            )
        except ImportRefused as refused:
            progress.stop()
            for row_error in refused.errors[:SHOWN_ERRORS]:
                click.echo(str(row_error), err=True)
            raise Refusal(
                f"nothing was imported: {len(refused.errors)} errors in {file}"
                + (f", the first {SHOWN_ERRORS} above" * (len(refused.errors) > SHOWN_ERRORS))
            ) from refused
    click.echo(
        f"{result.added} rows added, {result.changed} changed, {result.unchanged} unchanged, "
        f"{result.suppressed} left out because their address is suppressed or was erased"
    )
