"""Stopping and going on as staff ask for it: what they mean, how much it meets, and doing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from service.ledger import halts
from service.ledger.lanes import number_of
from service.models import (
    Article,
    Batch,
    Channel,
    DestinationKind,
    Halt,
    HaltScope,
    LabelState,
    MailLane,
    Notification,
    Topic,
    TopicLabel,
)

MOST = 1_000  # batches that are counted
OPEN = text("batch.state < 2")  # the words of `ix_batch_open`


class TargetError(ValueError):
    """There is no such thing to pause; the text says so."""


@dataclass(frozen=True)
class Target:
    """What is paused, resumed or cancelled. `name` is its own: a slug, a name, or a number."""

    scope: HaltScope
    object_id: int = 0
    name: str = ""

    @property
    def lane(self) -> str:
        """The mail lane; empty where it is about something else."""
        return self.name if self.scope == HaltScope.LANE else ""

    @property
    def detail(self) -> dict[str, str]:
        """What the log of acts says of it beside its number."""
        lane = {"lane": self.lane} if self.lane else {}
        return {"scope": self.scope.value, **lane}


@dataclass(frozen=True)
class Met:
    """How many open batches of up to a thousand deliveries something meets, at most."""

    batches: int
    is_more: bool


def target(session: Session, scope: HaltScope, of: str = "") -> Target:
    """Look up what is meant: an article by its number, a topic by its slug, a live channel by its
    name or number, a mail lane by its name.

    Raises:
        TargetError: there is no such thing.
    """
    if scope == HaltScope.ALL:
        return Target(scope)
    number = int(of) if of.isascii() and of.isdigit() and len(of) < 19 else 0
    found: Target | None = None
    if scope == HaltScope.ARTICLE and session.get(Article, number) is not None:
        found = Target(scope, number, str(number))
    elif scope == HaltScope.TOPIC:
        topic = session.scalar(select(Topic).where(Topic.slug == of))
        found = Target(scope, topic.id, topic.slug) if topic else None
    elif scope == HaltScope.CHANNEL:
        live = select(Channel).where(Channel.removed_at.is_(None))
        channel = session.scalar(live.where(Channel.name == of))
        if channel is None:
            channel = session.scalar(live.where(Channel.id == number))
        found = Target(scope, channel.id, channel.name) if channel else None
    elif scope == HaltScope.LANE and of in lanes(session):
        found = Target(scope, number_of(of), of)
    if found is None:
        raise TargetError(f"There is no {scope.value} {of[:64]!r}.")
    return found


def target_of(session: Session, halt: Halt) -> Target:
    """What a pause is about, with its name of today."""
    scope, number = HaltScope(halt.scope), halt.object_id
    if scope == HaltScope.LANE:
        return Target(scope, number, halt.lane)
    if scope == HaltScope.TOPIC:
        return Target(scope, number, session.get_one(Topic, number).slug)
    if scope == HaltScope.CHANNEL:
        return Target(scope, number, session.get_one(Channel, number).name)
    return Target(scope, number, str(number) if number else "")


def lanes(session: Session) -> list[str]:
    """The mail lanes that there are: those that mail went to. Single domains that closed
    themselves have a row too, but no batches of their own."""
    domains = MailLane.name.contains(".")
    query = select(MailLane.name).where(~domains).order_by(MailLane.name).limit(100)
    return sorted({"other", *session.scalars(query)})


def met(session: Session, target: Target) -> Met:
    """Count what waits to be sent and would be met: open batches, a walk along their index."""
    query = select(Batch.id).where(OPEN)
    if target.scope == HaltScope.ARTICLE:
        own = select(Notification.id).where(Notification.article_id == target.object_id)
        query = query.where(Batch.notification_id.in_(own))
    elif target.scope == HaltScope.TOPIC:
        query = query.where(Batch.notification_id.in_(_about(target.object_id)))
    elif target.scope == HaltScope.CHANNEL:
        query = query.where(Batch.kind == DestinationKind.CHAT)
    elif target.scope == HaltScope.LANE:
        query = query.where(Batch.lane == target.lane, Batch.kind == DestinationKind.EMAIL)
    counted = select(func.count()).select_from(query.limit(MOST + 1).subquery())
    count = session.scalar(counted) or 0
    return Met(min(count, MOST), count > MOST)


def pause(
    session: Session, target: Target, reason: str, staff_id: int | None, now: datetime
) -> bool:
    """Let what is unsent wait from the next slice on; False where it was paused already."""
    return halts.pause(
        session, target.scope, target.object_id, reason, staff_id, now, lane=target.lane
    )


def resume(session: Session, target: Target, now: datetime) -> bool:
    """End a pause; True for the call that did it. Call `hold.free_held` after the commit."""
    return halts.resume(session, target.scope, target.object_id, now)


def _about(topic_id: int) -> Select[int]:
    """Unfinished notifications about articles of a topic."""
    return (
        select(Notification.id)
        .join(Article, Article.id == Notification.article_id)
        .join(TopicLabel, TopicLabel.revision_id == Article.shown_revision_id)
        .where(text("notification.state NOT IN ('done', 'cancelled')"))
        .where(TopicLabel.topic_id == topic_id, TopicLabel.state == LabelState.PUBLISHED)
    )
