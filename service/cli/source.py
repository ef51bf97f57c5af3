"""`tellal source`: the CMSs that may post articles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.crypto import Vault

PRESET = "tellal"
LONGEST_HOLD_S = 1800
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*[a-z0-9-]+")


@click.group()
def source() -> None:
    """Manage the CMSs that may post articles."""


@source.command()
@click.argument("slug")
@click.option("--preset", default=PRESET, show_default=True, help="File in config/presets.")
@click.option(
    "--hold",
    type=click.IntRange(0, LONGEST_HOLD_S),
    help="Seconds that a new article waits, for editors to notice mistakes [default: 180].",
)
@click.option("--host", "hosts", multiple=True, help="Host of its article links; may be repeated.")
def add(slug: str, preset: str, hold: int | None, hosts: tuple[str, ...]) -> None:
    """Add a source and print its secret, once."""
    from sqlalchemy.exc import IntegrityError

    if not _SLUG.fullmatch(slug):
        raise Refusal(
            f"{slug!r} is no slug: up to 64 small letters, digits and hyphens, as in izmir-cms"
        )
    if bad := [host for host in hosts if not _HOST.fullmatch(host.lower())]:
        raise Refusal(f"{bad[0]!r} is no host name; write it without https:// and without a path")
    with opened_runtime() as runtime:
        _check_preset(runtime.settings.config_dir / "presets", preset)
        try:
            with runtime.db.write() as session:
                secret = store(session, runtime.vault, slug, preset, hold, hosts)
        except IntegrityError as error:
            raise Refusal(f"there is a source {slug!r} already; choose another slug") from error
        address = f"{runtime.settings.public_url}/v1/sources/{slug}/articles"
        click.echo(f"Source {slug} may post to {address}")
    click.echo("Its secret, shown only now:")
    click.echo(secret)


def store(
    session: Session,
    vault: Vault,
    slug: str,
    preset: str = PRESET,
    hold_s: int | None = None,
    hosts: tuple[str, ...] = (),
) -> str:
    """Insert a source in the caller's transaction and return its new secret."""
    from service.ingest.signatures import new_secret
    from service.models import Source

    secret = new_secret()
    hold = {} if hold_s is None else {"hold_s": hold_s}
    row = Source(
        slug=slug,
        preset=preset,
        sealed_secret=vault.encrypt(secret),
        hosts=sorted({host.lower() for host in hosts}),
        **hold,
    )
    session.add(row)
    session.flush()
    return secret


def _check_preset(folder: Path, preset: str) -> None:
    found = sorted(path.stem for path in folder.glob("*.toml"))
    if found and preset not in found:
        raise Refusal(f"there is no preset {preset!r}; there are {', '.join(found)}")
