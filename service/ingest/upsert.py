"""The upsert: one verified article becomes rows, and the state machine decides what follows.

Compares states, not event names (ingest guide, section 4). The caller's first statement has taken
the sender's delivery id, `claim` then takes the article's row, so that twenty requests at once end
in one article and one notification, by constraint.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify.damage import damage_of
from service.ingest.article import CanonicalArticle, content_hash, in_zone
from service.ingest.claiming import Claim, Names, claim
from service.ingest.holding import release_at
from service.ledger.followup import follow
from service.ledger.holding import become_urgent, hold_news, is_held
from service.ledger.publish import stamp_feeds, stop, stop_sending, withdraw
from service.models import (
    Article,
    ArticleState,
    NotificationKind,
    Revision,
    RevisionState,
    Source,
    Verdict,
)

WITHHELD = "stored; staff withdrew the article, and it stays so until they publish it again"
NOT_URGENT = "taken as ordinary news: the source may not send urgent ones"
AHEAD = timedelta(days=1)  # a time beyond it is a mistake, and would hold up every later edit


@dataclass(frozen=True)
class Stored:
    """What the upsert did. `waiting` is a revision that a worker should classify."""

    verdict: Verdict
    article_id: int
    revision_id: int | None
    waiting: int | None = None
    reason: str = ""
    is_urgent: bool = False


def upsert(
    session: Session, source: Source, incoming: CanonicalArticle, now: datetime, request_id: str
) -> Stored:
    """Apply one article in the caller's transaction."""
    return apply(
        session, source, claim(session, source, Names(incoming.id), now), incoming, now, request_id
    )


def apply(
    session: Session,
    source: Source,
    claimed: Claim,
    incoming: CanonicalArticle,
    now: datetime,
    request_id: str,
    *,
    is_news: bool = True,
) -> Stored:
    """Move a locked article to what came in; unless `is_news`, nobody is told of a new one."""
    article = claimed.article
    updated_at = source_time(source, incoming, now)
    if _is_older(article, updated_at):
        return Stored(
            Verdict.IGNORED, article.id, article.revision_id, reason="older than what is stored"
        )
    article.source_updated_at = updated_at or article.source_updated_at
    if incoming.state == "withdrawn":
        return _withdraw(session, article, incoming, claimed.is_new, now, request_id)
    return _publish(session, source, article, incoming, now, request_id, is_news)


def source_time(source: Source, incoming: CanonicalArticle, now: datetime) -> datetime | None:
    """When the source says that it changed the article; null where that cannot be."""
    updated_at = in_zone(incoming.updated_at, source.timezone)
    return updated_at if updated_at is None or updated_at <= now + AHEAD else None


def _is_older(article: Article, updated_at: datetime | None) -> bool:
    """Equal or unknown times: the later arrival wins."""
    stored = article.source_updated_at
    return updated_at is not None and stored is not None and updated_at < stored


def _withdraw(
    session: Session,
    article: Article,
    incoming: CanonicalArticle,
    is_new: bool,
    now: datetime,
    request_id: str,
) -> Stored:
    """Stop what is not sent yet; an article never seen is remembered, so that a late, older
    `published` is ignored."""
    if article.withheld_state is not None:
        article.withheld_state = ArticleState.WITHDRAWN
        return Stored(Verdict.UNCHANGED, article.id, article.revision_id, reason=WITHHELD)
    if article.state == ArticleState.WITHDRAWN and not is_new:
        return Stored(Verdict.UNCHANGED, article.id, article.revision_id)
    withdraw(session, article, now)
    if incoming.notify_update:
        kind = NotificationKind.WITHDRAWAL
        follow(session, article, kind, incoming.change_note, now, request_id)
    return Stored(Verdict.ACCEPTED, article.id, article.revision_id)


def _publish(
    session: Session,
    source: Source,
    article: Article,
    incoming: CanonicalArticle,
    now: datetime,
    request_id: str,
    is_news: bool,
) -> Stored:
    values = revision_values(incoming, request_id)
    digest = values["content_hash"]
    was_public = article.state == ArticleState.PUBLISHED
    was_damaged = was_public and _is_damaged(session, article)
    known = session.scalar(
        select(Revision).where(Revision.article_id == article.id, Revision.content_hash == digest)
    )
    if article.withheld_state is not None:
        article.withheld_state = ArticleState.PUBLISHED
        return _store_alone(session, source, article, incoming, known, values)
    if was_public and known is not None and known.id == article.revision_id:
        _correct(session, article, incoming, now, request_id)
        return Stored(Verdict.UNCHANGED, article.id, known.id)
    revision = known or _add_revision(session, article, values)
    if known is not None:  # back again: readers of feeds saw another text meanwhile, or none
        known.created_at = now
    article.state, article.withdrawn_at = ArticleState.PUBLISHED, None
    published_at = (article.published_at if was_public else None) or now
    _take_over(source, article, incoming, revision, published_at)
    session.flush()
    if article.is_urgent:
        become_urgent(session, article, now)
    if not was_public:
        stop_sending(session, article, now, NotificationKind.WITHDRAWAL)
    if revision.state == RevisionState.QUARANTINED:
        return Stored(Verdict.QUARANTINED, article.id, revision.id, reason="damaged encoding")
    if is_news and (not was_public or was_damaged):
        due = release_at(source, incoming, article.published_at or now, now)
        hold_news(session, article, due, request_id)
    if article.is_commercial:
        stop(session, article, now)
    _correct(session, article, incoming, now, request_id)
    if known is not None and known.state == RevisionState.CLASSIFIED:
        if not is_held(session, article):
            article.shown_revision_id = known.id
            session.flush()
            stamp_feeds(session, article.id, now)
            return Stored(Verdict.ACCEPTED, article.id, revision.id)
        # Whom it is told to depends on what it repeats, and the text between was another.
        known.state, known.rung_at = RevisionState.RECEIVED, now
        session.flush()
    return Stored(
        Verdict.ACCEPTED,
        article.id,
        revision.id,
        waiting=revision.id,
        reason=NOT_URGENT if incoming.urgent and not article.is_urgent else "",
        is_urgent=article.is_urgent,
    )


def _take_over(
    source: Source,
    article: Article,
    incoming: CanonicalArticle,
    revision: Revision,
    published_at: datetime | None,
) -> None:
    """The newest text, and what the source says beside it."""
    article.revision_id = revision.id
    article.is_urgent = incoming.urgent and source.may_send_urgent
    article.is_commercial = incoming.commercial
    article.published_at = in_zone(incoming.published_at, source.timezone) or published_at


def _store_alone(
    session: Session,
    source: Source,
    article: Article,
    incoming: CanonicalArticle,
    known: Revision | None,
    values: dict[str, Any],
) -> Stored:
    """Keep what came for an article that staff withdrew: nothing is published, nobody is told."""
    if known is not None and known.id == article.revision_id:
        return Stored(Verdict.UNCHANGED, article.id, known.id, reason=WITHHELD)
    revision = known or _add_revision(session, article, values)
    _take_over(source, article, incoming, revision, article.published_at)
    session.flush()
    is_waiting = revision.state == RevisionState.RECEIVED
    return Stored(
        Verdict.ACCEPTED,
        article.id,
        revision.id,
        waiting=revision.id if is_waiting else None,
        reason=WITHHELD,
    )


def _correct(
    session: Session,
    article: Article,
    incoming: CanonicalArticle,
    now: datetime,
    request_id: str,
) -> None:
    """Tell those who were told, where the editor asks for it."""
    if incoming.notify_update:
        kind = NotificationKind.CORRECTION
        follow(session, article, kind, incoming.change_note, now, request_id)


def _is_damaged(session: Session, article: Article) -> bool:
    """True where nobody could be told of what is stored, so that a mended text is news."""
    stored = session.get(Revision, article.revision_id or 0)
    return stored is not None and stored.state == RevisionState.QUARANTINED


def _add_revision(session: Session, article: Article, values: dict[str, Any]) -> Revision:
    revision = Revision(article_id=article.id, **values)
    session.add(revision)
    session.flush()
    return revision


def revision_values(incoming: CanonicalArticle, request_id: str) -> dict[str, Any]:
    """The columns of a revision, all but its article's id."""
    body_text = incoming.text()
    is_damaged = damage_of(incoming.title, incoming.summary, body_text) is not None
    return {
        "content_hash": content_hash(incoming, body_text),
        "state": RevisionState.QUARANTINED if is_damaged else RevisionState.RECEIVED,
        "url": incoming.url or "",
        "title": incoming.title,
        "summary": incoming.summary,
        "body_html": incoming.html(),
        "body_text": body_text,
        "language": incoming.language,
        "sections": incoming.sections,
        "tags": incoming.tags,
        "places": incoming.places,
        "image": incoming.image.model_dump() if incoming.image else None,
        "request_id": request_id,
    }
