"""`tellal source`: the CMSs that may post articles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import (
    LONGEST_HOLD_S,
    check_names,
    find,
    given_secret,
    preset_of,
    print_credential,
    scheme_of,
    sealed_token,
)
from service.cli.source_pull import described, pull
from service.cli.source_set import FASTEST, replay, set_
from service.cli.source_try import try_

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.crypto import Vault

PRESET = "tellal"
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.group()
def source() -> None:
    """Manage the CMSs that may post articles."""


for command in (try_, set_, replay, pull):
    source.add_command(command)


@source.command()
@click.argument("slug")
@click.option("--preset", default=PRESET, show_default=True, help="File in config/presets.")
@click.option("--scheme", help="How it signs [default: the first of the preset].")
@click.option(
    "--secret-file", type=_FILE, help="File with the secret that the CMS made [default: a new one]."
)
@click.option(
    "--token-file", type=_FILE, help="The same for a scheme without signature: its bearer token."
)
@click.option(
    "--identifier",
    default="",
    help="TYPO3: that of the webhook. Contentful: the path that it posts to, where a proxy "
    "rewrites it.",
)
@click.option("--base-url", default="", help="Address of the site, for links that have none.")
@click.option("--api-url", default="", help="Address of the CMS's API, to ask for the whole text.")
@click.option("--api-token-file", type=_FILE, help="File with a read-only token for that API.")
@click.option(
    "--rate",
    type=click.IntRange(1, FASTEST),
    help="Requests a minute that are taken [default: 600].",
)
@click.option(
    "--hold",
    type=click.IntRange(0, LONGEST_HOLD_S),
    help="Seconds that a new article waits, for editors to notice mistakes [default: 180].",
)
@click.option("--urgent", "may_send_urgent", is_flag=True, help="Let it send urgent news.")
@click.option("--host", "hosts", multiple=True, help="Host of its article links; may be repeated.")
def add(
    slug: str,
    preset: str,
    scheme: str | None,
    secret_file: Path | None,
    token_file: Path | None,
    api_token_file: Path | None,
    rate: int | None,
    hosts: tuple[str, ...],
    **values: Any,
) -> None:
    """Add a source and print its secret, once."""
    from sqlalchemy.exc import IntegrityError

    check_names(slug, hosts, values)
    with opened_runtime() as runtime:
        found = preset_of(runtime.settings.config_dir / "presets", preset)
        scheme = scheme_of(found, scheme)
        if scheme == "typo3" and not values["identifier"]:
            raise Refusal("TYPO3 signs the webhook's identifier too; give it with --identifier")
        if token_file and (secret_file or scheme != "bearer"):
            raise Refusal("--token-file is for the scheme bearer alone, instead of --secret-file")
        given = given_secret(scheme, secret_file or token_file)
        values |= {"scheme": scheme, "rate_per_minute": rate, "hold_s": values.pop("hold")}
        values["sealed_token"] = sealed_token(runtime.vault, api_token_file)
        try:
            with runtime.db.write() as session:
                secret = store(
                    session, runtime.vault, slug, preset, hosts=hosts, secret=given, **values
                )
        except IntegrityError as error:
            raise Refusal(f"there is a source {slug!r} already; choose another slug") from error
        address = f"{runtime.settings.public_url}/v1/sources/{slug}/articles"
        click.echo(f"Source {slug} may post to {address}")
    print_credential(scheme, secret, is_given=given is not None)


@source.command("list")
def list_() -> None:
    """List the sources: how each proves itself, what that is worth, which secret fitted last."""
    from sqlalchemy import select

    from service.ingest.credentials import badges
    from service.models import Source

    with opened_runtime() as runtime, runtime.db.read() as session:
        for row in session.scalars(select(Source).order_by(Source.slug)):
            words = [row.preset, row.scheme, *badges(row), f"hold {row.hold_s} s"]
            words += ["may send urgent news"] if row.may_send_urgent else []
            words += ["paused"] if row.is_paused else []
            words.append(f"last matched: {row.last_matched or 'none yet'}")
            if row.previous_until:
                words.append(f"previous secret until {row.previous_until:%Y-%m-%d %H:%M} UTC")
            words += described(session, row.id)
            click.echo(f"{row.slug}: {', '.join(words)}")


@source.command()
@click.argument("slug")
@click.option(
    "--secret-file", type=_FILE, help="File with the secret that the CMS made [default: a new one]."
)
def rotate(slug: str, secret_file: Path | None) -> None:
    """Give a source a new secret and print it, once; the one before lives on for seven days."""
    from service.db import utcnow
    from service.ingest import credentials

    with opened_runtime() as runtime, runtime.db.write() as session:
        row = find(session, slug)
        given = given_secret(row.scheme, secret_file)
        secret = given or credentials.new_credential(row.scheme)
        credentials.rotate(row, runtime.vault, secret, utcnow())
        scheme, until = row.scheme, row.previous_until
    click.echo(f"The previous one of {slug} is taken until {until:%Y-%m-%d %H:%M} UTC.")
    print_credential(scheme, secret, is_given=given is not None)


def store(
    session: Session,
    vault: Vault,
    slug: str,
    preset: str = PRESET,
    hold_s: int | None = None,
    hosts: tuple[str, ...] = (),
    secret: str | None = None,
    scheme: str = "standard",
    **values: Any,
) -> str:
    """Insert a source in the caller's transaction and return its secret; null means the default."""
    from service.ingest.credentials import new_credential
    from service.models import Source

    secret = secret or new_credential(scheme)
    values["hold_s"] = hold_s
    row = Source(
        slug=slug,
        preset=preset,
        scheme=scheme,
        sealed_secret=vault.encrypt(secret),
        hosts=sorted({host.lower() for host in hosts}),
        **{name: value for name, value in values.items() if value is not None},
    )
    session.add(row)
    session.flush()
    return secret
