"""`tellal suppressions`: who is not written to any more, why, and how that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from service.cli.acting import STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.crypto import Vault
    from service.models import Suppression


@click.group()
def suppressions() -> None:
    """List, explain and lift suppressions."""


@suppressions.command("list")
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True)
def show_list(last: int) -> None:
    """Print how many there are by reason, and the last ones.

    Addresses are not kept, only their hashes: ask for one by `tellal suppressions show`.
    """
    from sqlalchemy import func, select

    from service.models import Suppression

    with opened_runtime() as runtime, runtime.db.read() as session:
        counts = session.execute(
            select(Suppression.reason, func.count())
            .group_by(Suppression.reason)
            .order_by(Suppression.reason)
        ).all()
        newest = select(Suppression).order_by(Suppression.at.desc(), Suppression.address_hash)
        found = session.scalars(newest.limit(last)).all()
    for reason, count in counts:
        click.echo(f"{count:,}\t{reason}")
    if not counts:
        click.echo("Nobody is suppressed.")
    for one in found:
        click.echo(_line(one))


@suppressions.command()
@click.argument("address")
def show(address: str) -> None:
    """Say whether ADDRESS is suppressed, why, and what came back from it."""
    from sqlalchemy import select

    from service.models import Bounce, Destination, Suppression

    with opened_runtime() as runtime, runtime.db.read() as session:
        hashed = _hash(runtime.vault, address)
        suppression = session.get(Suppression, hashed)
        its = select(Destination.id).where(Destination.address_hash == hashed)
        bounces = session.scalars(
            select(Bounce).where(Bounce.destination_id.in_(its)).order_by(Bounce.at, Bounce.id)
        ).all()
    click.echo(_line(suppression) if suppression else "Not suppressed.")
    for one in bounces:
        forgiven = ", forgiven" * (one.forgiven_at is not None)
        said = " ".join(filter(None, (one.status, one.detail)))
        click.echo(
            f"{one.at:%Y-%m-%d %H:%M} UTC\tnotification {one.notification_id}"
            f"\t{one.verdict}{forgiven}\t{said}"
        )


@suppressions.command()
@click.argument("address")
@click.option("--reason", required=True, help="Why, for the audit log.")
@STAFF
def lift(address: str, reason: str, staff: str) -> None:
    """Let ADDRESS hear again; what it subscribed to goes on.

    What bounced up to now counts for no later suppression. Lift a complaint only where the person
    themselves asked for it.
    """
    from service.admin import people_acts

    _act(people_acts.lift, address, reason, staff)
    click.echo("Lifted.")


@suppressions.command()
@click.argument("address")
@click.option("--reason", required=True, help="Why, for the audit log.")
@STAFF
def add(address: str, reason: str, staff: str) -> None:
    """Write to ADDRESS no more, because its person asked the office for it."""
    from service.admin import people_acts

    _act(people_acts.suppress, address, reason, staff)
    click.echo("Suppressed.")


def _act(act: Callable[..., None], address: str, reason: str, staff: str) -> None:
    from service.admin.people_acts import NotNow
    from service.subscriptions.office import reason_of

    why = reason_of(reason)
    if not why:
        raise Refusal("--reason must say why")
    with opened_runtime() as runtime:
        with runtime.db.read() as session:
            actor = actor_named(session, staff)
        try:
            act(runtime, actor, _hash(runtime.vault, address), why)
        except NotNow as error:
            raise Refusal(str(error).lower()) from error


def _hash(vault: Vault, address: str) -> str:
    from service.subscriptions.addresses import AddressError, address_hash, normalise_email

    try:
        return address_hash(vault, "email", normalise_email(address))
    except AddressError as error:
        raise Refusal(str(error)) from error


def _line(one: Suppression) -> str:
    return f"{one.at:%Y-%m-%d %H:%M} UTC\t{one.reason}\t{one.evidence}"
