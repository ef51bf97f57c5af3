"""The relay: reached, encrypted, logged in, and willing; nothing is sent."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
import time
from contextlib import suppress

from service.doctor.finding import Finding, note, ok, wrong
from service.doctor.spf import Address
from service.smtp import Server, sign_in, verifying

RELAY, TLS, LOGIN, ENVELOPE = "relay", "TLS", "login", "envelope"
TIMEOUT_S = 10.0
SOON_DAYS = 14  # a certificate that ends earlier is renewed by nobody, it seems


class Probe:
    """One conversation with a relay, up to an envelope that is taken back."""

    def __init__(self, relay: Server, sender: str, recipient: str, authorities: str = "") -> None:
        self._relay, self._sender, self._recipient = relay, sender, recipient
        self._authorities = authorities
        self._smtp: smtplib.SMTP | None = None
        self.address: Address | None = None
        self.greeting = ""

    def run(self) -> list[Finding]:
        """Go as far as the relay lets us; each step is a finding."""
        try:
            return self._talk()
        except (OSError, smtplib.SMTPException) as error:
            says = f"{self._where} stopped answering: {_brief(error)}."
            return [wrong(RELAY, says, "look into the relay's log")]
        finally:
            if self._smtp is not None:
                with suppress(OSError, smtplib.SMTPException):
                    self._smtp.quit()

    @property
    def _where(self) -> str:
        return f"{self._relay.host} port {self._relay.port}"

    def _talk(self) -> list[Finding]:
        findings = self._connect()
        smtp = self._smtp
        if smtp is None:
            return findings
        if self._relay.user:
            findings.append(self._login(smtp))
            if findings[-1].level.is_bad:
                return findings
        return [*findings, self._envelope(smtp)]

    def _connect(self) -> list[Finding]:
        context = verifying(self._authorities)
        try:
            if self._relay.scheme == "smtps":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    self._relay.host, self._relay.port, timeout=TIMEOUT_S, context=context
                )
            else:
                smtp = smtplib.SMTP(self._relay.host, self._relay.port, timeout=TIMEOUT_S)
        except ssl.SSLError as error:
            return [self._untrusted(error)]
        except (OSError, smtplib.SMTPException) as error:
            says = f"nobody answers at {self._where}: {_brief(error)}."
            mend = "start the relay, or correct host and port in TELLAL_SMTP_URL"
            return [wrong(RELAY, says, mend)]
        self._smtp = smtp
        self._look(smtp)
        return [self._reached(smtp), *self._encrypt(smtp, context)]

    def _look(self, smtp: smtplib.SMTP) -> None:
        """Greet, and remember who answers from where."""
        code, text = smtp.ehlo()
        if not 200 <= code < 300:
            raise smtplib.SMTPHeloError(code, text)
        words = text.decode("ascii", "replace").split()
        self.greeting = words[0].rstrip(".").lower() if words and "." in words[0] else ""
        if smtp.sock is not None:
            self.address = _plain(ipaddress.ip_address(smtp.sock.getpeername()[0]))

    def _reached(self, smtp: smtplib.SMTP) -> Finding:
        says = f"{self._where} answers"
        if smtp.has_extn("pipelining"):
            return ok(RELAY, f"{says} and takes commands in a row (PIPELINING).")
        says += ", but takes no commands in a row (PIPELINING), which makes it slow."
        return note(RELAY, says, "see whether the relay can be told to offer it")

    def _encrypt(self, smtp: smtplib.SMTP, context: ssl.SSLContext) -> list[Finding]:
        is_offered = smtp.has_extn("starttls")
        if self._relay.scheme == "smtp+starttls":
            if not is_offered:
                self._hang_up()
                says = f"{self._where} offers no STARTTLS, and TELLAL_SMTP_URL asks for it."
                return [wrong(TLS, says, "let the relay offer it, or use smtps://")]
            try:
                smtp.starttls(context=context)
            except ssl.SSLError as error:
                self._hang_up()
                return [self._untrusted(error)]
            self._look(smtp)
        if isinstance(smtp.sock, ssl.SSLSocket):
            return [_certificate(smtp.sock, self._relay.host)]
        if self.address is not None and self.address.is_loopback:
            return []
        says = f"letters go to {self._where} unencrypted"
        if is_offered:
            return [wrong(TLS, f"{says}, though it offers STARTTLS.", "use smtp+starttls://")]
        if self.address is not None and self.address.is_private:
            return [note(TLS, f"{says}, within your own network.")]
        return [wrong(TLS, f"{says}, and it offers no STARTTLS.", "use a relay that does")]

    def _untrusted(self, error: ssl.SSLError) -> Finding:
        if isinstance(error, ssl.SSLCertVerificationError):
            says = f"the certificate of {self._where} is not trusted: {error.verify_message}."
            mend = f"give the relay a certificate for {self._relay.host}, or use the name it has"
            return wrong(TLS, says, mend)
        says = f"no TLS with {self._where}: {error.reason or _brief(error)}."
        return wrong(TLS, says, "smtps:// is for port 465; for port 25 or 587 use smtp+starttls://")

    def _login(self, smtp: smtplib.SMTP) -> Finding:
        is_open = not isinstance(smtp.sock, ssl.SSLSocket)
        try:
            sign_in(smtp, self._relay.user, self._relay.password)
        except smtplib.SMTPNotSupportedError:
            says = f"{self._where} takes no login, and TELLAL_SMTP_URL has a user."
            return wrong(LOGIN, says, "take user and password out, or use the port for senders")
        except smtplib.SMTPAuthenticationError as error:
            says = f"the relay refuses the login of {self._relay.user}: {_said(error)}."
            return wrong(LOGIN, says, "correct user and password in TELLAL_SMTP_URL")
        if is_open and not (self.address is not None and self.address.is_loopback):
            says = "the login works, but the password crosses the network readable."
            return wrong(LOGIN, says, "use smtp+starttls:// or smtps://")
        return ok(LOGIN, f"the relay takes the login of {self._relay.user}.")

    def _envelope(self, smtp: smtplib.SMTP) -> Finding:
        """MAIL and RCPT as a letter would have them, then RSET: no letter begins."""
        code, text = smtp.mail(self._sender)
        if code != 250:
            says = f"the relay refuses {self._sender} as the sender: {_reply(code, text)}."
            return wrong(ENVELOPE, says, "let it take TELLAL_MAIL_FROM's domain from this host")
        code, text = smtp.rcpt(self._recipient)
        smtp.rset()
        if code not in (250, 251):
            says = f"the relay refuses to take a letter to {self._recipient}: {_reply(code, text)}."
            mend = "let it relay for this host or login, or name another address: --recipient"
            return wrong(ENVELOPE, says, mend)
        says = f"the relay would take a letter from {self._sender} to {self._recipient}"
        return ok(ENVELOPE, f"{says} (asked, not sent).")

    def _hang_up(self) -> None:
        assert self._smtp is not None
        self._smtp.close()
        self._smtp = None


def _certificate(tls: ssl.SSLSocket, host: str) -> Finding:
    found = tls.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(found["notAfter"]))
    days = int((ends - time.time()) // 86_400)
    version = (tls.version() or "TLS").replace("TLSv", "TLS ")
    says = f"{version}; the certificate of {host} is trusted and ends in {days} days."
    return wrong(TLS, says, "renew it") if days < SOON_DAYS else ok(TLS, says)


def _plain(address: Address) -> Address:
    """The IPv4 address of a mapped one."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return _reply(error.smtp_code, text if isinstance(text, bytes) else text.encode())


def _reply(code: int, text: bytes) -> str:
    words = " ".join(text.decode("utf-8", "replace").split())
    return f"{code} {''.join(c for c in words if c.isprintable())[:200]}".strip().rstrip(".")


def _brief(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, socket.gaierror):
        return "the name of the host is not known"
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
