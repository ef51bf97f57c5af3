"""DKIM: the signature by which a mailbox knows that a letter is the city's (RFC 6376, RFC 8301).

rsa-sha256 over relaxed/relaxed forms. Every recipient has a signature of their own, because the
unsubscribe address is theirs and must be signed (RFC 8058, section 4).
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from service.dkim import signing_key
from service.messages.digest import DigestForm, DigestLetter
from service.messages.edition import EditionLetter, Form
from service.messages.letter import Letter
from service.messages.segments import Segments
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
    """Signs letters with one key."""

    def __init__(self, pem: str, domain: str, selector: str) -> None:
        self._key = signing_key(pem)
        self._start = b"v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=%b;\r\n s=%b" % (
            domain.encode("ascii"),
            selector.encode("ascii"),
        )
        self._prepared: WeakKeyDictionary[Form | DigestForm, _Prepared] = WeakKeyDictionary()

    @classmethod
    def of(cls, settings: Settings) -> Signer | None:
        """The signer of an installation; None where the relay signs."""
        pem = settings.dkim_key.get_secret_value()
        return cls(pem, settings.signing_domain, settings.dkim_selector) if pem else None

    def sign_letter(self, letter: Letter, at: int) -> bytes:
        """The bytes of a letter with its signature in front; `at` is in seconds since 1970.

        Of an edition's letter nothing is parsed and nothing canonicalised again: its headers are
        joined from prepared forms, and the hash goes on from the body's constant start.
        """
        if not isinstance(letter, EditionLetter | DigestLetter):
            return self.sign(letter.as_bytes(), at)
        prepared = self._prepared.get(letter.form)
        if prepared is None:
            prepared = self._prepared[letter.form] = _Prepared(letter.form)
        body = prepared.body.copy()
        body.update(letter.body_tail)
        headers = prepared.headers
        fields = headers.start + headers.tail(letter.head_values)
        return self._signed(prepared.names, fields, body.digest(), at) + letter.as_bytes()

    def sign(self, raw: bytes, at: int) -> bytes:
        """Any whole letter with its signature in front. `raw` has CRLF line ends and is not yet
        dot-stuffed; `at` is in seconds since 1970.

        Raises:
            ValueError: a header to be signed is there twice: it is no letter of ours.
        """
        head, _, body = raw.partition(b"\r\n\r\n")
        names, fields = _canonical(head)
        return self._signed(names, fields, hashlib.sha256(relaxed_body(body)).digest(), at) + raw

    def _signed(self, names: bytes, fields: bytes, body_hash: bytes, at: int) -> bytes:
        """The header that signs these fields, each in relaxed form, and this hash of the body."""
        value = b"%b; t=%d;\r\n h=%b;\r\n bh=%b;\r\n b=" % (
            self._start,
            at,
            names,
            b2a_base64(body_hash, newline=False),
        )
        signed = b"%bdkim-signature:%b" % (fields, relaxed_value(value))
        signature = self._key.sign(hashlib.sha256(signed).digest(), _PKCS1, _SHA256)
        encoded = b2a_base64(signature, newline=False)
        lines = [encoded[start : start + LINE] for start in range(0, len(encoded), LINE)]
        return b"DKIM-Signature: %b%b\r\n" % (value, b"\r\n ".join(lines))


class _Prepared:
    """What is the same in all signatures of a form.

    Its body is in relaxed form as it is (see `service.messages.quoted`).
    """

    def __init__(self, form: Form | DigestForm) -> None:
        self.names, fields = _canonical(form.head.source)
        self.headers = Segments(fields, form.marks)
        self.body = hashlib.sha256(form.body.start)


def relaxed_value(value: bytes) -> bytes:
    """The relaxed form of a header's value (RFC 6376, section 3.4.2)."""
    return _BLANKS.sub(b" ", _FOLD.sub(b"", value)).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """The relaxed form of a body (RFC 6376, section 3.4.4): nothing, or lines that end in CRLF."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _canonical(head: bytes) -> tuple[bytes, bytes]:
    """The names for `h=`, folded, and the signed headers in relaxed form, in the same order."""
    fields = _fields(head)
    names = [name for name in SIGNED if name in fields]
    return (
        _folded(b":".join([*names, b"from"]), b":"),
        b"".join(b"%b:%b\r\n" % (name, fields[name]) for name in names),
    )


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
