"""SMTP: one connection a batch, an outcome for each recipient (RFC 5321)."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from service.ledger.outcome import Outcome
from service.messages.letter import Letter
from service.models import DeliveryState
from workers.courier import PeerAwayError

TIMEOUT_S = 30.0
MAX_PER_CONNECTION = 100  # a polite guest hangs up after about this many (email guide, rule 18)
ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


class SmtpTransport:
    """Speaks to the relay of `smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or "localhost"
        self._port = parts.port or {"smtps": 465, "smtp+starttls": 587}.get(parts.scheme, 25)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._smtp: smtplib.SMTP | None = None
        self._count = 0

    def send(self, letter: Letter, raw: bytes, on_wire: Callable[[], None]) -> Outcome:
        smtp = self._connected()
        try:
            code, text = smtp.mail(letter.envelope_sender)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise PeerAwayError(f"connection lost at MAIL: {_brief(error)}") from error
        if code == 421:
            self.close()
            raise PeerAwayError(f"the relay hangs up: {_text(text)}")
        if code != 250:
            return self._refused(smtp, code, text)
        try:
            code, text = smtp.rcpt(letter.recipient)
            if code not in (250, 251):
                return self._refused(smtp, code, text)
            self._announce(smtp, on_wire)
            code, text = smtp.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            # After MAIL it may be this recipient, who must not stop the others for ever.
            self.close()
            return Outcome(DeliveryState.DEFERRED, "lost", f"before DATA: {_brief(error)}")
        if code != 354:
            return self._refused(smtp, code, text)
        return self._data(smtp, raw)

    def close(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()

    def _connected(self) -> smtplib.SMTP:
        if self._count >= MAX_PER_CONNECTION:
            self.close()
        if self._smtp is None:
            self._smtp, self._count = self._connect(), 0
        self._count += 1
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        tls = ssl.create_default_context()
        smtp: smtplib.SMTP | None = None
        try:
            if self._scheme == "smtps":
                smtp = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=tls)
            else:
                smtp = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
            smtp.ehlo_or_helo_if_needed()
            if self._scheme == "smtp+starttls":
                smtp.starttls(context=tls)
                smtp.ehlo()
            if self._user:
                smtp.login(self._user, self._password)
        except (OSError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise PeerAwayError(f"no connection to the relay: {_brief(error)}") from error
        return smtp

    def _announce(self, smtp: smtplib.SMTP, on_wire: Callable[[], None]) -> None:
        """Ask for the last time whether the letter may leave; if not, take the envelope back."""
        try:
            on_wire()
        except Exception:
            self._reset(smtp)
            raise

    def _refused(self, smtp: smtplib.SMTP, code: int, text: bytes) -> Outcome:
        """Keep the answer, also of a server that hangs up right after it."""
        self._reset(smtp)
        return _answered(code, text, DeliveryState.DEFERRED)

    def _reset(self, smtp: smtplib.SMTP) -> None:
        try:
            smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def _data(self, smtp: smtplib.SMTP, raw: bytes) -> Outcome:
        stuffed = re.sub(rb"(?m)^\.", b"..", raw)  # RFC 5321, section 4.5.2
        try:
            smtp.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            code, text = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return Outcome(DeliveryState.UNKNOWN, "", f"no answer after DATA: {_brief(error)}")
        if code == 421:
            self.close()
        return _answered(code, text, DeliveryState.UNKNOWN)


def _answered(code: int, text: bytes, otherwise: DeliveryState) -> Outcome:
    """The outcome of a reply; `otherwise` for one that is neither yes nor no (RFC 5321, 4.2)."""
    said = _text(text)
    enhanced = ENHANCED.search(said)
    number = enhanced.group(1) if enhanced else str(code)
    if 200 <= code < 300:
        return Outcome(DeliveryState.SENT, number)
    state = {4: DeliveryState.DEFERRED, 5: DeliveryState.REJECTED}.get(code // 100, otherwise)
    return Outcome(state, number, f"{code} {said}")


def _text(text: bytes) -> str:
    return text.decode("utf-8", "replace").replace("\n", " ")


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
