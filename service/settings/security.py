"""The service's two keys, and the only internal hosts that it may reach."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr

from service.setting_sources import KEYS, PREFIX, SettingsError
from service.settings.address import Address
from service.settings.part import Names


class Security(Address):
    """Keys, and the exceptions to what outbound requests may reach."""

    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs cookies and tokens; 32 random bytes or more."
    )
    encryption_key: SecretStr = Field(
        SecretStr(""),
        description="Fernet keys that encrypt stored secrets, newest first, joined by commas.",
    )
    allow_private_hosts: Names = Field(
        (), description="Internal hosts that outbound requests may reach, joined by commas."
    )


def require_keys(settings: Security) -> None:
    """Refuse to work without the two keys.

    Raises:
        SettingsError: one is missing or malformed.
    """
    for name in KEYS:
        if not getattr(settings, name).get_secret_value():
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set. `tellal up` makes keys in {settings.var_dir}; "
                f"elsewhere set the variable or {PREFIX}{name.upper()}_FILE."
            )
    for key in settings.encryption_key.get_secret_value().split(","):
        try:
            Fernet(key.strip())
        except ValueError as error:
            raise SettingsError(
                f"{PREFIX}ENCRYPTION_KEY must be 32 random bytes in URL-safe base64 (44 characters)"
            ) from error


def make_keys(var_dir: Path) -> None:
    """Make the keys that are not there yet, each in a file that only its owner can read."""
    folder = var_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {
        "secret_key": secrets.token_urlsafe(32),
        "encryption_key": Fernet.generate_key().decode(),
    }
    for name, value in values.items():
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w") as file:
            file.write(value + "\n")
