"""DKIM: does the DNS publish the other half of the key that signs (RFC 6376, section 3.6.1)?"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from service.dkim import BITS, signing_key, txt_record, zone_line
from service.doctor.finding import Finding, note, ok, wrong
from service.doctor.names import Names
from service.doctor.tags import TagError, parse_tags

CHECK = "DKIM"


class RecordError(ValueError):
    """No mailbox can check a signature by this record; the text says why."""


def check_dkim(names: Names, pem: str, domain: str, selector: str) -> list[Finding]:
    """Compare the published record with the private key; without one, the relay signs."""
    if not pem:
        says = f"TELLAL_DKIM_KEY is not set, so the relay must sign, and as {domain}."
        mend = f"look for `DKIM-Signature: … d={domain}` in a letter of `tellal mail test`"
        return [note(CHECK, says, mend)]
    name = f"{selector}._domainkey.{domain}"
    publish = f"publish: {zone_line(name, txt_record(pem))}"
    found = names.texts(name)
    if not found:
        return [wrong(CHECK, f"there is no record at {name}, so no signature counts.", publish)]
    if len(found) > 1:
        says = f"there are {len(found)} records at {name}; mailboxes may take the wrong one."
        return [wrong(CHECK, says, f"leave one of them: {zone_line(name, txt_record(pem))}")]
    try:
        key, is_test = read_record(found[0])
    except RecordError as error:
        return [wrong(CHECK, f"the record at {name} cannot be used: {error}.", publish)]
    if key.public_numbers() != signing_key(pem).public_key().public_numbers():
        says = f"the record at {name} is of another key than TELLAL_DKIM_KEY; every check fails."
        return [wrong(CHECK, says, publish)]
    if is_test:
        says = f"the record at {name} says t=y: mailboxes take the signature as a trial."
        return [wrong(CHECK, says, "take t=y away")]
    return [ok(CHECK, f"{name} publishes the key that signs ({key.key_size} bits).")]


def read_record(record: str) -> tuple[rsa.RSAPublicKey, bool]:
    """The key of a record, and whether the record is marked as a trial (t=y).

    Raises:
        RecordError: it is malformed, revoked, not for rsa-sha256 mail, or too short (RFC 8301).
    """
    try:
        tags = parse_tags(record)
    except TagError as error:
        raise RecordError(str(error)) from error
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise RecordError("it must begin with v=DKIM1")
    if tags.get("k", "rsa") != "rsa":
        raise RecordError(f"it is for keys of the kind {tags['k'][:20]}, and yours is rsa")
    if "sha256" not in _list(tags.get("h", "sha256")):
        raise RecordError("its h= does not allow sha256")
    if not {"*", "email"} & set(_list(tags.get("s", "*"))):
        raise RecordError("its s= is not for email")
    if not tags.get("p"):
        raise RecordError("its p= is empty, which revokes the key" if "p" in tags else "no p=")
    try:
        der = base64.b64decode("".join(tags["p"].split()), validate=True)
        key = load_der_public_key(der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise RecordError("its p= is no key; a part may be lost") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise RecordError("its p= is no RSA key")
    if key.key_size < BITS:
        raise RecordError(f"its key has {key.key_size} bits, and mailboxes ask for {BITS}")
    return key, "y" in _list(tags.get("t", ""))


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(":")]
