"""`tellal release`: after a restore, say what became of what was in flight, and go on."""

from __future__ import annotations

import click

from service.cli.acting import STAFF, doing
from service.cli.refusal import Refusal


@click.command()
@click.option(
    "--told/--untold",
    "is_told",
    default=None,
    help="Whether the service may have gone on sending after the backup was made.",
)
@STAFF
def release(is_told: bool | None, staff: str) -> None:
    """End the pause of a restore.

    --told: what was published before the restore and is unsent counts as told, its deliveries are
    `unknown`, and corrections reach them; `tellal deliveries resend-missing ARTICLE --unknown`
    sends one of them all the same. --untold: what waits is sent now.
    """
    from service.admin import halt_acts
    from service.copies import in_flight
    from service.db import utcnow
    from service.ledger.pausing import Target
    from service.models import HaltScope

    if is_told is None:
        raise Refusal("say --told or --untold; see `tellal release --help`")
    with doing(staff) as doer:
        with doer.runtime.db.read() as session:
            hold = in_flight.hold_of(session)
        if hold is None:
            raise Refusal("nothing is held by a restore")
        if is_told:
            settled = in_flight.settle_as_told(doer.runtime.db, hold.at, utcnow())
            click.echo(f"{settled:,} deliveries count as told, and are unknown in the ledger.")
        word = "told" if is_told else "untold"
        freed = halt_acts.resume(doer, Target(HaltScope.ALL), f"released after a restore: {word}")
    click.echo(f"Sending goes on; {freed} batches were waiting.")
