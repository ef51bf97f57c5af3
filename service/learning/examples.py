"""Examples: what the staff decided, and the archive, as training takes them.

Read row by row: a text is forgotten once its words are counted. What teaches little is bounded, so
that neither time nor memory grows with the archive of a city.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import Session

from service.classify import ArticleText, Classifier
from service.classify.train import Example
from service.models import (
    ArchiveText,
    Article,
    LabelOrigin,
    LabelState,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)

MOST = 20_000  # texts without labels, and as many archived ones with labels: the newest
STEP = 500  # rows read at a time


class Taught(NamedTuple):
    """Topics that somebody gave or refused, and those that most likely are not the text's.

    A topic that did not exist when the text was decided is neither.
    """

    labels: dict[str, bool]
    doubtful: frozenset[str]


@dataclass(frozen=True)
class Text:
    """A text with what it teaches, and when the staff first decided: later models may know it."""

    article: ArticleText
    taught: Taught
    decided_at: datetime | None = None


class Lesson(NamedTuple):
    """A text as training takes it; the date is missing where no staff decided about it."""

    example: Example
    decided_at: datetime | None


def count_decided(session: Session) -> int:
    """How many articles the staff have decided about; no text is read for this."""
    return session.scalar(select(func.count()).select_from(_decided_ids().subquery())) or 0


def texts(session: Session) -> Iterator[Text]:
    """What the staff decided, in that order; what was archived with labels; what has no labels."""
    topics = {topic.id: topic for topic in session.scalars(select(Topic))}
    yield from _decided(session, topics)
    yield from _archived(session, ArchiveText.topics.is_not(None), MOST, topics)
    left = MOST
    for text in _undecided(session):
        left -= 1
        yield text
    yield from _archived(session, ArchiveText.topics.is_(None), left, topics)


def lessons_of(
    found: Iterable[Text], classifier: Classifier, on_progress: Callable[[int], None]
) -> list[Lesson]:
    """Texts as training takes them, in their order.

    Of equal ones the first counts: an earlier model may know what it was decided to be.
    """
    seen: set[bytes] = set()
    lessons = []
    for number, text in enumerate(found, start=1):
        on_progress(number)
        digest = _digest(text.article)
        if digest in seen:
            continue
        seen.add(digest)
        signals = classifier.signals(text.article)
        # Each word once for all texts: without, 20,000 of them take half as much memory again.
        words = {sys.intern(key): weight for key, weight in signals.words.items()}
        example = Example(words, signals.seeds, *text.taught)
        lessons.append(Lesson(example, text.decided_at))
    return lessons


def _decided_ids() -> Select[int]:
    """Shown revisions with a word of the staff."""
    return (
        select(Revision.id)
        .join(Article, Article.id == Revision.article_id)
        .join(TopicLabel, TopicLabel.revision_id == Revision.id)
        .where(Article.shown_revision_id == Revision.id)
        .where(
            Revision.state == RevisionState.CLASSIFIED,
            literal_column("topic_label.origin = 'staff'"),
        )
        .distinct()
    )


def _decided(session: Session, topics: dict[int, Topic]) -> Iterator[Text]:
    labels = defaultdict(list)
    for label in session.execute(
        select(
            *(TopicLabel.revision_id, TopicLabel.topic_id),
            *(TopicLabel.state, TopicLabel.origin, TopicLabel.decided_at),
        ).where(TopicLabel.revision_id.in_(_decided_ids()))
    ):
        labels[label.revision_id].append(label)
    dates = {
        revision_id: min(one.decided_at for one in own if one.origin == LabelOrigin.STAFF)
        for revision_id, own in labels.items()
    }
    in_order = sorted(dates, key=lambda revision_id: (dates[revision_id], revision_id))
    for start in range(0, len(in_order), STEP):
        step = in_order[start : start + STEP]
        articles = {
            row.id: ArticleText(row.title, row.summary, row.body_text)
            for row in session.execute(
                select(Revision.id, Revision.title, Revision.summary, Revision.body_text).where(
                    Revision.id.in_(step)
                )
            )
        }
        for revision_id in step:
            taught = _taught(labels[revision_id], topics)
            yield Text(articles[revision_id], taught, dates[revision_id])


def _taught(own: Sequence[Any], topics: dict[int, Topic]) -> Taught:
    """Whoever decided saw what was published and what was asked; of these the undecided ones are
    unknown. All other topics could have been added and were not."""
    staff = [label for label in own if label.origin == LabelOrigin.STAFF]
    labels = {topics[one.topic_id].slug: one.state == LabelState.PUBLISHED for one in staff}
    asked = {topics[one.topic_id].slug for one in own if one.state != LabelState.DROPPED}
    there = _slugs(topics.values(), max(label.decided_at for label in staff))
    return Taught(labels, there - labels.keys() - asked)


def _slugs(topics: Iterable[Topic], at: datetime) -> frozenset[str]:
    """Topics that existed then; those without a date always did."""
    return frozenset(
        topic.slug for topic in topics if topic.created_at is None or topic.created_at <= at
    )


def _undecided(session: Session) -> Iterator[Text]:
    statement = (
        select(Revision.title, Revision.summary, Revision.body_text)
        .join(Article, Article.shown_revision_id == Revision.id)
        .where(Revision.state == RevisionState.CLASSIFIED, Revision.id.not_in(_decided_ids()))
        .order_by(Revision.id.desc())
        .limit(MOST)
    )
    for row in session.execute(statement.execution_options(yield_per=STEP)):
        yield Text(ArticleText(*row), Taught({}, frozenset()))


def _archived(
    session: Session, which: ColumnElement[bool], most: int, topics: dict[int, Topic]
) -> Iterator[Text]:
    statement = (
        select(
            *(ArchiveText.title, ArchiveText.summary),
            *(ArchiveText.body_text, ArchiveText.topics, ArchiveText.imported_at),
        )
        .where(which)
        .order_by(ArchiveText.published_at.desc().nulls_last(), ArchiveText.id.desc())
        .limit(most)
    )
    for row in session.execute(statement.execution_options(yield_per=STEP)):
        article = ArticleText(row.title, row.summary, row.body_text)
        yield Text(article, _given(row.topics, topics.values(), row.imported_at))


def _given(slugs: Sequence[str] | None, topics: Iterable[Topic], at: datetime) -> Taught:
    if slugs is None:
        return Taught({}, frozenset())
    return Taught(dict.fromkeys(slugs, True), _slugs(topics, at) - set(slugs))


def _digest(article: ArticleText) -> bytes:
    text = "\0".join((article.title, article.summary, article.body))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
