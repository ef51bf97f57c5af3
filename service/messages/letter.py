"""A letter: one email as bytes, by the rules of the email guide, section 1.

Headers are written by hand, because the standard library would fold a long unsubscribe address
into encoded words, which breaks one-click.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

ENCODED_WORD_LINE = 72
MAX_LINE = 78  # RFC 5322, section 2.1.1


class LetterError(ValueError):
    """The letter cannot be written: a header would break out of its line."""


_ADDRESS = re.compile("[!-~]+")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Letter:
    """A mail before it is bytes. `headers` are further ones, already safe and folded."""

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
        """The whole message with CRLF line ends, seven-bit clean.

        Raises:
            LetterError: a header holds a line break or is not ASCII: it would inject another one.
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
        }
        head = b"".join(_line(name, value) for name, value in lines.items())
        body = EmailMessage(policy=SMTP)
        body.set_content(self.text, cte="quoted-printable")
        body.add_alternative(self.html, subtype="html", cte="quoted-printable")
        return head + body.as_bytes()


def _encoded(text: str, used: int = 0) -> str:
    """RFC 2047 encoded words of 75 characters at most, never splitting a character."""
    clean = " ".join(_CONTROL.sub(" ", text).split())
    # "=?" would be read as an encoded word that somebody else wrote.
    if clean.isascii() and "=?" not in clean and len(clean) + used <= ENCODED_WORD_LINE:
        return clean.translate(_SPECIALS) if used == 0 else clean
    header = Header(clean, "utf-8", maxlinelen=ENCODED_WORD_LINE, header_name=" " * used)
    return header.encode(linesep="\r\n")


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
