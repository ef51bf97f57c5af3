"""Subscriptions that can never fire, and why: somebody waits for news that will not come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import case, func, null, or_, select
from sqlalchemy.orm import Session

from service.models import (
    Channel,
    Destination,
    Halt,
    HaltKind,
    HaltScope,
    LabelState,
    PlaceLabel,
    Subscription,
    Suppression,
    Topic,
    TopicLabel,
)

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
    BREAK = "break"  # its reader's break ends in more than a year
    NO_TERMS = "terms"  # its topic has neither terms nor sections
    NO_NEWS = "news"  # its topic did not occur in a year
    NO_PAIR = "pair"  # of its district alone: topic and district did not occur together


@dataclass(frozen=True)
class Silences:
    """What is known of topics and districts when the subscriptions are counted."""

    without_terms: frozenset[int]
    topics: frozenset[int] | None  # that occurred; None: the archive is too young to say
    pairs: frozenset[tuple[int, int]]

    def count(
        self, session: Session, lower: int, upper: int, now: datetime
    ) -> Iterator[tuple[str, int]]:
        """Subscriptions of the destinations after `lower` up to `upper`: `reason:topic:place`."""
        for reason, topic, place, is_local, count in session.execute(_query(lower, upper, now)):
            if reason is not None:
                yield f"{reason}::", count
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


def silences(session: Session, now: datetime) -> Silences:
    """Look at the topics, and at what occurred in the last year."""
    topics = session.execute(select(Topic.id, Topic.terms, Topic.sections)).all()
    empty = frozenset(id_ for id_, terms, sections in topics if not terms and not sections)
    oldest = session.scalar(select(func.min(TopicLabel.decided_at)))
    if oldest is None or oldest > now - HISTORY:
        return Silences(empty, None, frozenset())
    published = (TopicLabel.state == LabelState.PUBLISHED, TopicLabel.decided_at > now - LOOK_BACK)
    occurred = session.scalars(select(TopicLabel.topic_id).where(*published).distinct())
    together = session.execute(
        select(TopicLabel.topic_id, PlaceLabel.place_id)
        .join(PlaceLabel, PlaceLabel.revision_id == TopicLabel.revision_id)
        .where(*published)
        .distinct()
    )
    pairs = frozenset((topic, place) for topic, place in together)
    return Silences(empty, frozenset(occurred), pairs)


def _query(lower: int, upper: int, now: datetime) -> Any:
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
        (Destination.paused_until > now + BREAK_OVER, Silence.BREAK.value),
        else_=null(),
    ).label("reason")
    known = (
        select(reason, Subscription.topic_id, Subscription.place_id, Subscription.is_local_only)
        .join(Destination, Destination.id == Subscription.destination_id)
        .outerjoin(Channel, Channel.id == Destination.channel_id)
        .outerjoin(Suppression, Suppression.address_hash == Destination.address_hash)
        .where(Subscription.ended_at.is_(None))
        .where(Subscription.destination_id.between(lower + 1, upper))
        .subquery()
    )
    key = (known.c.reason, known.c.topic_id, known.c.place_id, known.c.is_local_only)
    return select(*key, func.count()).group_by(*key)
