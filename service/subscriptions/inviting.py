"""Inviting people of a list without proof of consent: nothing begins before they have confirmed.

Each gets one letter with a link, the same as after a sign-up; their own links go on working. The
letters are spread over time, because they share the cap of all confirmations with people who sign
up at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.direct import queue_direct
from service.models import Before, TokenPurpose
from service.settings import Settings
from service.subscriptions.import_rows import Row
from service.subscriptions.importing import Look
from service.subscriptions.starting import email_destination
from service.subscriptions.subscribe import CONFIRM_WITHIN
from service.subscriptions.tokens import issue

SHARE = 2  # imports take one part of so many of the cap


@dataclass(frozen=True)
class Invited:
    """A letter that was queued, and what it was about."""

    destination_id: int
    before: Before
    token_id: int
    letter_id: int


@dataclass(frozen=True)
class Pace:
    """When the letters of an import leave: one after another from its start on."""

    begun_at: datetime
    gap: timedelta

    @classmethod
    def of(cls, settings: Settings, begun_at: datetime) -> Pace:
        """Under the cap on confirmations, with room for those who sign up meanwhile."""
        an_hour = max(1, settings.confirmation_mails_per_hour // SHARE)
        return cls(begun_at, timedelta(hours=1) / an_hour)

    def due(self, number: int, now: datetime) -> datetime:
        """When the letter of this number may leave."""
        return max(now, self.begun_at + number * self.gap)


def invite_rows(
    session: Session, rows: Iterable[Row], look: Look, origin: str, pace: Pace, asked: int
) -> list[Invited]:
    """Queue a letter to each of these who would get something new, the first of them as the
    `asked`-th of the import. The caller owns the transaction."""
    invited: list[Invited] = []
    for row in rows:
        is_known = row.hashed in look.before
        if row.hashed in look.suppressed or (is_known and row.hashed not in look.changed):
            continue
        invited.append(_invite(session, row, origin, pace, asked + len(invited), is_known=is_known))
    return invited


def _invite(
    session: Session, row: Row, origin: str, pace: Pace, number: int, *, is_known: bool
) -> Invited:
    destination = email_destination(session, row.hashed, row.address, row.language)
    was = Before.KNOWN if destination.verified_at else Before.UNVERIFIED
    choices = row.choices.known(session).as_json()
    payload = {
        "choices": choices,
        "language": row.language,
        "text_hash": "",  # nobody has seen a sentence: the press of the button is the consent
        "origin": origin,
        "abroad": None,
        "is_known": destination.verified_at is not None,
    }
    now = utcnow()
    due = pace.due(number, now)
    within = CONFIRM_WITHIN + (due - now)
    token = issue(session, destination.id, TokenPurpose.CONFIRM, within, payload)
    batch = queue_direct(
        session,
        destination=destination,
        template="confirm",
        payload={
            "token_id": token.id,
            "language": row.language,
            "is_known": payload["is_known"],
        },
        request_id="",
    )
    batch.due_at = due
    return Invited(destination.id, was if is_known else Before.NEW, token.id, batch.notification_id)
