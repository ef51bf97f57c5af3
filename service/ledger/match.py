"""Matching: which destinations asked for an article, as one SQL statement per key range.

Both sides run on an index: subscriptions by `ix_subscription_match`, topic by topic, so that a
range costs what it matches and not what the city has; destinations by their key. A destination
that may not be told now is planned as suppressed, so that the city can say why it heard nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sqlalchemy import Select, TextClause, bindparam, select, text
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.told import HEARD_IN_DIGEST, HEARS
from service.models import (
    Article,
    DigestArticle,
    LabelState,
    Notification,
    NotificationKind,
    PlaceLabel,
    TopicLabel,
)

STATE = """CASE WHEN x.address_hash IS NOT NULL OR d.is_paused OR coalesce(c.is_paused, false)
                THEN 5 ELSE 0 END"""
# A destination that asked twice is one delivery. SQLite leaves that to the key, which it looks at
# anyway; PostgreSQL pays half of the insert for a conflict that is allowed, and little for groups.
_ASKED = """
    SELECT s.id AS subscription_id, s.destination_id FROM subscription s
    WHERE s.topic_id {topic} AND s.destination_id > :lower AND s.destination_id <= :upper
      AND s.ended_at IS NULL{frequency}{place}"""
_ONCE = (
    "SELECT min(subscription_id) AS subscription_id, destination_id FROM ({asked}) AS a GROUP BY 2"
)
_WHO = """
    FROM ({asked}) AS m
    JOIN destination d ON d.id = m.destination_id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
    WHERE d.id > :lower AND d.id <= :upper AND d.verified_at IS NOT NULL"""
_NEW_IN_STORY = f"""
      AND NOT EXISTS (
          SELECT 1 FROM notification e
          JOIN delivery o ON o.notification_id = e.id AND o.destination_id = d.id
          WHERE e.id IN :others AND {HEARS})"""  # noqa: S608
_NOT_URGENT_ONLY = " AND NOT d.is_urgent_only"
_NOT_IN_DIGEST = f" AND NOT EXISTS ({HEARD_IN_DIGEST})"
_STREAM = """SELECT destination_id FROM subscription
    WHERE topic_id {topic} AND ended_at IS NULL AND destination_id > :lower
    ORDER BY destination_id"""
_LAST, _NTH = f"{_STREAM} DESC LIMIT 1", f"{_STREAM} LIMIT 1 OFFSET :skip"
_ANY = text("""
    SELECT 1 FROM delivery WHERE notification_id = :notification
      AND destination_id > :lower AND destination_id <= :upper LIMIT 1
""")
_INSERT = """
    INSERT INTO delivery
        (notification_id, destination_id, state, batch_id, subscription_id, attempts)
    SELECT :notification, d.id, {state}, {batch}, m.subscription_id, 0"""
_COUNT = """
    SELECT coalesce(sum(CASE WHEN state = 0 THEN 1 ELSE 0 END), 0)
    FROM (SELECT {state} AS state {who}) AS matched"""


@dataclass(frozen=True)
class Batching:
    """The SQL of the batch that a destination `d` goes into, with its values."""

    sql: str = "NULL"
    values: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is asked of the subscriptions; a null topic asks for everything."""

    topics: Sequence[int | None]
    places: Sequence[int]  # none: the whole city
    others: Sequence[int] = ()  # whoever hears of the story by one of these is left out,
    digests: Sequence[int] = ()  # or by one of these,
    tellings: Sequence[int] = ()  # where it tells one of these articles
    breaks: bool = False  # to those too who asked for digests
    is_urgent: bool = False  # to those too who hear of nothing else

    @property
    def lists(self) -> dict[str, list[int]]:
        """The values of the SQL: those lists alone that have any."""
        topics = [topic for topic in self.topics if topic is not None]
        lists = {
            "topics": topics,
            "places": self.places,
            "others": self.others,
            "digests": self.digests,
            "tellings": self.tellings,
        }
        return {name: list(ids) for name, ids in lists.items() if ids}

    def asked(self, *, is_once: bool) -> str:
        """The SQL of all subscriptions that ask, or of one for each destination."""
        frequency = "" if self.breaks else " AND s.frequency = 'instant'"
        place = (
            " AND (s.place_id IS NULL OR s.place_id IN :places)"
            if self.places
            else " AND NOT s.is_local_only"
        )
        topics = ["IN :topics"] * ("topics" in self.lists) + ["IS NULL"] * (None in self.topics)
        asked = " UNION ALL ".join(
            _ASKED.format(topic=topic, frequency=frequency, place=place) for topic in topics
        )
        return _ONCE.format(asked=asked) if is_once else asked

    def who(self, *, is_once: bool) -> str:
        """The SQL from FROM on: whoever is to be told."""
        story = _NEW_IN_STORY if self.others else ""
        digest = _NOT_IN_DIGEST if self.digests else ""
        urgent = "" if self.is_urgent else _NOT_URGENT_ONLY
        return _WHO.format(asked=self.asked(is_once=is_once)) + urgent + story + digest

    def may_be_told(self) -> str:
        """The SQL of those who ask and may be told now: id, kind, lane, and the reason of today."""
        who = self.who(is_once=True)
        return f"SELECT d.id, d.kind, d.lane, m.subscription_id {who} AND {STATE} = 0"


def question(session: Session, notification: Notification, article: Article) -> Question:
    """What planning a notification asks, read from the article's labels."""
    revision_id = article.shown_revision_id
    topics = (
        select(TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision_id, TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.topic_id)
    )
    places = select(PlaceLabel.place_id).where(PlaceLabel.revision_id == revision_id)
    return Question(
        [*session.scalars(topics), None],
        session.scalars(places.order_by(PlaceLabel.place_id)).all(),
        session.scalars(_others(article.story_id, article.id)).all(),
        *_digests(session, article.story_id, article.id),
        breaks=notification.breaks_at is not None,
        is_urgent=notification.is_urgent,
    )


def was_told_long_ago(session: Session, story_id: int | None, article_id: int) -> bool:
    """True where the ledger no longer knows who was told another article of the story.

    Stories are of articles published within three days, so this one is old news: it tells nobody
    rather than somebody twice.
    """
    others = _others(story_id, article_id)
    forgotten = others.where(Notification.archived_at.is_not(None), Notification.planned > 0)
    return session.scalar(forgotten.limit(1)) is not None


def next_range(
    session: Session, asked: Question, lower: int, size: int
) -> tuple[int, Question] | None:
    """The last destination of a range of at most `size` subscriptions, and what is asked from
    there on: a topic that nobody is left of is left out. Null: nobody is left at all.

    Each look is one step into the index, or a walk along `size` of its entries.
    """
    lasts = _of_each(session, asked, _LAST, lower=lower)
    if not lasts:
        return None
    asked = replace(asked, topics=list(lasts))
    nths = _of_each(session, asked, _NTH, lower=lower, skip=max(size // len(lasts), 1) - 1)
    return min(nths.values(), default=max(lasts.values())), asked


def plan(
    session: Session, notification_id: int, asked: Question, lower: int, upper: int, batch: Batching
) -> int:
    """Plan the destinations of a key range that asked for an article; returns how many."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    keys = {"notification": notification_id, "lower": lower, "upper": upper}
    # A range that nobody has planned only the holder of the cursor can plan.
    may_conflict = is_sqlite or session.execute(_ANY, keys).first() is not None
    insert = statement(
        _INSERT.format(state=STATE, batch=batch.sql)
        + asked.who(is_once=not is_sqlite)
        + (" ON CONFLICT DO NOTHING" if may_conflict else ""),
        tuple(asked.lists),
    )
    return rows(session, insert, **keys, **asked.lists, **batch.values)


def count_told(
    session: Session,
    topic_ids: list[int],
    place_ids: list[int],
    story_id: int,
    article_id: int,
    *,
    is_urgent: bool = False,
) -> int:
    """How many would be sent a notification with these labels, were it planned now."""
    if was_told_long_ago(session, story_id, article_id):
        return 0
    others = session.scalars(_others(story_id, article_id)).all()
    digests = _digests(session, story_id, article_id)
    asked = Question([*topic_ids, None], place_ids, others, *digests, is_urgent=is_urgent)
    count = statement(_COUNT.format(state=STATE, who=asked.who(is_once=True)), tuple(asked.lists))
    values = {"lower": 0, "upper": 2**62, **asked.lists}
    return int(session.execute(count, values).scalar_one())


def _others(story_id: int | None, article_id: int) -> Select[int]:
    """The `new` notifications of the other articles of a story; nearly always none."""
    return (
        select(Notification.id)
        .join(Article, Article.id == Notification.article_id)
        .where(Article.story_id == story_id, Article.id != article_id)
        .where(Notification.kind == NotificationKind.NEW)
        .order_by(Notification.id)
    )


def _digests(
    session: Session, story_id: int | None, article_id: int
) -> tuple[list[int], list[int]]:
    """The digests that may have told an article of a story, and these articles; for news that
    just came there are none."""
    is_of_story = Article.id == article_id
    if story_id is not None:
        is_of_story |= Article.story_id == story_id
    found = session.execute(
        select(DigestArticle.notification_id, DigestArticle.article_id)
        .join(Article, Article.id == DigestArticle.article_id)
        .where(is_of_story)
    ).all()
    return (
        sorted({row.notification_id for row in found}),
        sorted({row.article_id for row in found}),
    )


def _of_each(session: Session, asked: Question, sql: str, **values: int) -> dict[int | None, int]:
    """The answer for each topic that has one."""
    names = [f"topic_{n}" for n in range(len(asked.topics))]
    each = [
        f"({sql.format(topic='IS NULL' if topic is None else f'= :{name}')})"
        for name, topic in zip(names, asked.topics, strict=True)
    ]
    values |= {n: t for n, t in zip(names, asked.topics, strict=True) if t is not None}
    answers = session.execute(statement(f"SELECT {', '.join(each)}"), values).one()
    found = zip(asked.topics, answers, strict=True)
    return {topic: int(answer) for topic, answer in found if answer is not None}


@lru_cache(maxsize=256)
def statement(sql: str, lists: tuple[str, ...] = ()) -> TextClause:
    """A statement in which each of these names stands for a list that has values."""
    return text(sql).bindparams(*(bindparam(name, expanding=True) for name in lists))
