"""What `tellal source` checks and reads of its options."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import actor_named
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.ingest.managing.fields import Wrong
    from service.ingest.presets import Preset
    from service.models import Source

FASTEST, MAX_HOLD_S = 100_000, 1800  # as `managing.fields` has them, which takes long to import
_OPTIONS = {"hold_s": "hold", "rate_per_minute": "rate", "hosts": "host", "secret": "secret-file"}
_SAME = ("base_url", "api_url", "timezone", "identifier", "kind", "url", "rules")
_NAMED = frozenset({*_OPTIONS, *_SAME})
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
STAFF = click.option(
    "--staff", default="", help="Your email address, for the log of acts [default: nobody’s name]."
)


def find(session: Session, slug: str) -> Source:
    """Raises Refusal where there is none, naming the nearest."""
    from sqlalchemy import select

    from service.models import Source

    row = session.scalar(select(Source).where(Source.slug == slug))
    if row is None:
        raise Refusal(
            f"there is no source {slug!r}{nearest(slug, session.scalars(select(Source.slug)))}"
        )
    return row


@contextmanager
def refusals() -> Iterator[None]:
    """Say what cannot be so, each field by the name of its option."""
    from service.ingest.managing.fields import SourceError

    try:
        yield
    except SourceError as error:
        raise Refusal("; ".join(_said(one) for one in error.wrong)) from error


def _said(one: Wrong) -> str:
    option = _OPTIONS.get(one.field, one.field)
    return f"--{option.replace('_', '-')}: {one}" if one.field in _NAMED else str(one)


def actor_of(session: Session, staff: str) -> Actor | None:
    """Who acts; null where nobody was named: then the log knows the command line alone."""
    return actor_named(session, staff) if staff else None


def preset_of(folder: Path, name: str) -> Preset:
    from service.ingest.presets import PresetError, load_presets

    try:
        found = load_presets(folder)
    except PresetError as error:
        raise Refusal(f"presets have mistakes:\n{error}") from error
    if name not in found:
        known = ", ".join(found)
        raise Refusal(f"there is no preset {name!r}{nearest(name, found)}; there are {known}")
    return found[name]


def nearest(name: str, names: Any) -> str:
    close = difflib.get_close_matches(name, list(names), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def read_secret(path: Path) -> str:
    """A secret never comes as an option: process lists and histories would show it."""
    return read_text(path).strip()


def read_text(path: Path) -> str:
    """Raises Refusal where it is no text."""
    try:
        with click.open_file(str(path), encoding="utf-8") as file:
            return str(file.read())
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not UTF-8") from error


def print_credential(scheme: str, secret: str, *, is_given: bool) -> None:
    if is_given:
        click.echo("Its secret is the one in your file.")
    elif scheme == "bearer":
        click.echo("The CMS sends this token as `Authorization: Bearer …`; it is shown only now:")
        click.echo(secret)
    else:
        click.echo("Its secret, shown only now:")
        click.echo(secret)
