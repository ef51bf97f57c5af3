"""What staff should look at, kept with the pull until a poll goes well again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ingest.pulling.leasing import Poll
from service.models import Pull, PullAlarm

QUIET = timedelta(days=14)
NO_ALARM: dict[str, Any] = {"alarm": None, "alarm_at": None, "alarm_text": None}


@dataclass(frozen=True)
class Alarm:
    """A kind, and the sentence that staff read."""

    kind: PullAlarm
    text: str


def unreadable(poll: Poll) -> Alarm | None:
    """For a listing that was read before: what was never read is a mistake in the settings."""
    if poll.pull.baseline_at is None:
        return None
    return Alarm(PullAlarm.UNREADABLE, "the listing can no longer be read as what it was")


def emptied(count: int, before: int) -> Alarm:
    """For a listing that lost nearly everything."""
    return Alarm(PullAlarm.EMPTIED, f"the listing shrank from {before} articles to {count}")


def still_emptied(poll: Poll) -> Alarm | None:
    """For a listing of changes alone, which cannot tell."""
    pull = poll.pull
    return (
        Alarm(PullAlarm.EMPTIED, pull.alarm_text or "") if pull.alarm == PullAlarm.EMPTIED else None
    )


def quiet(session: Session, poll: Poll, now: datetime) -> Alarm | None:
    """For one that has had nothing new for long: its page may have moved, and only look alive."""
    fresh_at = session.scalar(select(Pull.fresh_at).where(Pull.source_id == poll.source.id))
    if fresh_at is None or fresh_at > now - QUIET:
        return None
    return Alarm(PullAlarm.QUIET, f"nothing new has been listed for {QUIET.days} days")


def columns(poll: Poll, alarm: Alarm | None, now: datetime) -> dict[str, Any]:
    """What the pull remembers; an alarm that goes on keeps the time at which it began."""
    if alarm is None:
        return NO_ALARM
    began_at = poll.pull.alarm_at if poll.pull.alarm == alarm.kind else now
    return {"alarm": alarm.kind, "alarm_at": began_at, "alarm_text": alarm.text}
