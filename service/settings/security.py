"""The service's two keys, the only internal hosts that it may reach, and who hears of holes."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator

from service.dkim import NAME
from service.setting_sources import KEYS, PREFIX, SettingsError
from service.settings.address import Address
from service.settings.part import Names

# One line of security.txt, of letters that stand in an address as they are (RFC 3986).
_HOST = rf"(?i:{NAME.pattern})"
_CONTACT = re.compile(
    rf"mailto:[A-Za-z0-9._+-]{{1,64}}@{_HOST}|https://{_HOST}(?::\d{{1,5}})?(?:/[\w.~/?#@!$&'()*+,;=:%-]*)?",
    re.ASCII,
)


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
    security_contact: str = Field(
        "",
        description="Where somebody who found a hole in this installation writes to: "
        "mailto:security@example.org, or an https:// page. Shown at /.well-known/security.txt; "
        "empty: there is no such file.",
    )

    @field_validator("security_contact")
    @classmethod
    def _hears_of_holes(cls, value: str) -> str:
        if value and not _CONTACT.fullmatch(value):
            raise ValueError(f"{value!r} is neither mailto:name@host nor an https:// address")
        return value


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
