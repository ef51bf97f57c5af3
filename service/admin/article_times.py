"""The way that one article took, as times in order: a bounded number of rows, each by an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.admin import words
from service.models import (
    Article,
    AuditEntry,
    Delivery,
    DeliveryState,
    InboxEvent,
    Notification,
    Revision,
    Source,
    Staff,
)

MOST = 50  # rows of each kind
SMALL = 20_000  # deliveries whose times are looked at one by one
ACTS: dict[str, LazyString] = {
    "article.hold": _("Held by staff"),
    "article.release": _("Released by staff"),
    "article.withdraw": _("Withdrawn by staff"),
    "article.republish": _("Published again by staff"),
    "article.correct": _("Corrected by staff"),
    "article.approve": _("Approved as urgent"),
    "article.reclassify": _("Sent to be classified again"),
    "article.who": _("One address was looked up"),
    "article.count-readers": _("Readers were counted"),
    "deliveries.pause": _("Paused by staff"),
    "deliveries.resume": _("Resumed by staff"),
    "deliveries.cancel": _("Cancelled by staff"),
    "deliveries.resend-missing": _("Resent to the missing"),
    "story.split": _("Split from its story"),
    "review.accept": _("A topic was accepted"),
    "review.reject": _("A topic was rejected"),
    "review.add": _("A topic was added"),
    "review.none": _("About none of the topics"),
    "review.release": _("Let out of quarantine"),
}
# Of these the object is an article only where the detail says so.
BY_SCOPE = ("deliveries.pause", "deliveries.resume", "deliveries.cancel")


@dataclass(frozen=True)
class Moment:
    """One thing that happened."""

    at: datetime
    text: LazyString
    detail: str | LazyString = ""


def moments(session: Session, article: Article) -> list[Moment]:
    """All that is known, earliest first."""
    found = [
        *_of_article(session, article),
        *_of_inbox(session, article),
        *_of_texts(session, article),
        *_of_notifications(session, article),
        *_of_staff(session, article),
    ]
    return sorted(found, key=lambda one: one.at)


def _made(
    *pairs: tuple[datetime | None, LazyString], detail: str | LazyString = ""
) -> list[Moment]:
    return [Moment(at, text, detail) for at, text in pairs if at is not None]


def _of_article(session: Session, article: Article) -> list[Moment]:
    source = session.get_one(Source, article.source_id).slug
    return [
        *_made((article.published_at, _("Published by its source")), detail=source),
        *_made((article.withdrawn_at, _("Withdrawn"))),
        *_made((article.feed_at, _("Last change in the feeds"))),
    ]


def _of_inbox(session: Session, article: Article) -> list[Moment]:
    events = session.scalars(
        select(InboxEvent)
        .where(InboxEvent.article_id == article.id)
        .order_by(InboxEvent.id)
        .limit(MOST)
    )
    return [
        Moment(
            event.received_at,
            _("An event of its source came in"),
            words.VERDICT[event.verdict].text,
        )
        for event in events
    ]


def _of_texts(session: Session, article: Article) -> list[Moment]:
    texts = session.scalars(
        select(Revision).where(Revision.article_id == article.id).order_by(Revision.id).limit(MOST)
    )
    found = []
    for number, text in enumerate(texts, start=1):
        found += _made((text.created_at, _("A text was stored")), detail=f"#{number}")
        found += _made((text.classified_at, _("The text was classified")), detail=f"#{number}")
    return found


def _of_notifications(session: Session, article: Article) -> list[Moment]:
    notifications = session.scalars(
        select(Notification)
        .where(Notification.article_id == article.id)
        .order_by(Notification.id)
        .limit(MOST)
    )
    found = []
    for one in notifications:
        first, last = _sent(session, one)
        found += _made(
            (one.created_at, _("The decision to send was made")),
            (one.released_at, _("Released")),
            (one.breaks_at, _("Let through quiet hours")),
            (one.stopped_at, _("Stopped: what is unsent stays unsent")),
            (one.resent_at, _("Resending began")),
            (one.planned_at, _("Planned")),
            (first, _("First delivery sent")),
            (last, _("Last delivery sent")),
            (one.done_at, _("Done")),
            detail=words.KIND[one.kind].text,
        )
    return found


def _sent(session: Session, notification: Notification) -> tuple[datetime | None, datetime | None]:
    """When the first and the last delivery was sent; unknown where they are too many to look at,
    or gone."""
    if notification.planned > SMALL or notification.cleared_at is not None:
        return None, None
    first, last = session.execute(
        select(func.min(Delivery.settled_at), func.max(Delivery.settled_at))
        .where(Delivery.notification_id == notification.id)
        .where(Delivery.state == DeliveryState.SENT)
    ).one()
    return first, last


def _of_staff(session: Session, article: Article) -> list[Moment]:
    entries = session.execute(
        select(AuditEntry, Staff.email)
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(AuditEntry.act.in_(list(ACTS)), AuditEntry.object_id == article.id)
        .order_by(AuditEntry.id.desc())
        .limit(MOST)
    ).all()
    return [
        Moment(entry.at, ACTS[entry.act], _said(entry, email))
        for entry, email in entries
        if entry.act not in BY_SCOPE or entry.detail.get("scope") == "article"
    ]


def _said(entry: AuditEntry, email: str | None) -> str:
    """Who of the staff, by the part of their address before the @, and why."""
    name = (email or "").partition("@")[0]
    detail: dict[str, Any] = entry.detail
    return ": ".join(str(part) for part in (name, detail.get("reason")) if part)
