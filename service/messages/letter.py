"""A letter: one email as bytes, by the rules of the email guide, section 1.

Headers are written by hand, because the standard library would fold a long unsubscribe address
into encoded words, which breaks one-click.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from typing import Protocol

from service.messages.quoted import quoted
from service.messages.wording import cut

ENCODED_WORD_LINE = 72
MAX_LINE = 78  # RFC 5322, section 2.1.1
MAX_SUBJECT = 400  # characters: a title with what a follow-up puts before it
# "=_" is never in quoted-printable text (RFC 2045, section 6.7), so no text can end its part.
_BOUNDARY = "=_tellal_alternative"

_ADDRESS = re.compile("[!-~]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class LetterError(ValueError):
    """The letter cannot be written: a header would break out of its line."""


class Letter(Protocol):
    """One email to one reader: its envelope, and its bytes."""

    @property
    def envelope_sender(self) -> str: ...

    @property
    def recipient(self) -> str: ...

    @property
    def message_id(self) -> str: ...

    @property
    def subject(self) -> str: ...

    def as_bytes(self) -> bytes:
        """The whole message: CRLF line ends, seven bits, and no line that begins with a dot."""


@dataclass(frozen=True)
class WholeLetter:
    """A letter before it is bytes. `headers` are further ones, already safe and folded."""

    sender_name: str
    sender: str
    envelope_sender: str
    recipient: str
    subject: str
    message_id: str
    at: datetime
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """The whole message.

        Raises:
            LetterError: a header holds a line break or is not ASCII: it would inject another one.
        """
        return b"%b\r\n%b" % (self.head(), self.body())

    def head(self) -> bytes:
        """The headers, each line ended.

        Raises:
            LetterError: as `as_bytes`.
        """
        for address in (self.sender, self.recipient, self.message_id):
            if not _ADDRESS.fullmatch(address):
                raise LetterError("an address may hold plain letters only, and no white space")
        lines = {
            "From": _folded(_encoded(self.sender_name), f"<{self.sender}>"),
            "To": self.recipient,
            "Subject": _encoded(self.subject, len("Subject: ")),
            "Date": format_datetime(self.at),
            "Message-ID": f"<{self.message_id}>",
            "Auto-Submitted": "auto-generated",
            **self.headers,
            "MIME-Version": "1.0",
            "Content-Type": f'multipart/alternative;\r\n boundary="{_BOUNDARY}"',
        }
        return b"".join(_line(name, value) for name, value in lines.items())

    def body(
        self,
        text_slots: Mapping[str, bytes] | None = None,
        html_slots: Mapping[str, bytes] | None = None,
    ) -> bytes:
        """What comes after the empty line: both parts, text first; slots as for `quoted`."""
        return (
            _part("plain", self.text, text_slots)
            + _part("html", self.html, html_slots)
            + f"--{_BOUNDARY}--\r\n".encode()
        )


def _part(kind: str, content: str, slots: Mapping[str, bytes] | None) -> bytes:
    head = (
        f"--{_BOUNDARY}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode() + quoted(content, slots)


def _encoded(text: str, used: int = 0) -> str:
    """RFC 2047 encoded words of 75 characters at most, never splitting a character."""
    clean = cut(" ".join(_CONTROL.sub(" ", text[: 8 * MAX_SUBJECT]).split()), MAX_SUBJECT)
    # "=?" would be read as an encoded word that somebody else wrote.
    if clean.isascii() and "=?" not in clean and len(clean) + used <= ENCODED_WORD_LINE:
        return clean.translate(_SPECIALS) if used == 0 else clean
    header = Header(clean, "utf-8", maxlinelen=ENCODED_WORD_LINE, header_name=" " * used)
    return header.encode(linesep="\r\n")


def encoded_subject(subject: str) -> bytes:
    """The value of the header Subject, folded where it has to be."""
    return _encoded(subject, len("Subject: ")).encode("ascii")


def _folded(name: str, address: str) -> str:
    """On one line where that is short enough, else the address on a line of its own."""
    is_short = len(f"From: {name} {address}".rpartition("\r\n")[2]) <= MAX_LINE
    return f"{name} {address}" if is_short else f"{name}\r\n {address}"


_SPECIALS = str.maketrans("", "", '()<>[]:;@\\,"')


def _line(name: str, value: str) -> bytes:
    unfolded = value.replace("\r\n ", "")
    if "\r" in unfolded or "\n" in unfolded or "\0" in unfolded:
        raise LetterError(f"line break in header {name}")
    try:
        return f"{name}: {value}\r\n".encode("ascii")
    except UnicodeEncodeError as error:
        raise LetterError(f"header {name} is not ASCII") from error
