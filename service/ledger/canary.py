"""Canaries: what each should have heard, what proves that it did, and the alarm where nothing does.

An article's telling is proved by what somebody outside would see: the letter in the city's own
mailbox, the acceptance of the chat service, the entry in the public feed. One that is not proved
within the limit is missed, once, by a compare-and-set: of two that look at the same moment one
raises the alarm, in the transaction that notes the miss.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, exists, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from service.db import rows
from service.ledger.alarms import clear_alarm, raise_alarm
from service.ledger.halts import halts_of
from service.models import (
    Alarm,
    AlarmKind,
    Article,
    ArticleState,
    Canary,
    CanaryKind,
    CanaryProof,
    Delivery,
    DeliveryState,
    Destination,
    Halt,
    HaltKind,
    HaltScope,
    Notification,
    NotificationKind,
    NotificationState,
)

WINDOW = timedelta(hours=24)  # what is older is no longer looked for
WAITED = timedelta(days=7)  # before its release; of what waited longer no alarm is raised
MOST = 5_000  # articles that a look goes back, whatever came in
NUMBER = {CanaryKind.EMAIL: 1, CanaryKind.CHAT: 2, CanaryKind.FEED: 3}  # of its alarm
# In its own words, so that an article's comes off `uq_notification_new_article`.
_IS_LIVE_NEW = text("notification.kind = 'new' AND notification.state <> 'cancelled'")


@dataclass(frozen=True)
class Expected:
    """An article whose telling is not proved yet. `waits_since`: its release, or the end of a pause
    of everything that came after it."""

    notification_id: int
    article_id: int
    released_at: datetime
    created_at: datetime
    waits_since: datetime


def expected(session: Session, canary: Canary, now: datetime) -> list[Expected]:
    """The articles of the last day that a canary should hear of, without those that are settled.

    Not what repeats another article's story, was withdrawn or is advertising; of a feed, not what
    was published so long ago that others may have pushed it out.
    """
    newest = (
        select(Article.id)
        .where(Article.created_at > now - WINDOW - WAITED)
        .order_by(Article.created_at.desc())
        .limit(MOST)
        .subquery()
    )
    settled = exists().where(
        CanaryProof.kind == canary.kind, CanaryProof.notification_id == Notification.id
    )
    since = max(canary.since, now - WINDOW)
    query = (
        select(Notification.id, Article.id, Notification.released_at, Article.created_at)
        .join(Article, Article.id == Notification.article_id)
        .join(newest, newest.c.id == Article.id)
        .where(_IS_LIVE_NEW)
        .where(Notification.released_at > since, Notification.stopped_at.is_(None), ~settled)
        .where(Notification.state != NotificationState.HELD)
        .where(Article.state == ArticleState.PUBLISHED, Article.is_commercial.is_(False))
        .order_by(Notification.released_at)
    )
    if canary.kind == CanaryKind.FEED:
        query = query.where(Article.published_at > now - 2 * WINDOW)
    else:
        query = query.where(~_repeats())
    resumed = session.scalar(
        select(func.max(Halt.ended_at)).where(
            Halt.kind == HaltKind.PAUSE, Halt.scope == HaltScope.ALL
        )
    )
    return [
        Expected(news, article, released, created, max(released, resumed or released))
        for news, article, released, created in session.execute(query)
        if released is not None
    ]


def accepted(
    session: Session, canary: Canary, notification_ids: Collection[int]
) -> Sequence[Row[int, datetime | None]]:
    """Which of these its relay or service has accepted, and when."""
    return session.execute(
        select(Delivery.notification_id, Delivery.settled_at)
        .where(Delivery.notification_id.in_(notification_ids))
        .where(Delivery.destination_id == canary.destination_id)
        .where(Delivery.state == DeliveryState.SENT)
    ).all()


def missed_ids(session: Session, canary: Canary, now: datetime) -> list[int]:
    """What was missed within the window and may still be proved."""
    return list(session.scalars(_missed(canary.kind, now)))


def prove(session: Session, kind: CanaryKind, notification_id: int, at: datetime) -> bool:
    """Note a proof; False where it was noted before. The first one counts."""
    released = session.scalar(
        select(Notification.released_at).where(Notification.id == notification_id)
    )
    if released is None:
        return False
    late = update(CanaryProof).where(
        CanaryProof.kind == kind,
        CanaryProof.notification_id == notification_id,
        CanaryProof.proved_at.is_(None),
    )
    if rows(session, late.values(proved_at=at)):
        return True
    return _insert(session, kind, notification_id, released_at=released, proved_at=at)


def prove_arrival(
    session: Session, notification_id: int, destination_id: int, now: datetime
) -> bool:
    """Take a letter that came into the city's mailbox as a proof; False where it is no canary's."""
    canary = session.scalar(select(Canary).where(Canary.destination_id == destination_id))
    if canary is None or canary.kind != CanaryKind.EMAIL:
        return False
    prove(session, CanaryKind.EMAIL, notification_id, now)
    return True


def miss(
    session: Session, canary: Canary, found: Iterable[Expected], limit: timedelta, now: datetime
) -> int:
    """Note what was due before the limit and raise the alarm; returns how many are new.

    What a pause of the staff holds is not missed: it waits, and so do we.
    """
    new = 0
    for one in found:
        if one.waits_since > now - limit or is_paused(session, canary, one):
            continue
        is_new = _insert(
            session,
            canary.kind,
            one.notification_id,
            released_at=one.released_at,
            missed_at=now,
        )
        if is_new:
            new += 1
            sentence = (
                f"the {canary.kind} canary did not hear of article {one.article_id} within "
                f"{int(limit.total_seconds() // 60)} min: {_why(session, canary, one)}"
            )
            raise_alarm(session, AlarmKind.CANARY_SILENT, NUMBER[canary.kind], sentence, now)
    return new


def excuse(session: Session, restored: datetime, now: datetime) -> int:
    """Expect nothing more of what may have been told before a restore: a canary may have heard of
    it, but no row says so. The feed says again what it said. Returns of how many.

    Such an article has neither a proof nor a miss.
    """
    told = select(Notification.id).join(Article, Article.id == Notification.article_id)
    since = func.coalesce(Article.published_at, Article.created_at)
    told = told.where(or_(Notification.created_at <= restored, since <= restored))
    excused = 0
    for canary in session.scalars(select(Canary).where(Canary.kind != CanaryKind.FEED)):
        found = {one.notification_id: one.released_at for one in expected(session, canary, now)}
        for number in session.scalars(told.where(Notification.id.in_(found))):
            excused += _insert(session, canary.kind, number, released_at=found[number])
    return excused


def clear_if_heard(session: Session, kind: CanaryKind, now: datetime) -> bool:
    """Clear the alarm once a proof has come since it was raised: the way is open again."""
    raised = session.scalar(
        select(Alarm.raised_at).where(
            Alarm.kind == AlarmKind.CANARY_SILENT,
            Alarm.object_id == NUMBER[kind],
            Alarm.cleared_at.is_(None),
        )
    )
    last = last_proof(session, kind)
    if raised is None or last is None or last <= raised:
        return False
    return clear_alarm(session, AlarmKind.CANARY_SILENT, NUMBER[kind], now)


def note_absent(
    session: Session, there: Collection[CanaryKind], wrong: Mapping[CanaryKind, str], now: datetime
) -> None:
    """Raise the alarm for a canary that is set and cannot be, as nobody would be missed by it; of
    one that is set no more nothing will be proved, and its alarm is over."""
    for kind in CanaryKind:
        if kind in there:
            continue
        if kind in wrong:
            sentence = f"the {kind} canary hears nothing: {wrong[kind]}"
            raise_alarm(session, AlarmKind.CANARY_SILENT, NUMBER[kind], sentence, now)
        else:
            clear_alarm(session, AlarmKind.CANARY_SILENT, NUMBER[kind], now)


def is_canary(destination_id: object) -> Select[int | None]:
    """The email canary of a destination, for `NOT EXISTS`: no reader, and nobody who can leave."""
    return select(Canary.destination_id).where(
        Canary.destination_id == destination_id, Canary.kind == CanaryKind.EMAIL
    )


def _missed(kind: CanaryKind, now: datetime) -> Select[int]:
    return select(CanaryProof.notification_id).where(
        CanaryProof.kind == kind,
        CanaryProof.released_at > now - WINDOW,
        CanaryProof.missed_at.is_not(None),
        CanaryProof.proved_at.is_(None),
    )


def last_proof(session: Session, kind: CanaryKind) -> datetime | None:
    """When its newest proof came; null before the first."""
    query = select(func.max(CanaryProof.proved_at)).where(CanaryProof.kind == kind)
    found: datetime | None = session.scalar(query)
    return found


def _repeats() -> ColumnElement[bool]:
    """True of an article whose story was told by another one: a story is told once."""
    other, told = aliased(Article), aliased(Notification)
    return (
        select(told.id)
        .join(other, other.id == told.article_id)
        .where(other.story_id == Article.story_id, other.id != Article.id)
        .where(told.kind == NotificationKind.NEW, told.id < Notification.id)
        .exists()
    )


def is_paused(session: Session, canary: Canary, one: Expected) -> bool:
    """Whether the staff's halts meet the canary itself. It asks for no topic by name, and a room or
    a provider that is paused for weeks must not keep it from being missed elsewhere."""
    if canary.kind == CanaryKind.FEED:
        return False
    halts = halts_of(session, one.notification_id)
    channel, lane = session.execute(
        select(Destination.channel_id, Destination.lane).where(
            Destination.id == canary.destination_id
        )
    ).one()
    return (
        halts.is_paused
        or halts.is_cancelled
        or channel in (*halts.paused_channels, *halts.cancelled_channels)
        or lane in halts.paused_lanes
    )


def _why(session: Session, canary: Canary, one: Expected) -> str:
    """Where it got stuck, as the ledger has it."""
    if canary.kind == CanaryKind.FEED:
        return canary.said or "it is not in the feed"
    delivery = session.get(Delivery, (one.notification_id, canary.destination_id))
    if delivery is None:
        return "no delivery was planned"
    state = DeliveryState(delivery.state)
    if state == DeliveryState.SENT:
        return "it was accepted, and has not come into the mailbox"
    return f"its delivery is {state.word}"


def _insert(session: Session, kind: CanaryKind, notification_id: int, **values: datetime) -> bool:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = (
        dialect.insert(CanaryProof)
        .values(kind=kind, notification_id=notification_id, **values)
        .on_conflict_do_nothing()
        .execution_options(preserve_rowcount=True)
    )
    return bool(rows(session, statement))
