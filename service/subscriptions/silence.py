"""Subscriptions that can never fire, or did not, and why: somebody waits in vain.

Told apart (`CERTAINTY`): what cannot come as things are; what could, and did not within a time;
what comes in part only. A million rows are walked in ranges of destinations by their key, each
range one statement; topics and districts are looked at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.db import Database
from service.models import (
    Channel,
    ChatTarget,
    Destination,
    Frequency,
    Halt,
    HaltKind,
    HaltScope,
    LabelState,
    Place,
    PlaceLabel,
    Subscription,
    Suppression,
    Topic,
    TopicLabel,
)
from service.settings import Settings

STEP = 20_000  # destinations a statement
UNVERIFIED_AFTER = timedelta(days=30)
PAUSED_AFTER = timedelta(days=30)
BREAK_OVER = timedelta(days=365)
LOOK_BACK = timedelta(days=365)  # what did not occur in a year
HISTORY = timedelta(days=90)  # a shorter archive says nothing about what never occurs


class Silence(StrEnum):
    """Why a subscription cannot fire. The first one that is true is counted."""

    UNVERIFIED = "unverified"  # its address was never proved
    SUPPRESSED = "suppressed"  # its mailbox refuses mail, or called it spam
    SWITCHED_OFF = "off"  # its destination is paused without an end
    CHANNEL = "channel"  # its channel has been paused for a month
    CHAT_KIND = "kind"  # the settings no longer offer its kind of chat
    SCHEME = "scheme"  # nor its channel's kind of address: it is told still
    BREAK = "break"  # its reader's break ends in more than a year
    NO_DISTRICT = "district"  # of one district alone, which is switched off
    URGENT_ONLY = "urgent"  # a summary of urgent news alone: only what two of the staff let through
    NO_TERMS = "terms"  # its topic has neither terms nor sections, and no news ever had it
    NO_NEWS = "news"  # its topic did not occur in a year
    NO_PAIR = "pair"  # of its district alone: topic and district did not occur together


class Certainty(StrEnum):
    """How sure it is that nothing comes."""

    NEVER = "never"
    UNSEEN = "unseen"
    PARTLY = "partly"


CERTAINTY = dict.fromkeys(Silence, Certainty.NEVER) | {
    Silence.NO_NEWS: Certainty.UNSEEN,
    Silence.NO_PAIR: Certainty.UNSEEN,
    Silence.SCHEME: Certainty.PARTLY,
    Silence.URGENT_ONLY: Certainty.PARTLY,
}


@dataclass(frozen=True)
class Allowed:
    """What the settings offer: schemes of channels, and kinds of people's chats."""

    schemes: tuple[str, ...]
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> Allowed:
        return cls(settings.chat_schemes, tuple(settings.chat_offer.kinds))


@dataclass(frozen=True)
class Silences:
    """What is known of topics and districts when the subscriptions are counted."""

    allowed: Allowed
    places_off: frozenset[int]
    without_terms: frozenset[int]  # nor any news: staff or the model may have given them some
    topics: frozenset[int] | None  # that occurred; None: the archive is too young to say
    pairs: frozenset[tuple[int, int]]

    def count(
        self, session: Session, lower: int, upper: int, now: datetime
    ) -> Iterator[tuple[str, int]]:
        """Subscriptions of the destinations after `lower` up to `upper`: `reason:topic:place`."""
        found = session.execute(_query(self.allowed, lower, upper, now))
        for reason, topic, place, is_local, count in found:
            if reason is not None:
                yield f"{reason}::", count
            elif is_local and place in self.places_off:
                yield f"{Silence.NO_DISTRICT}::{place}", count
            elif topic is not None:
                key = self._of_topic(topic, place if is_local else None)
                if key:
                    yield key, count

    def _of_topic(self, topic: int, place: int | None) -> str:
        if topic in self.without_terms:
            return f"{Silence.NO_TERMS}:{topic}:"
        if self.topics is None:
            return ""
        if topic not in self.topics:
            return f"{Silence.NO_NEWS}:{topic}:"
        if place is not None and (topic, place) not in self.pairs:
            return f"{Silence.NO_PAIR}:{topic}:{place}"
        return ""


def silences(
    session: Session, allowed: Allowed, now: datetime, look_back: timedelta = LOOK_BACK
) -> Silences:
    """Look at the topics and districts, and at what occurred lately: in the last year."""
    places_off = frozenset(session.scalars(select(Place.id).where(Place.is_on.is_(False))))
    has_news = (
        select(TopicLabel.topic_id)
        .where(TopicLabel.topic_id == Topic.id, TopicLabel.state == LabelState.PUBLISHED)
        .exists()
    )
    topics = session.execute(select(Topic.id, Topic.terms, Topic.sections).where(~has_news)).all()
    empty = frozenset(id_ for id_, terms, sections in topics if not terms and not sections)
    oldest = session.scalar(select(func.min(TopicLabel.decided_at)))
    if oldest is None or oldest > now - min(HISTORY, look_back):
        return Silences(allowed, places_off, empty, None, frozenset())
    published = (TopicLabel.state == LabelState.PUBLISHED, TopicLabel.decided_at > now - look_back)
    occurred = session.scalars(select(TopicLabel.topic_id).where(*published).distinct())
    together = session.execute(
        select(TopicLabel.topic_id, PlaceLabel.place_id)
        .join(PlaceLabel, PlaceLabel.revision_id == TopicLabel.revision_id)
        .where(*published)
        .distinct()
    )
    pairs = frozenset((topic, place) for topic, place in together)
    return Silences(allowed, places_off, empty, frozenset(occurred), pairs)


def ranges(db: Database) -> Iterator[tuple[int, int]]:
    """Ranges of destinations by id, after the first up to the second, each of at most `STEP`."""
    lower = 0
    while True:
        some = (
            select(Destination.id)
            .where(Destination.id > lower)
            .order_by(Destination.id)
            .limit(STEP)
            .subquery()
        )
        with db.read() as session:
            upper = session.scalar(select(func.max(some.c.id)))
        if upper is None:
            return
        yield lower, upper
        lower = upper


def count_all(db: Database, allowed: Allowed, now: datetime, look_back: timedelta) -> Counter[str]:
    """Count all subscriptions now, range by range: `reason:topic:place`. No range holds up a
    writer."""
    with db.read() as session:
        known = silences(session, allowed, now, look_back)
    found: Counter[str] = Counter()
    for lower, upper in ranges(db):
        with db.read() as session:
            for key, count in known.count(session, lower, upper, now):
                found[key] += count
    return found


def _query(allowed: Allowed, lower: int, upper: int, now: datetime) -> Any:
    halted = select(Halt.object_id).where(
        Halt.scope == HaltScope.CHANNEL,
        Halt.kind == HaltKind.PAUSE,
        Halt.ended_at.is_(None),
        Halt.at < now - PAUSED_AFTER,
    )
    is_unverified = Destination.verified_at.is_(None)
    reason = case(
        (
            is_unverified & (Destination.created_at < now - UNVERIFIED_AFTER),
            Silence.UNVERIFIED.value,
        ),
        (Suppression.address_hash.is_not(None), Silence.SUPPRESSED.value),
        (Destination.is_paused, Silence.SWITCHED_OFF.value),
        (or_(Channel.is_paused, Destination.channel_id.in_(halted)), Silence.CHANNEL.value),
        (_is_none_of(ChatTarget.kind, allowed.kinds), Silence.CHAT_KIND.value),
        (_is_none_of(Channel.scheme, allowed.schemes), Silence.SCHEME.value),
        (Destination.paused_until > now + BREAK_OVER, Silence.BREAK.value),
        (
            Destination.is_urgent_only & (Subscription.frequency != Frequency.INSTANT),
            Silence.URGENT_ONLY.value,
        ),
        else_=null(),
    ).label("reason")
    known = (
        select(reason, Subscription.topic_id, Subscription.place_id, Subscription.is_local_only)
        .join(Destination, Destination.id == Subscription.destination_id)
        .outerjoin(ChatTarget, ChatTarget.destination_id == Destination.id)
        .outerjoin(Channel, Channel.id == Destination.channel_id)
        .outerjoin(Suppression, Suppression.address_hash == Destination.address_hash)
        .where(Subscription.ended_at.is_(None))
        .where(Subscription.destination_id.between(lower + 1, upper))
        .subquery()
    )
    key = (known.c.reason, known.c.topic_id, known.c.place_id, known.c.is_local_only)
    return select(*key, func.count()).group_by(*key)


def _is_none_of(column: InstrumentedAttribute[str], names: Sequence[str]) -> ColumnElement[bool]:
    """Where a row was joined: a null is not among an empty list, either."""
    return column.is_not(None) & column.not_in(names)
