"""SMTP to relays that the operator names: where they are, whom to trust, how to sign in."""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
WEIGHT = re.compile(r"weight=([1-9][0-9]?|100)")


@dataclass(frozen=True)
class Server:
    """`smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`, taken apart.

    `weight`: its share of the connections beside others, from `#weight=…` at the end.
    """

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    weight: int = 1

    @classmethod
    def of(cls, url: str) -> Server:
        """Raises ValueError where the URL is none of these; a slip must not send in clear."""
        try:  # the library's own words may show a password that lacks its @
            parts = urlsplit(url)
        except ValueError as error:
            raise ValueError("names no host that there could be") from error
        if parts.scheme not in PORTS:
            raise ValueError(f"begins with {parts.scheme[:20]}://, not with {', '.join(PORTS)}")
        if not parts.hostname:
            raise ValueError("names no host")
        try:
            port = parts.port
        except ValueError as error:
            raise ValueError("names no port that there is") from error
        weight = WEIGHT.fullmatch(parts.fragment or "weight=1")
        if weight is None:
            raise ValueError("ends with something else than #weight=1 to #weight=100")
        return cls(
            parts.scheme,
            parts.hostname,
            port or PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            int(weight[1]),
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def verifying(authorities: str = "") -> ssl.SSLContext:
    """Trust the authorities of this machine, and beside them these (PEM).

    Raises:
        ValueError: what is given is no certificate.
    """
    context = ssl.create_default_context()
    if authorities:
        try:
            context.load_verify_locations(cadata=authorities)
        except ssl.SSLError as error:
            raise ValueError("holds no certificate in PEM") from error
    return context


def sign_in(smtp: smtplib.SMTP, user: str, password: str) -> None:
    """Sign in after the greeting; the standard library knows ASCII alone, this is UTF-8 (RFC 4616).

    Raises:
        smtplib.SMTPNotSupportedError: no mechanism is offered, or none that could say it.
        smtplib.SMTPAuthenticationError: the login is refused.
    """
    if f"{user}{password}".isascii():
        smtp.login(user, password)
        return
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        said = "\0".join(("", user, password))
        code, text = smtp.docmd("AUTH", f"PLAIN {_base64(said)}")
    elif "LOGIN" in offered:
        code, text = smtp.docmd("AUTH", f"LOGIN {_base64(user)}")
        if code == 334:
            code, text = smtp.docmd(_base64(password))
    else:
        raise smtplib.SMTPNotSupportedError("no mechanism for this password is offered")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, text)


def _base64(said: str) -> str:
    return base64.b64encode(said.encode()).decode()
