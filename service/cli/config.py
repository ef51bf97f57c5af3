"""`tellal config`: all settings, from their definitions."""

from __future__ import annotations

import os
import secrets
import stat
import textwrap
from pathlib import Path
from typing import Any

import click
from cryptography.fernet import Fernet
from pydantic import SecretStr

from service.brand import FILE
from service.cli.refusal import Refusal
from service.setting_sources import PREFIX
from service.settings import Settings, load

MASK = "********"
EXAMPLE_HEAD = """\
# Every setting of Tellal, with its meaning and its default. Written by `tellal config example`.
#
# Each may also be read from a file, for secrets: TELLAL_SECRET_KEY_FILE=/run/secrets/secret_key.
# Nothing needs to be set to try Tellal: `make run` makes its keys, and mails nobody.
"""


@click.group()
def config() -> None:
    """Show settings."""


@config.command()
def dump() -> None:
    """Print every setting in force and what it means; secrets are masked."""
    settings = load()
    for name in Settings.model_fields:
        click.echo(f"{_meaning(name)}\n{PREFIX}{name.upper()}={_shown(getattr(settings, name))}\n")


@config.command()
def example() -> None:
    """Print an example environment with every setting; the source of config/tellal.env.example."""
    click.echo(EXAMPLE_HEAD)
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        click.echo(f"{_meaning(name)}\n#{PREFIX}{name.upper()}={_default(name, default)}\n")


@config.command()
def check() -> None:
    """Read settings and brand, and print the contrast of every pair of colours in use.

    What is wrong is said with its file and line, and the command ends with 2.
    """
    settings = load()
    brand = settings.brand
    source = settings.config_dir / FILE
    click.echo(f"{source}{'' if source.exists() else ' is not there: the plain brand is in use'}")
    for language in brand.languages:
        click.echo(f"  /{brand.prefix(language)[1:]:<4} {settings.city(language)[0]}")
    click.echo(f"  letters come from {settings.sender_name} <{settings.mail_from}>\n")
    for pair in brand.palette.pairs():
        colours = f"{pair.text} on {pair.ground}"
        click.echo(
            f"  {pair.scheme:5}  {colours:30} {pair.ratio:5.2f}:1  (at least {pair.needed}:1)"
        )


@config.command("secrets")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def make_secrets(folder: Path) -> None:
    """Make the secret files that docker-compose.yml names, where they are missing.

    Only you may enter the folder, and the group of one that is there already. The files in it are
    readable for all, as a container that does not run as root sees them under another user.
    """
    password = secrets.token_urlsafe(24)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(stat.S_IMODE(folder.stat().st_mode) & 0o750)  # a service may enter by its group
    if (folder / "postgres_password").exists() != (folder / "database_url").exists():
        raise Refusal(f"{folder} has only one of postgres_password and database_url")
    contents = {
        "secret_key": secrets.token_urlsafe(32),
        "encryption_key": Fernet.generate_key().decode(),
        "postgres_password": password,
        "database_url": f"postgresql://tellal:{password}@postgres:5432/tellal",
        "smtp_url": "",
        "smtp_more_urls": "",
        "smtp_fallback_url": "",
        "amqp_url": "",
        "dkim_key": "",
        "bounce_imap_url": "",
        "metrics_token": secrets.token_urlsafe(24),
    }
    for name, content in contents.items():
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            click.echo(f"{folder / name} is there already, and stays")
            continue
        with os.fdopen(handle, "w") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
        click.echo(f"{folder / name} made")


def _meaning(name: str) -> str:
    text = Settings.model_fields[name].description or ""
    return textwrap.fill(text, 98, initial_indent="# ", subsequent_indent="# ")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return ",".join(value) if isinstance(value, (tuple, list)) else str(value)


def _default(name: str, value: Any) -> str:
    """Folders are shown as in the repository, whatever machine writes the example."""
    return Path(value).name if name.endswith("_dir") else _shown(value)
