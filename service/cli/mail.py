"""`tellal mail`: what an operator sets up before mail leaves, and tries before news does."""

from __future__ import annotations

import os
from pathlib import Path

import click

from service.cli.mail_preview import check, preview
from service.cli.mail_templates import templates
from service.cli.mail_test import test_mail
from service.cli.refusal import Refusal


@click.group()
def mail() -> None:
    """Set up mail, and try it."""


mail.add_command(test_mail)
mail.add_command(preview)
mail.add_command(check)
mail.add_command(templates)


@mail.command()
@click.argument("selector")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the private key; it must not be there yet.",
)
def key(selector: str, out: Path) -> None:
    """Make a key that signs mail, and print the DNS record that goes with it.

    SELECTOR names the key in the DNS, for example 2026a; a new key gets a new name. To change keys,
    publish the new record, wait a day, then set the new file and selector, and leave the old record
    in place for a week: letters that are still on their way were signed by the old key.
    """
    from service.dkim import NAME, new_key, txt_record, zone_line
    from service.settings import load

    if not NAME.fullmatch(selector):
        raise Refusal(f"{selector!r} is no selector: a-z, 0-9 and hyphens, for example 2026a")
    pem = new_key()
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refusal(f"{out} is there already; a key is never overwritten") from None
    except OSError as error:
        raise Refusal(f"{out} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w") as file:
        file.write(pem)
    domain = load().signing_domain
    click.echo(f"{out} made; keep it secret, and back it up.\n")
    click.echo("1. Publish this record:\n")
    click.echo(zone_line(f"{selector}._domainkey.{domain}", txt_record(pem)))
    click.echo("\n2. When the DNS shows it, set for the email workers:\n")
    click.echo(f"TELLAL_DKIM_KEY_FILE={out.resolve()}\nTELLAL_DKIM_SELECTOR={selector}")
