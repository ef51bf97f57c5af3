"""A letter: one email as bytes, by the rules of the email guide, section 1.

Headers are written by hand, because the standard library would fold a long unsubscribe address
into encoded words, which breaks one-click.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

ENCODED_WORD_LINE = 72


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
            ValueError: a header holds a line break or is not ASCII: it would inject another one.
        """
        lines = {
            "From": f"{_encoded(self.sender_name)} <{self.sender}>",
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
    clean = " ".join(text.split())
    if clean.isascii() and len(clean) + used <= ENCODED_WORD_LINE:
        return clean.translate(_SPECIALS) if used == 0 else clean
    header = Header(clean, "utf-8", maxlinelen=ENCODED_WORD_LINE, header_name=" " * used)
    return header.encode(linesep="\r\n")


_SPECIALS = str.maketrans("", "", '()<>[]:;@\\,"')


def _line(name: str, value: str) -> bytes:
    unfolded = value.replace("\r\n ", "")
    if "\r" in unfolded or "\n" in unfolded or "\0" in unfolded:
        raise ValueError(f"line break in header {name}")
    return f"{name}: {value}\r\n".encode("ascii")
