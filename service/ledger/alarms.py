"""Alarms: raised once, live until they are cleared by what ends their cause, or by staff."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from service.db import Moment, rows
from service.logs import get_logger
from service.models import Alarm, AlarmKind

log = get_logger(__name__)

# What staff do about each, for `tellal alarms`.
HOW_TO_MEND = {
    AlarmKind.BATCH_GIVEN_UP: (
        "see in the log of the worker what killed it; who was not told is listed as rejected"
    ),
    AlarmKind.REVISION_GIVEN_UP: (
        "the article waits in quarantine: see `tellal review list`, or have its CMS send it again"
    ),
    AlarmKind.PLAN_FAILS: (
        "an error of the program or a broken row: see the log; it is tried again once an hour"
    ),
    AlarmKind.JOURNAL_STUCK: (
        "an error of the program: see the log; the file in the folder `journal` says who was told, "
        "keep it until a version that can read it has settled it"
    ),
    AlarmKind.MAIL_COMPLAINTS: (
        "its readers call the city's mail spam: see which news it was (`tellal bounces`), whether "
        "those addresses were rightly imported; nothing but urgent news goes there until you clear "
        "this"
    ),
    AlarmKind.MAIL_REFUSED: (
        "nobody is suppressed for it while this is live: check SPF, DKIM, DMARC and block lists "
        "(docs/bounces.md); clear it once that is mended, or the mailboxes are really gone"
    ),
    AlarmKind.BREAK_GLASS: (
        "somebody signed in with the account for emergencies: ask who and why, see in the log of "
        "acts what was done, change its password, then clear this"
    ),
    AlarmKind.TEMPLATE_BROKEN: (
        "letters go out by the program's own template meanwhile: mend or take back the one that is "
        "named (page Letters, or `tellal mail check`), which clears this"
    ),
    AlarmKind.MANY_LOOKS: (
        "ask whoever it is what for; the log of acts has each look; where there is no good reason, "
        "take the role away; clear this once you know"
    ),
    AlarmKind.REVIEW_WAITS: (
        "decide what waits (the page Review, or `tellal review list`); it clears itself within an "
        "hour, and TELLAL_REVIEW_ALARM_H says how long is too long"
    ),
    AlarmKind.CHANNEL_PAUSED: (
        "its service refuses us: see on its page (or by `tellal channel show NAME`) its answer and "
        "what was not sent; give it a new address, or try again; it clears itself once the channel "
        "goes on"
    ),
    AlarmKind.CANARY_SILENT: (
        "what it says last is where the news got stuck: see `tellal canary`, `tellal today`, and "
        "for mail the relay's log and the mailbox; it clears itself once the canary hears of an "
        "article"
    ),
    AlarmKind.LEDGER_WRONG: "run `tellal audit`; the next audit that finds nothing clears this",
}

RAISE = text("""
    INSERT INTO alarm (kind, object_id, text, raised_at) VALUES (:kind, :object_id, :text, :now)
    ON CONFLICT (kind, object_id) WHERE cleared_at IS NULL DO NOTHING
""").bindparams(bindparam("now", type_=Moment()))  # uq_alarm_live


def raise_alarm(
    session: Session, kind: AlarmKind, object_id: int, sentence: str, now: datetime
) -> bool:
    """Raise an alarm in the caller's transaction; one that is live already stays as it is.

    Returns whether it is new.
    """
    log.error("alarm", kind=kind.value, object_id=object_id, text=sentence)
    values = {"kind": kind.value, "object_id": object_id, "text": sentence[:500], "now": now}
    return bool(rows(session, RAISE, **values))


def clear_alarm(session: Session, kind: AlarmKind, object_id: int, now: datetime) -> bool:
    """Clear what has been mended; False where nothing was live."""
    live = update(Alarm).where(Alarm.kind == kind, Alarm.object_id == object_id)
    return bool(rows(session, live.where(Alarm.cleared_at.is_(None)).values(cleared_at=now)))


def clear_others(
    session: Session, kind: AlarmKind, object_ids: Collection[int], now: datetime
) -> None:
    """Clear all alarms of a kind but those about these objects."""
    session.execute(
        update(Alarm)
        .where(Alarm.kind == kind, Alarm.cleared_at.is_(None))
        .where(Alarm.object_id.not_in(object_ids))
        .values(cleared_at=now)
        .execution_options(synchronize_session=False)
    )


def clear_by_id(session: Session, alarm_id: int, now: datetime) -> bool:
    """Clear one by its number, as staff do; False where no such alarm is live."""
    live = update(Alarm).where(Alarm.id == alarm_id, Alarm.cleared_at.is_(None))
    return bool(rows(session, live.values(cleared_at=now)))


def live_alarms(session: Session) -> Sequence[Alarm]:
    """Those that are live, the oldest first."""
    query = select(Alarm).where(Alarm.cleared_at.is_(None))
    return session.scalars(query.order_by(Alarm.raised_at, Alarm.id)).all()


def lately_cleared(session: Session, limit: int) -> Sequence[Alarm]:
    """Those that were raised last and are cleared; there are few of all, and none is deleted."""
    query = select(Alarm).where(Alarm.cleared_at.is_not(None))
    return session.scalars(query.order_by(Alarm.id.desc()).limit(limit)).all()
