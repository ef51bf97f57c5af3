"""`tellal staff`: accounts of the people who work with Tellal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.settings import load

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import Staff


@click.group()
def staff() -> None:
    """Manage staff accounts."""


@staff.command()
@click.argument("email")
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=("administrator",),
    show_default=True,
    help="What the account may do; may be repeated.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--staff", "actor", help="Your email address; not for the first account.")
def add(email: str, roles: tuple[str, ...], password_stdin: bool, actor: str | None) -> None:
    """Add an account. The password is asked for twice, and stored as a hash.

    The first sign-in leads to the set-up of a second factor.
    """
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)

    from service import acts
    from service.admin.accounts import AccountError, add_staff
    from service.app import create_app

    settings = load()
    app = create_app(settings)  # the hash is made as the application's settings say
    runtime = app.extensions["tellal"]
    try:
        with app.app_context(), runtime.db.write() as session:
            who = actor_named(session, actor) if actor else None
            added = add_staff(session, email, password, roles)
            acts.record(session, runtime.vault, who, "staff.add", added.id, roles=list(roles))
    except AccountError as error:
        raise Refusal(str(error)) from error
    finally:
        runtime.close()
    click.echo(f"{email} may sign in at {settings.public_url}/staff/login")


@staff.command(name="list")
def list_() -> None:
    """List the accounts with their roles, and how each signs in."""
    from sqlalchemy import select

    from service.admin.accounts import role_names
    from service.models import Staff

    with opened_runtime() as runtime, runtime.db.read() as session:
        for one in session.scalars(select(Staff).order_by(Staff.id)):
            factor = "second factor set up" if one.tf_totp_secret else "no second factor"
            notes = [
                "through the city" if one.oidc_subject else factor,
                *(["for emergencies"] * one.is_break_glass),
                *(["ended"] * (not one.active)),
            ]
            click.echo(
                f"{one.email}  {', '.join(role_names(one)) or 'no role'}  {'; '.join(notes)}"
            )


@staff.command()
@click.argument("email")
@click.option("--role", "roles", multiple=True, required=True, help="May be repeated.")
@STAFF
def roles(email: str, roles: tuple[str, ...], staff: str) -> None:
    """Give somebody these roles and no others; the last administrator keeps that role."""
    _act(email, staff, "roles", roles=list(roles))
    click.echo(f"{email} has these roles: {', '.join(roles)}")


@staff.command()
@click.argument("email")
@STAFF
def deactivate(email: str, staff: str) -> None:
    """End an account, its sessions, and the use of its keys."""
    _act(email, staff, "deactivate")
    click.echo(f"{email} may not sign in any more.")


@staff.command()
@click.argument("email")
@STAFF
def activate(email: str, staff: str) -> None:
    """Let somebody in again."""
    _act(email, staff, "activate")
    click.echo(f"{email} may sign in again.")


@staff.command(name="reset-second-factor")
@click.argument("email")
@STAFF
def reset_second_factor(email: str, staff: str) -> None:
    """Take away a lost app; the next sign-in sets up another."""
    _act(email, staff, "reset-second-factor")
    click.echo(f"{email} sets up another app at the next sign-in.")


@staff.command(name="break-glass")
@click.argument("email")
@STAFF
def break_glass(email: str, staff: str) -> None:
    """Make this the one account for emergencies: its password opens also where the city's own
    sign-in is on, and each use of it raises an alarm."""
    from service import acts
    from service.admin.accounts import AccountError, make_break_glass

    with opened_runtime() as runtime, runtime.db.write() as session:
        actor, who = actor_named(session, staff), _named(session, email)
        try:
            if make_break_glass(session, who):
                acts.record(session, runtime.vault, actor, "staff.break-glass", who.id)
        except AccountError as error:
            raise Refusal(str(error)) from error
    click.echo(f"{email} is the account for emergencies.")


@staff.command(name="routes")
def routes() -> None:
    """Print which role may use which page and which route of the API, as Markdown."""
    from service.admin.routes import table
    from service.app import create_app

    app = create_app(load())
    try:
        click.echo(table(app), nl=False)
    finally:
        app.extensions["tellal"].close()


def _act(email: str, actor: str, name: str, **given: list[str]) -> None:
    """Do one act of the table that pages and API use, under a name of the staff."""
    from service import acts
    from service.admin.account_acts import do
    from service.admin.accounts import ALL_POWERS, AccountError

    with opened_runtime() as runtime, runtime.db.write() as session:
        who = actor_named(session, actor)

        def record(session: Session, act: str, number: int, **detail: Any) -> None:
            acts.record(session, runtime.vault, who, act, number, **detail)

        try:
            whom = _named(session, email)
            do(session, name, whom, lambda field: given.get(field, []), ALL_POWERS, record)
        except AccountError as error:
            raise Refusal(str(error)) from error


def _named(session: Session, email: str) -> Staff:
    """The account with this address.

    Raises:
        Refusal: there is none.
    """
    from sqlalchemy import select

    from service.models import Staff

    found = session.scalar(select(Staff).where(Staff.email == email))
    if found is None:
        raise Refusal(f"{email!r} is nobody of the staff; see `tellal staff list`")
    return found
