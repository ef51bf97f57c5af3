"""The review queue: what the classifier would not decide alone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, zip_longest
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, true
from sqlalchemy.orm import Session, aliased

from service.classify.damage import damage_of
from service.models import (
    Article,
    ArticleState,
    LabelOrigin,
    LabelState,
    Revision,
    RevisionState,
    StoryLink,
    Topic,
    TopicLabel,
    WrongTopic,
    WrongTopicKind,
)
from service.models.wrong_topic import DOUBTED

UNSURE = 0.5  # the probability that says the least
SOUND_BY_NOW = "none by the rules of today"
OLD = timedelta(days=7)  # whoever asked for everything was told long since


class Question(StrEnum):
    """What is asked: is the text damaged, are readers right about a topic, do two articles tell the
    same event, what is it about, is it about this."""

    DAMAGED = "damaged"
    DOUBTED = "doubted"
    STORY = "story"
    NO_TOPIC = "no-topic"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class ReviewItem:
    """One question to the staff.

    `topic` is null where an article has no topic at all, where its text is damaged (`damage` then
    says how), or where it repeats another one, `other_id`, by the `likeness` of their words (0 to
    1). `readers` is how many of them called the topic wrong, or missed it. `seen` names the label
    as it was found: who decides by it is told if somebody else was faster.
    """

    question: Question

    article_id: int
    title: str
    published_at: datetime | None
    topic: str | None
    since: datetime
    score: float | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)
    seen: str = ""
    damage: str | None = None
    readers: int = 0
    is_missed: bool = False
    other_id: int | None = None
    other_title: str = ""
    likeness: float | None = None


def waiting(
    session: Session,
    now: datetime,
    limit: int,
    question: Question | None = None,
    topic_ids: Collection[int] = (),
) -> list[ReviewItem]:
    """What waits for the staff, in turns, so that no kind hides another: damaged texts, topics that
    readers doubt, likely repetitions, articles without a topic, and labels, the most uncertain
    first. One kind alone, where it is named; about some topics alone, where they are."""
    own: ColumnElement[bool] = Topic.id.in_(topic_ids) if topic_ids else true()
    kinds: dict[Question, Callable[[], list[ReviewItem]]] = {
        Question.DAMAGED: lambda: [] if topic_ids else _damaged(session, limit),
        Question.DOUBTED: lambda: _doubted(session, own, limit),
        Question.STORY: lambda: [] if topic_ids else _linked(session, now - OLD, limit),
        Question.NO_TOPIC: lambda: [] if topic_ids else _without_topic(session, now - OLD, limit),
        Question.UNCERTAIN: lambda: _uncertain(session, own, limit),
    }
    asked = [kinds[question]] if question else kinds.values()
    in_turns = chain.from_iterable(zip_longest(*(find() for find in asked)))
    return [item for item in in_turns if item is not None][:limit]


def seen_as(label: TopicLabel | None) -> str:
    """A label's state and who gave it, in one word; empty where there is none."""
    return "" if label is None else f"{label.state}-{label.origin}"


def _linked(session: Session, since: datetime, limit: int) -> list[ReviewItem]:
    """New links between articles that staff did not look at, the least alike first."""
    revision, earlier, text = aliased(Revision), aliased(Article), aliased(Revision)
    found = session.execute(
        select(StoryLink, Article, revision.title, text.title)
        .join(Article, Article.id == StoryLink.article_id)
        .join(revision, revision.id == Article.shown_revision_id)
        .join(earlier, earlier.id == StoryLink.earlier_id)
        .join(text, text.id == earlier.shown_revision_id)
        .where(StoryLink.linked_at > since, StoryLink.split_at.is_(None))
        .where(StoryLink.kept_at.is_(None))
        .where(Article.state == ArticleState.PUBLISHED, earlier.state == ArticleState.PUBLISHED)
        .order_by(StoryLink.linked_at.desc(), StoryLink.article_id, StoryLink.earlier_id)
        .limit(limit)
    ).all()
    items = [
        ReviewItem(
            *(Question.STORY, article.id, title, article.published_at, None, link.linked_at),
            other_id=link.earlier_id,
            other_title=other,
            likeness=float(link.evidence.get("value", 1)),
        )
        for link, article, title, other in found
    ]
    return sorted(items, key=lambda item: item.likeness or 0)


def _damaged(session: Session, limit: int) -> list[ReviewItem]:
    """Those whose newest text arrived damaged; the CMS must send it again."""
    found = session.execute(
        select(Article, Revision)
        .join_from(Revision, Article, Article.id == Revision.article_id)
        .where(Article.revision_id == Revision.id)
        .where(Revision.state == RevisionState.QUARANTINED)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(Revision.article_id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(
            *(Question.DAMAGED, article.id, revision.title, article.published_at, None),
            since=revision.created_at,
            damage=damage_of(revision.title, revision.summary, revision.body_text) or SOUND_BY_NOW,
        )
        for article, revision in found
    ]


def _uncertain(session: Session, own: ColumnElement[bool], limit: int) -> list[ReviewItem]:
    found = session.execute(
        select(Article, Revision.title, Topic.slug, TopicLabel)
        .join_from(TopicLabel, Revision, Revision.id == TopicLabel.revision_id)
        .join(Article, Article.id == Revision.article_id)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(Article.shown_revision_id == Revision.id)
        .where(TopicLabel.state == LabelState.REVIEW, own)
        .where(Article.state == ArticleState.PUBLISHED)
        .order_by(func.abs(TopicLabel.score - UNSURE), Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(
            *(Question.UNCERTAIN, article.id, title, article.published_at, slug),
            since=label.decided_at,
            score=label.score,
            evidence=list(label.evidence),
            seen=seen_as(label),
        )
        for article, title, slug, label in found
    ]


def doubts(session: Session, article_id: int, topic_id: int) -> bool:
    """True where enough readers miss a topic on an article's text of now, or call it wrong."""
    found = (
        select(WrongTopic.count)
        .join(Article, Article.shown_revision_id == WrongTopic.revision_id)
        .where(Article.id == article_id, WrongTopic.topic_id == topic_id)
        .where(DOUBTED)
    )
    return session.scalar(found.limit(1)) is not None


def _doubted(session: Session, own: ColumnElement[bool], limit: int) -> list[ReviewItem]:
    """Published topics that readers call wrong, and topics that they miss, by how many of them do;
    not where staff have decided."""
    is_missed = WrongTopic.kind == WrongTopicKind.MISSING
    is_published = func.coalesce(TopicLabel.state, "") == LabelState.PUBLISHED
    found = session.execute(
        select(Article, Revision.title, Topic.slug, WrongTopic, TopicLabel)
        .select_from(WrongTopic)
        .join(Revision, Revision.id == WrongTopic.revision_id)
        .join(Article, Article.id == Revision.article_id)
        .join(Topic, Topic.id == WrongTopic.topic_id)
        .outerjoin(
            TopicLabel,
            (TopicLabel.revision_id == Revision.id) & (TopicLabel.topic_id == Topic.id),
        )
        .where(DOUBTED, Article.state == ArticleState.PUBLISHED)
        .where(Article.shown_revision_id == Revision.id)
        .where(func.coalesce(TopicLabel.origin, "") != LabelOrigin.STAFF)
        .where(is_missed != is_published, own)
        .order_by(WrongTopic.count.desc(), Article.id.desc(), Topic.id)
        .limit(limit)
    )
    return [
        ReviewItem(
            *(Question.DOUBTED, article.id, title, article.published_at, slug),
            since=said.last_at,
            seen=seen_as(label),
            score=label.score if label else None,
            evidence=list(label.evidence) if label else [],
            readers=said.count,
            is_missed=said.kind == WrongTopicKind.MISSING,
        )
        for article, title, slug, said, label in found
    ]


def _without_topic(session: Session, since: datetime, limit: int) -> list[ReviewItem]:
    """New ones with neither a topic, nor a question about one, nor a word of the staff."""
    is_dealt_with = (
        select(literal(1))
        .where(TopicLabel.revision_id == Revision.id)
        .where((TopicLabel.state != LabelState.DROPPED) | (TopicLabel.origin == LabelOrigin.STAFF))
        .exists()
    )
    found = session.execute(
        select(Article, Revision.title)
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Revision.state == RevisionState.CLASSIFIED, ~is_dealt_with)
        .where(Article.state == ArticleState.PUBLISHED, Article.created_at > since)
        .where(func.coalesce(Article.published_at, Article.created_at) > since)
        .order_by(Article.created_at.desc(), Article.id.desc())
        .limit(limit)
    )
    return [
        ReviewItem(
            *(Question.NO_TOPIC, article.id, title, article.published_at, None),
            since=article.created_at,
        )
        for article, title in found
    ]
