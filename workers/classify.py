"""Classification: gives a revision its topics and places, then releases what may go."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from service.classify import (
    ArticleText,
    Band,
    Classification,
    Evidence,
)
from service.classify.stories import shingles
from service.db import rows, utcnow
from service.learning.current import current_classifier
from service.ledger.attempts import begin_again, forgive_attempt, is_first_try, note_failure
from service.ledger.publish import stamp_feeds
from service.ledger.stories import take_turns
from service.logs import bind, get_logger
from service.models import (
    Article,
    LabelOrigin,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    Place,
    PlaceLabel,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)
from service.runtime import Runtime
from workers.plan import release_and_ring
from workers.stories import Comparison, settle_story

log = get_logger(__name__)

STATE_OF_BAND = {
    Band.PUBLISH: LabelState.PUBLISHED,
    Band.REVIEW: LabelState.REVIEW,
    Band.DROP: LabelState.DROPPED,
}


def classify_revision(runtime: Runtime, revision_id: int) -> None:
    """Label a received revision; a second run, or one at the same time, changes nothing."""
    with runtime.db.read() as session:
        revision = session.get(Revision, revision_id)
    if revision is None or revision.state != RevisionState.RECEIVED:
        return
    bind(revision_id=revision_id, article_id=revision.article_id, request_id=revision.request_id)
    if not _begin(runtime, revision):
        return
    try:
        _classify(runtime, revision)
    except (OperationalError, InterfaceError):
        with suppress(SQLAlchemyError), runtime.db.write() as session:
            forgive_attempt(session, revision)  # if the database is back already
        raise
    except Exception as error:
        with runtime.db.write() as session:
            note_failure(session, revision_id, error)
        raise


def _begin(runtime: Runtime, revision: Revision) -> bool:
    if is_first_try(revision):  # costs no commit
        return True
    with runtime.db.write() as session:
        return begin_again(session, revision, utcnow())


def _classify(runtime: Runtime, revision: Revision) -> None:
    with runtime.db.read() as session:
        article = session.get_one(Article, revision.article_id)
        classifier = current_classifier(session, runtime.settings)
        topic_ids = dict(session.execute(select(Topic.slug, Topic.id)).all())
        place_ids = dict(session.execute(select(Place.slug, Place.id)).all())
    found = classifier.classify(
        ArticleText(
            *(revision.title, revision.summary, revision.body_text),
            *(tuple(revision.sections), revision.is_sound),
        )
    )
    places = _places_of(revision, found, place_ids)
    others = Comparison(shingles(revision.title, revision.summary, revision.body_text))
    published_at = article.published_at or utcnow()
    asked = article.id, [place_ids[slug] for slug in places], published_at
    with runtime.db.read() as session:
        others.matches(session, *asked)  # what takes time is done before anybody must wait
    with runtime.db.write() as session:
        take_turns(session)
        matches = others.matches(session, *asked)
        # Locked first: a decision of the staff is either seen here or waits for this revision.
        article = session.get_one(Article, revision.article_id, with_for_update=True)
        if not _mark_classified(session, revision, found, utcnow()):
            return
        _write_topics(session, revision, found, topic_ids)
        _write_places(session, revision, places, place_ids)
        if article.revision_id == revision.id:
            settle_story(session, article.id, matches)
        held = [] if found.damage else _follow(session, revision, utcnow())
    log.info(
        "classified",
        topics=[label.slug for label in found.topics if label.band is Band.PUBLISH],
        places=[place.slug for place in found.places],
    )
    for notification_id in held:
        release_and_ring(runtime, notification_id)


def _mark_classified(
    session: Session, revision: Revision, found: Classification, now: datetime
) -> bool:
    state = RevisionState.QUARANTINED if found.damage else RevisionState.CLASSIFIED
    return bool(
        rows(
            session,
            update(Revision)
            .where(Revision.id == revision.id, Revision.state == RevisionState.RECEIVED)
            .values(
                state=state,
                classified_at=now,
                classifier=found.version,
                attempts=0,
                failure=None,
            ),
        )
    )


def _write_topics(
    session: Session, revision: Revision, found: Classification, ids: dict[str, int]
) -> None:
    """Write labels; what the staff decided about this article stands, on every revision."""
    decided = _staff_labels(session, revision.article_id)
    session.execute(delete(TopicLabel).where(TopicLabel.revision_id == revision.id))
    labels: list[dict[str, Any]] = [
        {
            "revision_id": revision.id,
            "topic_id": ids[label.slug],
            "state": STATE_OF_BAND[label.band],
            "origin": LabelOrigin(label.origin),
            "score": label.score,
            "evidence": [asdict(evidence) for evidence in label.evidence],
            "decided_at": utcnow(),
        }
        for label in found.topics
        if ids[label.slug] not in decided
    ]
    labels += [{**label, "revision_id": revision.id} for label in decided.values()]
    if labels:
        session.execute(insert(TopicLabel), labels)


def _staff_labels(session: Session, article_id: int) -> dict[int, dict[str, Any]]:
    found = session.scalars(
        select(TopicLabel)
        .join(Revision, Revision.id == TopicLabel.revision_id)
        .where(Revision.article_id == article_id, TopicLabel.origin == LabelOrigin.STAFF)
        .order_by(TopicLabel.decided_at)
    )
    return {
        label.topic_id: {
            "topic_id": label.topic_id,
            "state": label.state,
            "origin": label.origin,
            "score": label.score,
            "evidence": label.evidence,
            "decided_at": label.decided_at,
        }
        for label in found
    }


def _places_of(
    revision: Revision, found: Classification, ids: Mapping[str, int]
) -> dict[str, tuple[Evidence, ...] | None]:
    """Places that the CMS named, which have no evidence, win over those that the text names."""
    given = [slug for slug in dict.fromkeys(revision.places) if slug in ids]
    if given:
        return dict.fromkeys(given)
    return {place.slug: place.evidence for place in found.places}


def _write_places(
    session: Session,
    revision: Revision,
    places: Mapping[str, tuple[Evidence, ...] | None],
    ids: Mapping[str, int],
) -> None:
    session.execute(delete(PlaceLabel).where(PlaceLabel.revision_id == revision.id))
    labels = [
        {
            "revision_id": revision.id,
            "place_id": ids[slug],
            "origin": LabelOrigin.SOURCE if evidence is None else LabelOrigin.CLASSIFIER,
            "evidence": [asdict(one) for one in evidence or ()],
        }
        for slug, evidence in places.items()
    ]
    if labels:
        session.execute(insert(PlaceLabel), labels)


def _follow(session: Session, revision: Revision, now: datetime) -> list[int]:
    """What an article's new labels mean: release what is held of it, or renew its feeds.

    Returns the notifications that may be released. An article that tells nobody (too old,
    commercial) or has been told already goes to the feeds at once. What came for one that staff
    keep withdrawn is not shown, not even by the notice that it was withdrawn.
    """
    is_newest = rows(
        session,
        update(Article)
        .where(Article.id == revision.article_id, Article.revision_id == revision.id)
        .where(Article.withheld_state.is_(None))
        .values(shown_revision_id=revision.id),
    )
    if not is_newest:
        return []
    article = session.get_one(Article, revision.article_id)
    held = session.execute(
        select(Notification.id, Notification.kind)
        .where(Notification.article_id == article.id)
        .where(Notification.state == NotificationState.HELD)
    ).all()
    is_new = any(kind == NotificationKind.NEW for _, kind in held)
    if not is_new and article.state == "published":
        stamp_feeds(session, article.id, now)
    return [notification_id for notification_id, _ in held]
