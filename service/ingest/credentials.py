"""How a source proves itself: its credential, the rotation of it, and what the proof is worth."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from service.crypto import Vault
from service.ingest.schemes import SCHEMES
from service.ingest.signatures import new_secret, secret_key
from service.models import Source

LIVES_ON = timedelta(days=7)  # a previous secret, so that a CMS may be changed without haste
MIN_GIVEN = 8  # characters of a secret that the CMS made; shorter ones are guessed


class CredentialError(ValueError):
    """A credential that nothing can be proved with; the text says why."""


def new_credential(scheme: str) -> str:
    """32 random bytes as the scheme writes them."""
    return new_secret() if scheme == "standard" else secrets.token_hex(32)


def check_credential(scheme: str, secret: str) -> str:
    """Raises CredentialError where no request could ever be proved with it."""
    if len(secret) < MIN_GIVEN or not secret.isprintable():
        raise CredentialError(f"it must be one line of at least {MIN_GIVEN} characters")
    if scheme == "standard":
        try:
            secret_key(secret)
        except ValueError as error:
            raise CredentialError(
                "it must be whsec_ and base64, as Standard Webhooks say"
            ) from error
    return secret


def rotate(source: Source, vault: Vault, secret: str, now: datetime) -> None:
    """Give the source a new secret; the one before lives on for seven days."""
    source.sealed_previous_secret, source.previous_until = source.sealed_secret, now + LIVES_ON
    source.sealed_secret, source.last_matched = vault.encrypt(secret), ""


def badges(source: Source) -> tuple[str, ...]:
    """What the source's proof is worth: a bearer token proves the caller and not the text."""
    scheme = SCHEMES.get(source.scheme)
    if scheme is None:
        return ("unknown scheme",)
    found = ["signed" if scheme.is_signed else "unsigned"]
    if not scheme.is_timed:
        found.append("no replay protection")
    return tuple(found)
