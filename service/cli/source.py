"""`tellal source`: the CMSs that may post articles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import (
    FASTEST,
    FILE,
    MAX_HOLD_S,
    STAFF,
    actor_of,
    find,
    preset_of,
    print_credential,
    read_secret,
    refusals,
)
from service.cli.source_pull import described, pull
from service.cli.source_set import replay, set_
from service.cli.source_try import try_

PRESET = "tellal"


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
    "--secret-file", type=FILE, help="File with the secret that the CMS made [default: a new one]."
)
@click.option(
    "--token-file", type=FILE, help="The same for a scheme without signature: its bearer token."
)
@click.option(
    "--identifier",
    default="",
    help="TYPO3: that of the webhook. Contentful: the path that it posts to, where a proxy "
    "rewrites it.",
)
@click.option("--base-url", default="", help="Address of the site, for links that have none.")
@click.option("--api-url", default="", help="Address of the CMS's API, to ask for the whole text.")
@click.option("--api-token-file", type=FILE, help="File with a read-only token for that API.")
@click.option(
    "--rate",
    "rate_per_minute",
    type=click.IntRange(1, FASTEST),
    help="Requests a minute that are taken [default: 600].",
)
@click.option(
    "--hold",
    "hold_s",
    type=click.IntRange(0, MAX_HOLD_S),
    help="Seconds that a new article waits, for editors to notice mistakes [default: 180].",
)
@click.option("--urgent", "may_send_urgent", is_flag=True, help="Let it send urgent news.")
@click.option("--host", "hosts", multiple=True, help="Host of its article links; may be repeated.")
@click.option("--timezone", help="Of times without a zone [default: Europe/Istanbul].")
@STAFF
def add(
    slug: str,
    preset: str,
    scheme: str | None,
    secret_file: Path | None,
    token_file: Path | None,
    api_token_file: Path | None,
    staff: str,
    **settings: Any,
) -> None:
    """Add a source and print its secret, once."""
    from service.ingest.managing import sources

    if token_file and secret_file:
        raise Refusal("--token-file is for the scheme bearer alone, instead of --secret-file")
    secret = read_secret(path) if (path := secret_file or token_file) else None
    token = read_secret(api_token_file) if api_token_file else None
    with opened_runtime() as runtime:
        found = preset_of(runtime.settings.config_dir / "presets", preset)
        if token_file and (scheme or found.signature[0]) != "bearer":
            raise Refusal("--token-file is for the scheme bearer alone, instead of --secret-file")
        with refusals(), runtime.db.write() as session:
            made = sources.add(
                session,
                runtime.vault,
                {found.name: found},
                actor_of(session, staff),
                slug=slug,
                preset=preset,
                scheme=scheme,
                secret=secret,
                api_token=token,
                **settings,
            )
            scheme = made.source.scheme
        address = f"{runtime.settings.public_url}/v1/sources/{slug}/articles"
        click.echo(f"Source {slug} may post to {address}")
    print_credential(scheme, made.secret, is_given=made.is_given)


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
    "--secret-file", type=FILE, help="File with the secret that the CMS made [default: a new one]."
)
@STAFF
def rotate(slug: str, secret_file: Path | None, staff: str) -> None:
    """Give a source a new secret and print it, once; the one before lives on for seven days."""
    from service.db import utcnow
    from service.ingest.managing import sources

    secret = read_secret(secret_file) if secret_file else None
    with refusals(), opened_runtime() as runtime, runtime.db.write() as session:
        row = sources.locked(session, find(session, slug).id)
        assert row is not None, "no source is ever deleted"
        actor = actor_of(session, staff)
        made = sources.rotate(session, runtime.vault, actor, row, utcnow(), secret)
        scheme, until = row.scheme, row.previous_until
    click.echo(f"The previous one of {slug} is taken until {until:%Y-%m-%d %H:%M} UTC.")
    print_credential(scheme, made.secret, is_given=made.is_given)
