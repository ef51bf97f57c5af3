"""IMAP intake: where no mail server can hand over what comes back, a mailbox is read every minute.

A message goes from the mailbox only after what it says has been committed. One that is about no
letter of ours is kept and flagged, for a person to look at; take the flag away, and it is read once
more.
"""

from __future__ import annotations

import imaplib
import ssl
import time
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from sqlalchemy.exc import SQLAlchemyError

from service.bounces.report import MAX_BYTES
from service.logs import get_logger
from service.runtime import Runtime
from workers.email.bounces import take

log = get_logger(__name__)

TIMEOUT_S = 30.0
MOST = 500  # messages of one visit; the rest waits a minute
LONGEST_S = 50.0
OPEN = ("UNFLAGGED", "UNDELETED")


class MailboxError(Exception):
    """The mailbox does not do what it was asked for."""


def poll_mailbox(runtime: Runtime) -> None:
    """Read what has come into the mailbox; without a configured one, do nothing.

    Two at once do no harm. A mailbox that is away is visited again a minute later.
    """
    url = runtime.settings.bounce_imap_url.get_secret_value()
    if not url:
        return
    try:
        mailbox = Mailbox(url)
    except (OSError, imaplib.IMAP4.error, MailboxError, ValueError) as error:
        log.warning("mailbox away", error=type(error).__name__)  # its text may show the address
        return
    try:
        _read(runtime, mailbox)
    except (OSError, imaplib.IMAP4.error, MailboxError) as error:
        log.warning("mailbox lost", error=type(error).__name__)
    finally:
        mailbox.close()


def _read(runtime: Runtime, mailbox: Mailbox) -> None:
    until = time.monotonic() + LONGEST_S
    read = kept = 0
    for number in mailbox.open_messages()[:MOST]:
        raw = mailbox.fetch(number)
        if raw is None:
            continue  # somebody else's visit has taken it
        try:
            is_understood = take(runtime, raw)
        except SQLAlchemyError as error:
            log.warning("mail not taken: database away", error=type(error).__name__)
            break
        mailbox.mark(number, r"\Deleted" if is_understood else r"\Flagged")
        read += is_understood
        kept += not is_understood
        if time.monotonic() > until:
            break
    if read:
        mailbox.expunge()
    if read or kept:
        log.info("mailbox read", read=read, kept=kept)


class Mailbox:
    """One visit to the mailbox of `imaps://user:password@host:port/INBOX`."""

    def __init__(self, url: str) -> None:
        """Sign in and open it.

        Raises:
            OSError, imaplib.IMAP4.error, MailboxError, ValueError: it cannot be opened.
        """
        parts = urlsplit(url)
        self._imap = _connect(parts)
        try:
            self._sign_in(unquote(parts.username or ""), unquote(parts.password or ""))
            name = unquote(parts.path).strip("/") or "INBOX"
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            _expect(self._imap.select(f'"{quoted}"'))
        except Exception:
            self.close()
            raise

    def _sign_in(self, user: str, password: str) -> None:
        if f"{user}{password}".isascii():
            self._imap.login(user, password)
        else:  # LOGIN is for ASCII alone; this is UTF-8 (RFC 4616)
            said = f"\0{user}\0{password}".encode()
            self._imap.authenticate("PLAIN", lambda _: said)

    def open_messages(self) -> list[str]:
        """The numbers (UID) of messages that are neither flagged nor deleted, the oldest first."""
        found = _expect(self._imap.uid("SEARCH", *OPEN))
        return [number.decode("ascii") for number in (found[0] or b"").split()]

    def fetch(self, number: str) -> bytes | None:
        """As much of a message as is read; None where it is gone."""
        found = _expect(self._imap.uid("FETCH", number, f"(BODY.PEEK[]<0.{MAX_BYTES}>)"))
        return next((part[1] for part in found if isinstance(part, tuple)), None)

    def mark(self, number: str, flag: str) -> None:
        _expect(self._imap.uid("STORE", number, "+FLAGS.SILENT", rf"(\Seen {flag})"))

    def expunge(self) -> None:
        """Let the messages go that are marked as deleted."""
        _expect(self._imap.expunge())

    def close(self) -> None:
        with suppress(OSError, imaplib.IMAP4.error):
            self._imap.logout()


def _connect(parts: SplitResult) -> imaplib.IMAP4:
    host = parts.hostname or ""
    if parts.scheme == "imaps":
        tls = ssl.create_default_context()
        return imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=tls, timeout=TIMEOUT_S)
    if parts.scheme == "imap":
        return imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT_S)
    raise MailboxError("TELLAL_BOUNCE_IMAP_URL begins with imaps:// or imap://")


def _expect(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, data = answer
    if kind != "OK":
        raise MailboxError(kind)
    return data
