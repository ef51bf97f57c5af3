"""What each topic sends: its newest headlines and how many articles a week, so that nobody has to
subscribe to find out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import Article, ArticleState, LabelState, Revision, TopicLabel

LOOK_BACK = timedelta(weeks=4)
MOST_ARTICLES = 2000  # a step down an index each, however many there are
HEADLINES = 2
KEPT_S = 60.0  # as long as caches keep the front page
WEEK = timedelta(weeks=1)
EXTENSION = "tellal.topic_facts"  # the application's name for them


@dataclass(frozen=True)
class Headline:
    title: str
    language: str


@dataclass(frozen=True)
class Facts:
    """Of one topic. `per_week` is rounded; 0 says less than one in two weeks."""

    headlines: tuple[Headline, ...]
    per_week: int


class TopicFacts:
    """Counts at most once in `KEPT_S` seconds in a process; thread-safe, for it replaces whole."""

    def __init__(self) -> None:
        self._kept: tuple[float, dict[int, Facts]] | None = None

    def of(self, session: Session) -> dict[int, Facts]:
        """The facts by topic; a topic that had no news in four weeks has none."""
        kept = self._kept
        if kept is None or time.monotonic() >= kept[0]:
            kept = self._kept = time.monotonic() + KEPT_S, topic_facts(session, utcnow())
        return kept[1]


def facts(session: Session) -> dict[int, Facts]:
    """What this application says of each topic, on all of its pages."""
    kept: TopicFacts = current_app.extensions.setdefault(EXTENSION, TopicFacts())
    return kept.of(session)


def topic_facts(session: Session, now: datetime) -> dict[int, Facts]:
    """Read them, in two bounded queries.

    Where the city has more news than are looked at, or has been here for less than four weeks, the
    mean is that of the time which they cover, and of a week at least.
    """
    recent = (
        select(Article.shown_revision_id, Article.published_at)
        .where(Article.state == ArticleState.PUBLISHED, Article.published_at > now - LOOK_BACK)
        .where(Article.published_at <= now, Article.feed_seq.is_not(None))
        .order_by(Article.published_at.desc())
        .limit(MOST_ARTICLES)
        .subquery()
    )
    labels = session.execute(
        select(TopicLabel.topic_id, TopicLabel.revision_id, recent.c.published_at)
        .join(recent, recent.c.shown_revision_id == TopicLabel.revision_id)
        .where(TopicLabel.state == LabelState.PUBLISHED)
        .order_by(recent.c.published_at.desc(), TopicLabel.revision_id.desc())
    ).all()
    if not labels:
        return {}
    weeks = max((now - labels[-1].published_at) / WEEK, 1.0)
    counts = Counter(row.topic_id for row in labels)
    newest = _newest(labels)
    titles = _titles(session, {number for numbers in newest.values() for number in numbers})
    return {
        topic_id: Facts(
            headlines=tuple(titles[number] for number in newest[topic_id]),
            per_week=round(count / weeks),
        )
        for topic_id, count in counts.items()
    }


def _newest(labels: Sequence[Row[int, int, datetime]]) -> dict[int, list[int]]:
    """The first few revisions of each topic."""
    found: dict[int, list[int]] = {}
    for topic_id, revision_id, _ in labels:
        numbers = found.setdefault(topic_id, [])
        if len(numbers) < HEADLINES:
            numbers.append(revision_id)
    return found


def _titles(session: Session, revision_ids: set[int]) -> dict[int, Headline]:
    rows = session.execute(
        select(Revision.id, Revision.title, Revision.language).where(Revision.id.in_(revision_ids))
    )
    return {number: Headline(title, language) for number, title, language in rows}
