"""Examples: what the staff decided, and the archive, as training takes them.

Read row by row: a text is forgotten once its words are counted. What teaches little is bounded, so
that neither time nor memory grows with the archive of a city.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
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


@dataclass(frozen=True)
class Text:
    """One text with its labels, and when the staff first decided: a later model may know it."""

    article: ArticleText
    labels: dict[str, bool]
    decided_at: datetime | None = None


class Lesson(NamedTuple):
    """A text as training takes it; the date is missing where no staff decided about it."""

    example: Example
    decided_at: datetime | None


def count_decided(session: Session) -> int:
    """How many articles the staff have decided about; no text is read for this."""
    return session.scalar(select(func.count()).select_from(_decided_ids().subquery())) or 0


def texts(session: Session) -> Iterator[Text]:
    """What the staff decided, latest first; what was archived with labels; what has no labels."""
    topics = dict(session.execute(select(Topic.id, Topic.slug)).all())
    yield from _decided(session, topics)
    yield from _archived(session, ArchiveText.topics.is_not(None), MOST, list(topics.values()))
    left = MOST
    for text in _undecided(session):
        left -= 1
        yield text
    yield from _archived(session, ArchiveText.topics.is_(None), left)


def lessons_of(
    found: Iterable[Text], classifier: Classifier, on_progress: Callable[[int], None]
) -> list[Lesson]:
    """Texts as training takes them, in their order; of equal ones the first counts."""
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
        example = Example(words, signals.seeds, text.labels)
        lessons.append(Lesson(example, text.decided_at))
    return lessons


def _decided_ids() -> Select[int]:
    """Shown revisions with a word of the staff."""
    return (
        select(Revision.id)
        .join(Article, Article.shown_revision_id == Revision.id)
        .join(TopicLabel, TopicLabel.revision_id == Revision.id)
        .where(Revision.state == RevisionState.CLASSIFIED, TopicLabel.origin == LabelOrigin.STAFF)
        .distinct()
    )


def _decided(session: Session, topics: dict[int, str]) -> Iterator[Text]:
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
    latest_first = sorted(dates, key=lambda revision_id: (dates[revision_id], revision_id))[::-1]
    for start in range(0, len(latest_first), STEP):
        step = latest_first[start : start + STEP]
        articles = {
            row.id: ArticleText(row.title, row.summary, row.body_text)
            for row in session.execute(
                select(Revision.id, Revision.title, Revision.summary, Revision.body_text).where(
                    Revision.id.in_(step)
                )
            )
        }
        for revision_id in step:
            own = _labels(labels[revision_id], topics)
            yield Text(articles[revision_id], own, dates[revision_id])


def _labels(own: Iterable[Any], topics: dict[int, str]) -> dict[str, bool]:
    """Yes and no of a reviewed article. Whoever decided about it saw what was published and what
    was asked; of these the undecided ones are unknown, and all other topics are no."""
    found = dict.fromkeys(topics.values(), False)
    for label in own:
        slug = topics[label.topic_id]
        if label.origin == LabelOrigin.STAFF:
            found[slug] = label.state == LabelState.PUBLISHED
        elif label.state != LabelState.DROPPED:
            del found[slug]
    return found


def _undecided(session: Session) -> Iterator[Text]:
    statement = (
        select(Revision.title, Revision.summary, Revision.body_text)
        .join(Article, Article.shown_revision_id == Revision.id)
        .where(Revision.state == RevisionState.CLASSIFIED, Revision.id.not_in(_decided_ids()))
        .order_by(Revision.id.desc())
        .limit(MOST)
    )
    for row in session.execute(statement.execution_options(yield_per=STEP)):
        yield Text(ArticleText(*row), {})


def _archived(
    session: Session, which: ColumnElement[bool], most: int, topics: Iterable[str] = ()
) -> Iterator[Text]:
    statement = (
        select(
            *(ArchiveText.title, ArchiveText.summary),
            *(ArchiveText.body_text, ArchiveText.topics),
        )
        .where(which)
        .order_by(ArchiveText.published_at.desc().nulls_last(), ArchiveText.id.desc())
        .limit(most)
    )
    for title, summary, body, given in session.execute(statement.execution_options(yield_per=STEP)):
        labels = {slug: slug in (given or ()) for slug in topics}
        yield Text(ArticleText(title, summary, body), labels)


def _digest(article: ArticleText) -> bytes:
    text = "\0".join((article.title, article.summary, article.body))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
