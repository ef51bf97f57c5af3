"""DKIM: the signature by which a mailbox knows that a letter is the city's (RFC 6376, RFC 8301).

rsa-sha256 over relaxed/relaxed forms. Every recipient has a signature of their own, because the
unsubscribe address is theirs and must be signed (RFC 8058, section 4).
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from service.dkim import signing_key
from service.settings import Settings

# In this order; those that a letter does not have are left out. From counts twice, so that a
# second one that somebody adds breaks the signature (RFC 6376, section 8.15).
SIGNED = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"in-reply-to",
    b"references",
    b"list-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"mime-version",
    b"content-type",
    b"feedback-id",
    b"auto-submitted",
)
LINE = 72
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_NEXT_FIELD = re.compile(rb"\r\n(?![ \t])")
_PKCS1, _SHA256 = padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())


class Signer:
    """Signs whole letters with one key."""

    def __init__(self, pem: str, domain: str, selector: str) -> None:
        self._key = signing_key(pem)
        self._start = b"v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=%b;\r\n s=%b" % (
            domain.encode("ascii"),
            selector.encode("ascii"),
        )

    @classmethod
    def of(cls, settings: Settings) -> Signer | None:
        """The signer of an installation; None where the relay signs."""
        pem = settings.dkim_key.get_secret_value()
        return cls(pem, settings.signing_domain, settings.dkim_selector) if pem else None

    def sign(self, raw: bytes, at: int) -> bytes:
        """The letter with its signature in front. `raw` has CRLF line ends and is not yet
        dot-stuffed; `at` is in seconds since 1970.

        Raises:
            ValueError: a header to be signed is there twice: it is no letter of ours.
        """
        head, _, body = raw.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name in SIGNED if name in fields]
        body_hash = b2a_base64(hashlib.sha256(relaxed_body(body)).digest(), newline=False)
        value = b"%b; t=%d;\r\n h=%b;\r\n bh=%b;\r\n b=" % (
            self._start,
            at,
            _folded(b":".join([*names, b"from"]), b":"),
            body_hash,
        )
        canonical = b"".join(b"%b:%b\r\n" % (name, fields[name]) for name in names)
        signed = canonical + b"dkim-signature:" + relaxed_value(value)
        signature = self._key.sign(hashlib.sha256(signed).digest(), _PKCS1, _SHA256)
        encoded = b2a_base64(signature, newline=False)
        lines = [encoded[start : start + LINE] for start in range(0, len(encoded), LINE)]
        return b"DKIM-Signature: %b%b\r\n%b" % (value, b"\r\n ".join(lines), raw)


def relaxed_value(value: bytes) -> bytes:
    """The relaxed form of a header's value (RFC 6376, section 3.4.2)."""
    return _BLANKS.sub(b" ", _FOLD.sub(b"", value)).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """The relaxed form of a body (RFC 6376, section 3.4.4): nothing, or lines that end in CRLF."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _fields(head: bytes) -> dict[bytes, bytes]:
    """The relaxed values of the headers to be signed, by their names."""
    fields: dict[bytes, bytes] = {}
    for field in _NEXT_FIELD.split(head):
        name, _, value = field.partition(b":")
        name = name.strip().lower()
        if name in fields:
            raise ValueError(f"header {name.decode('ascii', 'replace')} is there twice")
        if name in SIGNED:
            fields[name] = relaxed_value(value)
    return fields


def _folded(text: bytes, at: bytes) -> bytes:
    """Folded after a separator, so that no line is longer than the rest of the letter's."""
    lines, line = [], b""
    for part in re.findall(rb"[^%b]+%b?" % (at, at), text):
        if line and len(line) + len(part) > LINE:
            lines.append(line)
            line = b""
        line += part
    return b"\r\n ".join([*lines, line])
