"""Email addresses: checked, never repaired; hashed where a table must not know them.

An address is written to as the person typed it, its domain in lower case. Two spellings that differ
only in ASCII capitals are one person's, so the hash is taken of the lowered form.
"""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from service.crypto import Vault

MAX_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")

# Providers whose servers are one lane each: one slow provider never delays another.
_LANES = {
    "gmail.com": "gmail",
    "googlemail.com": "gmail",
    "hotmail.com": "microsoft",
    "hotmail.com.tr": "microsoft",
    "outlook.com": "microsoft",
    "outlook.com.tr": "microsoft",
    "live.com": "microsoft",
    "msn.com": "microsoft",
    "yahoo.com": "yahoo",
    "yahoo.com.tr": "yahoo",
    "icloud.com": "apple",
    "me.com": "apple",
    "yandex.com": "yandex",
    "yandex.com.tr": "yandex",
    "mynet.com": "mynet",
}
OTHER = "other"  # the lane of all other domains
PROVIDERS = frozenset(_LANES.values())


class AddressError(ValueError):
    """The text is no address that we can write to."""


def normalise_email(text: str) -> str:
    """Return the address with its domain in lower-case ASCII (A-labels, RFC 5891).

    Raises:
        AddressError: no address, too long, or a local part outside an ASCII dot-atom: such a
            text could smuggle headers or SMTP commands (email guide, section 4).
    """
    candidate = text.strip()
    if len(candidate) > MAX_LENGTH:
        raise AddressError("the address is longer than 254 characters")
    local, at, domain = candidate.rpartition("@")
    if not at:
        raise AddressError("an address has an @, as in name@example.com")
    if not _DOT_ATOM.fullmatch(local):
        raise AddressError("the part before @ may hold only plain letters, digits and . _ - +")
    try:
        found = validate_email(
            f"{local}@{domain}", check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise AddressError(str(error)) from error
    return f"{local}@{found.ascii_domain or domain}"


def address_hash(vault: Vault, kind: str, address: str) -> str:
    """The keyed hash under which an address is found, suppressed and proved."""
    return vault.keyed_hash("address", f"{kind}:{_ascii_lower(address)}")


def lane_of(address: str) -> str:
    """The group of recipient domains that an address belongs to."""
    return _LANES.get(address.rpartition("@")[2], OTHER)


def _ascii_lower(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
