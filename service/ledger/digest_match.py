"""Whom a digest is for, and what it tells each: SQL statements per key range of destinations.

Every wish meets a small table of what each article is about; what a reader has heard of is
left out. Items come first, then one delivery for each reader who has any.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from sqlalchemy import ColumnElement, TextClause, bindparam, select, text
from sqlalchemy.orm import Session

from service.db import Moment, rows
from service.ledger.digest_articles import Candidate, candidates, shown
from service.ledger.match import STATE, Batching, Question
from service.ledger.told import still_hears
from service.models import (
    Article,
    DigestArticle,
    Notification,
    NotificationKind,
    NotificationState,
    Subscription,
)

TOLD = 20  # items of a letter; a link leads to the rest
ALL, WHOLE_CITY, EVERYWHERE = 0, 0, -1  # what stands for nulls, and an article without a place
_REASON = 1 << 44  # above any number of a subscription: a reason is the strength, then the number

_SQLITE = {
    "label": "SELECT value->>0 AS topic, value->>1 AS place, value->>2 AS article_id,"
    " value->>3 AS strength FROM json_each(:labels)",
    "item": "SELECT value->>0 AS article_id, value->>1 AS revision_id,"
    " value->>2 AS released_at, key AS position FROM json_each(:items)",
    "other": "SELECT value->>0 AS article_id, value->>1 AS notification_id FROM json_each(:others)",
    "earlier": "SELECT value->>0 AS article_id, value->>1 AS notification_id,"
    " value->>2 AS other_id FROM json_each(:earlier)",
}
_POSTGRESQL = {
    "label": "SELECT (v->>0)::bigint AS topic, (v->>1)::bigint AS place,"
    " (v->>2)::bigint AS article_id, (v->>3)::bigint AS strength"
    " FROM json_array_elements(CAST(:labels AS json)) AS v",
    "item": "SELECT (v->>0)::bigint AS article_id, (v->>1)::bigint AS revision_id,"
    " (v->>2)::timestamp AT TIME ZONE 'UTC' AS released_at, position"
    " FROM json_array_elements(CAST(:items AS json)) WITH ORDINALITY AS t(v, position)",
    "other": "SELECT (v->>0)::bigint AS article_id, (v->>1)::bigint AS notification_id"
    " FROM json_array_elements(CAST(:others AS json)) AS v",
    "earlier": "SELECT (v->>0)::bigint AS article_id, (v->>1)::bigint AS notification_id,"
    " (v->>2)::bigint AS other_id FROM json_array_elements(CAST(:earlier AS json)) AS v",
}
_ASKED = """
    SELECT s.id, s.destination_id, coalesce(s.topic_id, 0) AS topic,
           coalesce(s.place_id, 0) AS place, s.is_local_only
    FROM subscription s
    WHERE s.topic_id {topic} AND s.destination_id > :lower AND s.destination_id <= :upper
      AND s.ended_at IS NULL AND s.frequency = :frequency"""
# Who asks for another frequency by now, and is owed what came out before they changed. They are
# few, so they are found by when they changed; a plus keeps databases from other indexes.
_OWED = """
        UNION ALL
        SELECT s.destination_id, l.article_id, l.strength * {reason} + s.id
        FROM subscription s JOIN label l
          ON l.topic = coalesce(s.topic_id, 0)
         AND (l.place = coalesce(s.place_id, 0) OR l.place = -1 AND NOT s.is_local_only)
        JOIN item i ON i.article_id = l.article_id AND i.released_at < s.created_at
        WHERE s.changed_from = :frequency AND s.created_at > :oldest AND s.ended_at IS NULL
          AND +s.destination_id > :lower AND +s.destination_id <= :upper"""
_ANY_OWED = (
    select(Subscription.id)
    .where(Subscription.changed_from == bindparam("frequency"))
    .where(Subscription.created_at > bindparam("oldest"), Subscription.ended_at.is_(None))
    .limit(1)
)
# SQLite's driver counts the rows of a statement that begins with INSERT alone.
_ITEMS = """
    INSERT INTO digest_item
        (notification_id, destination_id, article_id, revision_id, subscription_id)
    WITH label AS MATERIALIZED ({label}), item AS MATERIALIZED ({item}),
    asked AS ({asked}),
    matched AS MATERIALIZED (
        SELECT destination_id, article_id, min(reason) AS reason FROM (
        SELECT a.destination_id, l.article_id, l.strength * {reason} + a.id AS reason
        FROM asked a JOIN label l
          ON l.topic = a.topic AND (l.place = a.place OR l.place = -1 AND NOT a.is_local_only)
        {owed}) AS met
        GROUP BY 1, 2){heard_of}
    SELECT :notification, m.destination_id, m.article_id, {revision}, m.reason % {reason}
    FROM matched m JOIN item i ON i.article_id = m.article_id
    JOIN destination d ON d.id = m.destination_id
    {not_heard}
    WHERE d.verified_at IS NOT NULL AND (d.kind = 'email' OR d.channel_id IS NOT NULL)
      AND NOT d.is_urgent_only
      AND (d.paused_from IS NULL OR i.released_at < d.paused_from
           OR i.released_at >= d.paused_until){heard_not}"""
_TOP = f"""CASE WHEN row_number() OVER (PARTITION BY m.destination_id ORDER BY i.position)
                     <= {TOLD} THEN i.revision_id END"""
_HEARD = f""",
    other AS ({{other}}), earlier AS ({{earlier}}),
    heard AS MATERIALIZED (
        SELECT o.destination_id, x.article_id
        FROM other x JOIN notification e ON e.id = x.notification_id
        JOIN delivery o ON o.notification_id = x.notification_id
         AND o.destination_id > :lower AND o.destination_id <= :upper
        WHERE {still_hears("e.article_id")}
        UNION
        SELECT o.destination_id, y.article_id
        FROM earlier y JOIN notification e ON e.id = y.notification_id
        JOIN digest_item t ON t.notification_id = y.notification_id
         AND t.destination_id > :lower AND t.destination_id <= :upper
         AND t.article_id = y.other_id AND t.revision_id IS NOT NULL
        JOIN delivery o ON o.notification_id = t.notification_id
         AND o.destination_id = t.destination_id
        WHERE {still_hears("y.other_id")})"""  # noqa: S608
_NOT_HEARD = """LEFT JOIN heard h
      ON h.destination_id = m.destination_id AND h.article_id = m.article_id"""

# Of one story the most important article alone.
_ONE_OF_A_STORY = text("""
    DELETE FROM digest_item
    WHERE notification_id = :notification AND destination_id > :lower AND destination_id <= :upper
      AND article_id = :lesser AND EXISTS (
          SELECT 1 FROM digest_item b
          WHERE b.notification_id = :notification
            AND b.destination_id = digest_item.destination_id AND b.article_id = :article)
""")
_DELIVERIES = """
    INSERT INTO delivery
        (notification_id, destination_id, state, batch_id, subscription_id, attempts)
    SELECT :notification, d.id, {state}, {batch}, m.subscription_id, 0
    FROM (SELECT destination_id, min(subscription_id) AS subscription_id FROM digest_item
          WHERE notification_id = :notification
            AND destination_id > :lower AND destination_id <= :upper
          GROUP BY destination_id) AS m
    JOIN destination d ON d.id = m.destination_id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN suppression x ON x.address_hash = d.address_hash"""


@dataclass(frozen=True)
class Issue:
    """What one digest is planned by: its articles now, and what else told of their stories."""

    notification_id: int
    frequency: str
    articles: Sequence[Candidate]
    others: Sequence[tuple[int, int]]  # an article, and a `new` notification of its story
    earlier: Sequence[tuple[int, int, int]]  # an article, a digest, and an article of its story
    owes: bool  # to some who ask for another frequency by now

    @cached_property
    def topics(self) -> list[int]:
        return sorted({topic for one in self.articles for topic in one.topics})

    @cached_property
    def question(self) -> Question:
        """What is asked of the subscriptions, as ranges are cut by it."""
        return Question([*self.topics, None], ())

    @cached_property
    def oldest(self) -> datetime:
        """When the first of the articles came out."""
        return min(one.released_at for one in self.articles)

    @cached_property
    def values(self) -> dict[str, object]:
        """The tables that the statements read, as JSON."""
        return {
            "frequency": self.frequency,
            "labels": json.dumps([label for one in self.articles for label in _labels(one)]),
            "items": json.dumps([_item(one) for one in self.articles]),
            "others": json.dumps(self.others),
            "earlier": json.dumps(self.earlier),
        }

    @property
    def doubles(self) -> list[tuple[int, int]]:
        """Pairs of articles of one story: the more important one, and the other."""
        pairs = []
        for n, one in enumerate(self.articles):
            for other in self.articles[n + 1 :]:
                if one.story_id is not None and one.story_id == other.story_id:
                    pairs.append((one.article_id, other.article_id))
        return pairs


def issue(session: Session, notification: Notification) -> Issue:
    """Read what a digest is planned by at this moment."""
    articles = candidates(session, shown(session, notification.id))
    frequency = str(notification.payload["frequency"])
    return Issue(
        notification.id,
        frequency,
        articles,
        _others(session, articles),
        _earlier(session, notification.id, articles),
        bool(articles) and _owes(session, frequency, articles),
    )


def plan(
    session: Session, edition: Issue, lower: int, upper: int, batching: Batching
) -> tuple[int, int]:
    """Plan the readers of a key range; returns how many there are, and how many items."""
    keys = {"notification": edition.notification_id, "lower": lower, "upper": upper}
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    topics: dict[str, object] = {"topics": edition.topics} if edition.topics else {}
    if edition.owes:
        topics["oldest"] = edition.oldest
    insert = _items(
        is_sqlite,
        edition.owes,
        bool(edition.topics),
        bool(edition.others or edition.earlier),
        len(edition.articles) > TOLD,
    )
    items = rows(session, insert, **keys, **edition.values, **topics)
    for article_id, lesser in edition.doubles:
        session.execute(_ONE_OF_A_STORY, {**keys, "article": article_id, "lesser": lesser})
    deliveries = text(_DELIVERIES.format(state=STATE, batch=batching.sql))
    return rows(session, deliveries, **keys, **batching.values), items


@lru_cache(maxsize=32)
def _items(
    is_sqlite: bool, owes: bool, has_topics: bool, is_heard_of: bool, is_long: bool
) -> TextClause:
    tables = _SQLITE if is_sqlite else _POSTGRESQL
    wishes = ["IN :topics"] * has_topics + ["IS NULL"]
    statement = text(
        _ITEMS.format(
            **{"label": tables["label"], "item": tables["item"], "reason": _REASON},
            asked=" UNION ALL ".join(_ASKED.format(topic=topic) for topic in wishes),
            owed=_OWED.format(reason=_REASON) if owes else "",
            revision=_TOP if is_long else "i.revision_id",
            heard_of=_HEARD.format(**tables) if is_heard_of else "",
            not_heard=_NOT_HEARD if is_heard_of else "",
            heard_not=" AND h.destination_id IS NULL" if is_heard_of else "",
        )
    )
    if owes:
        statement = statement.bindparams(bindparam("oldest", type_=Moment()))
    return statement.bindparams(bindparam("topics", expanding=True)) if has_topics else statement


def _owes(session: Session, frequency: str, articles: Sequence[Candidate]) -> bool:
    oldest = min(one.released_at for one in articles)
    return session.scalar(_ANY_OWED, {"frequency": frequency, "oldest": oldest}) is not None


def _item(one: Candidate) -> tuple[int, int, str]:
    """As the table of articles has it; the moment as SQLite writes them."""
    released_at = one.released_at.astimezone(UTC).replace(tzinfo=None)
    return one.article_id, one.revision_id, released_at.isoformat(" ", "microseconds")


def _labels(one: Candidate) -> list[tuple[int, int, int, int]]:
    """Each pair of topic and place by which somebody asks for an article, with its strength."""
    topics = [(ALL, 0), *((topic, strength) for strength, topic in enumerate(one.topics))]
    places = [WHOLE_CITY, *sorted(one.places)] if one.places else [EVERYWHERE]
    return [
        (topic, place, one.article_id, strength) for topic, strength in topics for place in places
    ]


def _others(session: Session, articles: Sequence[Candidate]) -> list[tuple[int, int]]:
    """The `new` notifications of each article's story, its own among them."""
    found = session.execute(
        select(Notification.id, Article.id, Article.story_id)
        .join(Article, Article.id == Notification.article_id)
        .where(Notification.kind == NotificationKind.NEW, Notification.planned > 0)
        .where(Notification.state != NotificationState.CANCELLED)
        .where(_tells_of(articles))
        .order_by(Notification.id)
    ).all()
    return [
        (one.article_id, row[0]) for one in articles for row in found if _is_of(one, row[1], row[2])
    ]


def _earlier(
    session: Session, notification_id: int, articles: Sequence[Candidate]
) -> list[tuple[int, int, int]]:
    """Other digests and summaries that may have told an article of the same story."""
    found = session.execute(
        select(DigestArticle.notification_id, Article.id, Article.story_id)
        .join(Article, Article.id == DigestArticle.article_id)
        .where(DigestArticle.notification_id != notification_id, _tells_of(articles))
        .order_by(DigestArticle.notification_id)
    ).all()
    return [
        (one.article_id, row[0], row[1])
        for one in articles
        for row in found
        if _is_of(one, row[1], row[2])
    ]


def _tells_of(articles: Sequence[Candidate]) -> ColumnElement[bool]:
    stories = [one.story_id for one in articles if one.story_id is not None]
    return Article.id.in_([one.article_id for one in articles]) | Article.story_id.in_(stories)


def _is_of(one: Candidate, article_id: int, story_id: int | None) -> bool:
    return article_id == one.article_id or (story_id is not None and story_id == one.story_id)
