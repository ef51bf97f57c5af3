"""One article as its page shows it, or why it is not shown any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.archive.address import slug_of
from service.archive.body import page_body
from service.archive.items import Item, items
from service.archive.position import position
from service.archive.related import nearest, same_story
from service.archive.why import Reason, place_reasons, topic_reasons
from service.models import (
    Article,
    ArticleState,
    Listing,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
)


@dataclass(frozen=True)
class Found:
    """A public article, before anything else of it is read."""

    article: Article
    revision: Revision

    @property
    def slug(self) -> str:
        return slug_of(self.revision.title)


@dataclass(frozen=True)
class Gone:
    """An article that was public and is not any more, and the editors' word about it."""

    at: datetime | None
    note: str
    language: str


@dataclass(frozen=True)
class Correction:
    """That its readers were told of a mistake, and how the editors put it."""

    at: datetime
    note: str


@dataclass(frozen=True)
class Reading:
    """Everything that an article's page shows."""

    article: Article
    revision: Revision
    at: datetime
    summary: str
    body: str
    topics: list[Reason]
    places: list[Reason]
    correction: Correction | None
    modified_at: datetime | None  # null: it says what it said at the first
    story: list[Item]
    near: list[Item]


def look_up(session: Session, article_id: int) -> Found | Gone | None:
    """An article by its number; None for one that never was public."""
    article = session.get(Article, article_id)
    if article is None or article.feed_seq is None:
        return None
    revision = session.get(Revision, article.shown_revision_id or 0)
    is_public = article.state == ArticleState.PUBLISHED and not _is_waiting(session, article)
    if revision is None or not is_public:
        language = revision.language if revision else "tr"
        return Gone(article.withdrawn_at, _withdrawal_note(session, article), language)
    return Found(article, revision)


def read(session: Session, found: Found) -> Reading:
    """The whole page of a public article, in a dozen small queries."""
    article, revision = found.article, found.revision
    at = article.published_at or article.created_at
    topics, places = topic_reasons(session, revision), place_reasons(session, revision)
    story = same_story(session, article)
    near = nearest(
        session,
        article.id,
        position(at, article.id),
        [reason.about.id for reason in topics],
        [reason.about.id for reason in places],
        without=story,
    )
    correction = _correction(session, article.id)
    shown = {item.article_id: item for item in items(session, [*story, *near])}
    return Reading(
        article=article,
        revision=revision,
        at=at,
        summary=_own_summary(revision),
        body=page_body(revision.body_html, revision.url),
        topics=topics,
        places=places,
        correction=correction,
        modified_at=_modified_at(session, revision, correction, at),
        story=[shown[one] for one in story if one in shown],
        near=[shown[one] for one in near if one in shown],
    )


def _is_waiting(session: Session, article: Article) -> bool:
    """Published again after it was withdrawn, and not classified yet: what is stored as shown is
    the text that was taken back. An ordinary edit stays in its lists meanwhile."""
    if article.revision_id == article.shown_revision_id:
        return False
    found = select(Listing.position).where(Listing.article_id == article.id).limit(1)
    return session.scalar(found) is None


def _own_summary(revision: Revision) -> str:
    """Empty where the text begins with it anyway."""
    summary = " ".join(revision.summary.split())
    begins = " ".join(revision.body_text[: 2 * len(summary) + 80].split())
    return "" if begins.startswith(summary.rstrip(".… ")) else summary


def _modified_at(
    session: Session, revision: Revision, correction: Correction | None, at: datetime
) -> datetime | None:
    """When its text last changed after it was published, as far as we were told."""
    before = select(Revision.id).where(
        Revision.article_id == revision.article_id, Revision.id < revision.id
    )
    is_edited = session.scalar(before.limit(1)) is not None
    moments = [revision.created_at] if is_edited else []
    moments += [correction.at] if correction else []
    return max((moment for moment in moments if moment > at), default=None)


def _withdrawal_note(session: Session, article: Article) -> str:
    """What the editors said with this withdrawal, not with an earlier one."""
    if article.withdrawn_at is None:
        return ""
    payload = session.scalar(
        select(Notification.payload)
        .where(Notification.article_id == article.id)
        .where(Notification.kind == NotificationKind.WITHDRAWAL)
        .where(Notification.state != NotificationState.CANCELLED)
        .where(Notification.release_at >= article.withdrawn_at)
        .order_by(Notification.id.desc())
        .limit(1)
    )
    return str((payload or {}).get("note", ""))


def _correction(session: Session, article_id: int) -> Correction | None:
    found = session.execute(
        select(Notification.released_at, Notification.payload)
        .where(Notification.article_id == article_id)
        .where(Notification.kind == NotificationKind.CORRECTION)
        .where(Notification.state != NotificationState.CANCELLED)
        .where(Notification.released_at.is_not(None))
        .order_by(Notification.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    return Correction(found.released_at, str(found.payload.get("note", "")))
