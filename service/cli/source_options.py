"""What `tellal source` checks and reads of its options."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.crypto import Vault
    from service.ingest.presets import Preset
    from service.models import Source

LONGEST_HOLD_S = 1800
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*[a-z0-9-]+")


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


def check_names(slug: str, hosts: tuple[str, ...], values: dict[str, Any]) -> None:
    if not _SLUG.fullmatch(slug):
        raise Refusal(
            f"{slug!r} is no slug: up to 64 small letters, digits and hyphens, as in izmir-cms"
        )
    check_addresses(hosts, values)


def check_addresses(hosts: tuple[str, ...], values: dict[str, Any]) -> None:
    if bad := [host for host in hosts if not _HOST.fullmatch(host.lower())]:
        raise Refusal(f"{bad[0]!r} is no host name; write it without https:// and without a path")
    for name in ("base_url", "api_url"):
        if values.get(name) and not _is_address(values[name]):
            option = "--" + name.replace("_", "-")
            raise Refusal(f"{option} {values[name]!r} is no address, as https://www.izmir.bel.tr/")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.port != 0 and bool(parts.hostname and _ADDRESS.fullmatch(text))
    except ValueError:  # no number, or none of a port; brackets that are not closed
        return False


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


def scheme_of(preset: Preset, name: str | None) -> str:
    if name is None:
        return preset.signature[0]
    if name not in preset.signature:
        known = ", ".join(preset.signature)
        raise Refusal(f"{preset.title} does not prove itself by {name!r}; possible are {known}")
    return name


def nearest(name: str, names: Any) -> str:
    close = difflib.get_close_matches(name, list(names), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def given_secret(scheme: str, path: Path | None) -> str | None:
    from service.ingest.credentials import CredentialError, check_credential

    if path is None:
        return None
    try:
        return check_credential(scheme, read_secret(path))
    except CredentialError as error:
        raise Refusal(f"the secret in {path} cannot be used: {error}") from error


def sealed_token(vault: Vault, path: Path | None) -> str | None:
    return vault.encrypt(read_secret(path)) if path else None


def read_secret(path: Path) -> str:
    """A secret never comes as an option: process lists and histories would show it."""
    try:
        with click.open_file(str(path), encoding="utf-8") as file:
            return str(file.read()).strip()
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
