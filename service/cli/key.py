"""`tellal key`: API keys, with which programs act in somebody's name."""

from __future__ import annotations

import click

from service.cli.acting import NUMBER, STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal


@click.group()
def key() -> None:
    """Manage API keys."""


@key.command()
@click.argument("name")
@click.option("--power", "powers", multiple=True, required=True, help="May be repeated.")
@click.option("--days", default=90, show_default=True, help="Until it expires, at most 365.")
@STAFF
def add(name: str, powers: tuple[str, ...], days: int, staff: str) -> None:
    """Make a key of your own, with some of your powers. It is printed this once.

    As in: tellal key add "Monthly report" --power see --staff ayse@example.com
    """
    from service import acts
    from service.admin.accounts import role_names
    from service.admin.keys import RefusedKey, make
    from service.admin.powers import powers_of
    from service.db import utcnow
    from service.models import Staff

    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        owner = session.get_one(Staff, actor.staff_id)
        try:
            row, secret = make(
                session,
                runtime.vault,
                owner,
                name=name,
                powers=powers,
                days=days,
                ceiling=powers_of(role_names(owner)),
                now=utcnow(),
            )
        except RefusedKey as error:
            raise Refusal(str(error)) from error
        acts.record(
            session,
            runtime.vault,
            actor,
            "key.add",
            row.id,
            powers=row.powers,
            expires=row.expires_at,
        )
    click.echo(secret)


@key.command(name="list")
def list_() -> None:
    """List all keys: number, first letters, name, whose, powers, and how long each counts."""
    from sqlalchemy import select

    from service.models import ApiKey, Staff

    query = select(ApiKey, Staff.email).join(Staff, Staff.id == ApiKey.staff_id).order_by(ApiKey.id)
    with opened_runtime() as runtime, runtime.db.read() as session:
        for row, email in session.execute(query):
            until = "revoked" if row.revoked_at else f"until {row.expires_at:%Y-%m-%d}"
            powers = ",".join(row.powers)
            click.echo(f"{row.id}  {row.prefix}…  {row.name}  {email}  {powers}  {until}")


@key.command()
@click.argument("number", type=NUMBER)
@STAFF
def revoke(number: int, staff: str) -> None:
    """End a key for good, by its number in the list."""
    from service import acts
    from service.admin.keys import revoke
    from service.db import utcnow
    from service.models import ApiKey

    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        if session.get(ApiKey, number) is None:
            raise Refusal(f"there is no key {number}; see `tellal key list`")
        if revoke(session, number, utcnow()):
            acts.record(session, runtime.vault, actor, "key.revoke", number)
    click.echo(f"Key {number} is revoked.")
