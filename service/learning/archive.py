"""The archive: old articles to learn from. It is read, never told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.classify import ArticleText
from service.classify.damage import damage_of
from service.db import Database
from service.learning.archive_file import ArchiveItem
from service.models import (
    ArchiveText,
    Article,
    LabelOrigin,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)

STEP = 500  # rows a transaction: a million must not hold a lock for minutes


@dataclass(frozen=True)
class Imported:
    """How many rows were added, were there already, or were left out because they are damaged."""

    added: int = 0
    known: int = 0
    damaged: int = 0


def import_archive(
    db: Database, items: Iterable[ArchiveItem], now: datetime, on_progress: Callable[[int], None]
) -> Imported:
    """Store what is not there yet, in steps; a second run of the same file adds nothing."""
    total = Imported()
    left = iter(items)
    while step := list(islice(left, STEP)):
        sound = [item for item in step if damage_of(item.title, item.summary, item.body) is None]
        added = _store(db, sound, now)
        total = Imported(
            total.added + added,
            total.known + len(sound) - added,
            total.damaged + len(step) - len(sound),
        )
        on_progress(len(step))
    return total


def _store(db: Database, items: Sequence[ArchiveItem], now: datetime) -> int:
    """In the order of their ids: two imports at once wait for each other in one direction."""
    if not items:
        return 0
    insert = sqlite.insert if db.is_sqlite else postgresql.insert
    values = [_row(item, now) for item in sorted(items, key=lambda item: item.id)]
    statement = insert(ArchiveText).values(values).on_conflict_do_nothing()
    with db.write() as session:
        return len(session.scalars(statement.returning(ArchiveText.id)).all())


def count_past_texts(session: Session) -> int:
    articles = (
        select(func.count())
        .select_from(Revision)
        .join(Article, Article.shown_revision_id == Revision.id)
    )
    classified = session.scalar(articles.where(Revision.state == RevisionState.CLASSIFIED))
    archived = session.scalar(select(func.count()).select_from(ArchiveText))
    return (classified or 0) + (archived or 0)


def decided_by_staff(session: Session) -> set[tuple[str, str]]:
    """Texts, named as `past_texts` does, with the topics that no change of terms gives or takes."""
    found = session.execute(
        select(Article.id, Topic.slug)
        .join(TopicLabel, TopicLabel.revision_id == Article.shown_revision_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.origin == LabelOrigin.STAFF)
    )
    return {(f"article {article_id}", slug) for article_id, slug in found}


def past_texts(session: Session) -> Iterator[tuple[str, ArticleText]]:
    """Every classified article (`article 7`) and archived text (`archive x`), oldest first."""
    articles = session.execute(
        select(
            *(Article.id, Revision.title, Revision.summary),
            *(Revision.body_text, Revision.sections, Revision.is_sound),
        )
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Revision.state == RevisionState.CLASSIFIED)
        .order_by(Article.id)
        .execution_options(yield_per=STEP)
    )
    for article_id, title, summary, body, sections, is_sound in articles:
        yield f"article {article_id}", ArticleText(title, summary, body, tuple(sections), is_sound)
    archived = session.execute(
        select(
            *(ArchiveText.external_id, ArchiveText.title),
            *(ArchiveText.summary, ArchiveText.body_text),
        )
        .order_by(ArchiveText.id)
        .execution_options(yield_per=STEP)
    )
    for external_id, title, summary, body in archived:
        yield f"archive {external_id}", ArticleText(title, summary, body)


def texts_between(
    session: Session, after: int, last: int, since: datetime, limit: int
) -> list[tuple[int, ArticleText]]:
    """Articles with ids in (after, last] that came since a moment, as classification takes them."""
    found = session.execute(
        select(
            *(Article.id, Revision.title, Revision.summary),
            *(Revision.body_text, Revision.sections, Revision.is_sound),
        )
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Article.id > after, Article.id <= last, Article.created_at >= since)
        .where(Revision.state == RevisionState.CLASSIFIED)
        .order_by(Article.id)
        .limit(limit)
    )
    return [
        (article_id, ArticleText(title, summary, body, tuple(sections), is_sound))
        for article_id, title, summary, body, sections, is_sound in found
    ]


def decided_among(session: Session, article_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Topics of these articles that staff decided about: no change of terms gives or takes them."""
    found = session.execute(
        select(Article.id, Topic.slug)
        .join(TopicLabel, TopicLabel.revision_id == Article.shown_revision_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(Article.id.in_(article_ids), TopicLabel.origin == LabelOrigin.STAFF)
    )
    return {(article_id, slug) for article_id, slug in found}


def _row(item: ArchiveItem, now: datetime) -> dict[str, Any]:
    return {
        "external_id": item.id,
        "title": item.title,
        "summary": item.summary,
        "body_text": item.body,
        "topics": item.topics,
        "published_at": item.published_at,
        "imported_at": now,
    }
