"""`tellal dead-letters`: work past its last try; begun again, or put away for a reason."""

from __future__ import annotations

import click

from service.cli.acting import NUMBER, STAFF, acting, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

_KIND = click.argument("kind", type=click.Choice(["batch", "text", "plan", "journal", "event"]))
SHOWN = 100


@click.group()
def dead_letters() -> None:
    """List, retry and discard what was given up: batches, texts, plans, journals, events."""


@dead_letters.command("list")
@_KIND
def show_list(kind: str) -> None:
    """List what is given up of KIND, the newest first, 100 at most."""
    from service.ledger.given_up import Given, listed

    with opened_runtime() as runtime, runtime.db.read() as session:
        found = listed(session, Given(kind), None, SHOWN)
    for one in found:
        click.echo(f"{one.id}\t{one.at:%Y-%m-%d %H:%M} UTC\t{one.about}\t{one.error}")
    if not found:
        click.echo(f"No {kind} is given up.")


@dead_letters.command()
@_KIND
@click.argument("number", type=NUMBER, required=False)
@click.option("--all", "everything", is_flag=True, help="The oldest 100 of that kind.")
@STAFF
def retry(kind: str, number: int | None, everything: bool, staff: str) -> None:
    """Begin one of KIND again, with all its tries, or by --all the oldest 100."""
    from service import acts
    from service.db import utcnow
    from service.ledger.given_up import Given, GivenUpError, begin_again, begin_some_again

    if (number is None) != everything:
        raise Refusal("say either a number or --all")
    with opened_runtime() as runtime:
        try:
            with runtime.db.write() as session:
                who = actor_named(session, staff)
                if number is None:
                    begun = begin_some_again(session, Given(kind), utcnow())
                    ids = [one for one, _ in begun]
                    acts.record(session, runtime.vault, who, f"{kind}.retry-all", ids=ids)
                else:
                    begun = [(number, begin_again(session, Given(kind), number, utcnow()))]
                    acts.record(session, runtime.vault, who, f"{kind}.retry", number)
        except GivenUpError as error:
            raise Refusal(str(error)) from error
        for _, ring in begun:
            runtime.doorbell.ring(ring.task, ring.row_id, ring.queue)
    click.echo(f"{len(begun)} of kind {kind} begun again.")


@dead_letters.command()
@_KIND
@click.argument("number", type=NUMBER)
@click.option("--reason", required=True, help="Why, for the log of acts.")
@STAFF
def discard(kind: str, number: int, reason: str, staff: str) -> None:
    """Put NUMBER of KIND away for good: who was not told is not told."""
    from service.db import utcnow
    from service.ledger.given_up import Given, GivenUpError, discard

    try:
        with acting(staff, f"{kind}.discard", number, reason=reason) as session:
            discard(session, Given(kind), number, reason[:200], utcnow())
    except GivenUpError as error:
        raise Refusal(str(error)) from error
    click.echo(f"Discarded: {kind} {number}.")
