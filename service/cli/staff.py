"""`tellal staff`: accounts of the people who work with Tellal."""

from __future__ import annotations

import sys

import click

from service.cli.refusal import Refusal
from service.settings import load


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
def add(email: str, roles: tuple[str, ...], password_stdin: bool) -> None:
    """Add an account. The password is asked for twice, and stored as a hash."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)

    from service.admin.accounts import AccountError, add_staff
    from service.app import create_app

    settings = load()
    app = create_app(settings)  # the hash is made as the application's settings say
    runtime = app.extensions["tellal"]
    try:
        with app.app_context(), runtime.db.write() as session:
            add_staff(session, email, password, roles)
    except AccountError as error:
        raise Refusal(str(error)) from error
    finally:
        runtime.close()
    click.echo(f"{email} may sign in at {settings.public_url}/staff/login")
