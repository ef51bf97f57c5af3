"""Mail lanes: what one batch has learned of a provider, and the next one goes by.

Shared by all workers. What is learned within a batch stays in its worker until the batch ends, but
a lane is closed for everybody at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, bindparam, func, select, text
from sqlalchemy.orm import Session

from service.ledger.alarms import raise_alarm
from service.ledger.troubles import complaints
from service.models import (
    Alarm,
    AlarmKind,
    Batch,
    BatchState,
    DestinationKind,
    MailLane,
)

FIRST_LINKS, MOST_LINKS = 4, 20  # email guide, rule 18
FIRST_CLOSURE, LONGEST_CLOSURE = timedelta(minutes=5), timedelta(hours=1)
FORGIVEN_AFTER = timedelta(hours=1)  # a lane that was open for so long is closed briefly again
GROWTH = 1.75  # of a warm-up's cap from one good day to the next (email guide, rule 19)
# Parts of a good day's letters that were put off, and that were called spam, at most.
GOOD_DEFERRED, GOOD_COMPLAINED = 0.05, 0.001
WARM = 200_000  # letters a day: whoever takes so many from us knows us
# Providers want less than one complaint in a thousand letters, and never three (email guide, rule
# 16). A handful may be anybody's mood.
COMPLAINTS, COMPLAINED = 5, 0.003

NEW = text("""
    INSERT INTO mail_lane (name, links, closures, reason, sent, sent_before, deferred)
    VALUES (:name, :links, 0, '', 0, 0, 0) ON CONFLICT (name) DO NOTHING
""").bindparams(bindparam("links", FIRST_LINKS))


@dataclass(frozen=True)
class Bearing:
    """What a lane bears now.

    `links`: of all workers together, of whom `senders` are at it. `left`: letters that it may still
    get today; None: no limit. `closed`: until when nothing goes to this lane, or to which of its
    domains.
    """

    links: int
    senders: int
    left: int | None
    closed: Mapping[str, datetime]


def bearing(session: Session, lane: str, today: date, warmup: int, now: datetime) -> Bearing:
    """Look a lane up. `warmup`: the cap of its first day; 0: none."""
    closed = session.scalars(select(MailLane).where(MailLane.closed_until > now))
    row = session.get(MailLane, lane)
    left = None
    if warmup:
        cap = warmup if row is None else _cap(session, row, today, warmup)
        spent = row.sent if row is not None and row.day == today else 0
        left = None if cap > WARM else max(cap - spent, 0)
    senders = session.scalar(
        select(func.count())
        .select_from(Batch)
        .where(Batch.state == BatchState.LEASED, Batch.due_at > now)
        .where(Batch.lane == lane, Batch.kind == DestinationKind.EMAIL)
    )
    return Bearing(
        row.links if row else FIRST_LINKS,
        senders or 0,
        left,
        {one.name: one.closed_until for one in closed if one.closed_until},
    )


def close(session: Session, name: str, reason: str, now: datetime) -> datetime:
    """Send nothing to a lane, or one domain, for a while; longer if it was closed just before.

    Returns until when.
    """
    row = _locked(session, name)
    is_repeated = row.closed_until is not None and now - row.closed_until < FORGIVEN_AFTER
    if row.closed_until is not None and row.closed_until > now:
        return row.closed_until  # another worker was first
    row.closures = row.closures + 1 if is_repeated else 1
    row.closed_until = now + min(FIRST_CLOSURE * 2 ** min(row.closures - 1, 8), LONGEST_CLOSURE)
    row.reason = reason[:300]
    return row.closed_until


def take_share(session: Session, lane: str, today: date, warmup: int, want: int) -> int | None:
    """Count so many letters as sent before they are, as far as the day's cap allows; who has taken
    them gives back the rest by `note_batch`. None: no limit."""
    row = _of_today(session, lane, today, warmup)
    if row.cap is None or row.cap > WARM:
        return None
    share = min(want, max(row.cap - row.sent, 0))
    row.sent += share
    return share


def note_batch(
    session: Session, lane: str, today: date, warmup: int, *, links: int, sent: int, deferred: int
) -> None:
    """Add to a lane's day what a batch has brought, and keep how many links it bore. `sent` is less
    than nothing where a share was not used up."""
    row = _of_today(session, lane, today, warmup)
    row.sent = max(row.sent + sent, 0)
    row.deferred += deferred
    row.links = links


def _of_today(session: Session, lane: str, today: date, warmup: int) -> MailLane:
    """A lane's row, locked; on a new day it begins anew."""
    row = _locked(session, lane)
    if row.day != today:
        row.cap = _cap(session, row, today, warmup) if warmup else None
        row.sent_before = row.sent if row.day == today - timedelta(days=1) else 0
        row.day, row.sent, row.deferred = today, 0, 0
    elif warmup and row.cap is None:  # it was switched on today
        row.cap = warmup
    return row


def is_stopped(session: Session, lane: str) -> bool:
    """Whether its readers complained so much that only staff may let mail go there again."""
    live = select(Alarm.id).where(*_alarms_of(lane), Alarm.cleared_at.is_(None))
    return session.scalar(live) is not None


def heed_complaints(session: Session, lane: str, now: datetime) -> None:
    """Raise the alarm that stops a lane, if too many of its readers called our mail spam."""
    row = session.get(MailLane, lane)
    if row is None:
        return
    cleared_at = session.scalar(select(func.max(Alarm.cleared_at)).where(*_alarms_of(lane)))
    since = max(filter(None, (now - timedelta(days=2), cleared_at)))
    count, sent = complaints(session, lane, since), row.sent + row.sent_before
    if count >= COMPLAINTS and count >= COMPLAINED * sent:
        sentence = f"{count} readers of {lane} called our mail spam, of {sent} who got some"
        raise_alarm(session, AlarmKind.MAIL_COMPLAINTS, number_of(lane), sentence, now)


def _alarms_of(lane: str) -> tuple[ColumnElement[bool], ...]:
    return Alarm.kind == AlarmKind.MAIL_COMPLAINTS, Alarm.object_id == number_of(lane)


def number_of(lane: str) -> int:
    """A lane's number: an alarm is about one, and a pause too."""
    return zlib.crc32(lane.encode())


def postpone_ready(session: Session, batch_id: int, until: datetime) -> None:
    """Let a batch that nobody has claimed wait."""
    batch = session.get(Batch, batch_id, with_for_update=True)
    if batch is not None and batch.state == BatchState.READY and batch.due_at < until:
        batch.due_at = until


def _cap(session: Session, row: MailLane, today: date, warmup: int) -> int:
    """Today's cap: more than that of the last day, if that was used and went well."""
    if row.cap is None or row.day is None:
        return warmup
    if row.day == today:
        return row.cap
    if row.sent < row.cap / 2 or row.deferred > GOOD_DEFERRED * row.sent:
        return row.cap
    since = datetime.combine(row.day, time.min, UTC)
    is_good = complaints(session, row.name, since) <= GOOD_COMPLAINED * row.sent
    return int(row.cap * GROWTH) if is_good else row.cap


def _locked(session: Session, name: str) -> MailLane:
    session.execute(NEW, {"name": name})
    return session.get_one(MailLane, name, with_for_update=True, populate_existing=True)
