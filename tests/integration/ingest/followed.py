"""What readers got of an article and of what followed it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from service.models import MailboxMessage, Notification, NotificationKind

NEW, CORRECTION, WITHDRAWAL = (
    *(NotificationKind.NEW, NotificationKind.CORRECTION, NotificationKind.WITHDRAWAL),
)
FIXED = "Körfez için iklim eylem planı: tarih düzeltildi"


def mails(town: Any) -> list[MailboxMessage]:
    """All letters in the order in which they came."""
    return sorted(town.all(MailboxMessage), key=lambda mail: mail.id)


def subjects(town: Any) -> list[str]:
    """Of what followed the first two letters."""
    return sorted(mail.subject for mail in mails(town)[2:])


def parsed(mail: MailboxMessage) -> Message:
    return message_from_bytes(mail.raw, policy=default)


def of(town: Any, kind: NotificationKind) -> list[Notification]:
    """The notifications of one kind, in order."""
    found = [row for row in town.news() if row.kind == kind]
    return sorted(found, key=lambda row: row.id)
