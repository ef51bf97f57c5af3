"""What staff say of a pull: where to look, whether to look, and what was found there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from service.ingest.pulling.admitting import decide
from service.ingest.pulling.alarming import NO_ALARM
from service.models import Pull, PullItem, PullKind, PullState


def configure(
    session: Session, source_id: int, kind: PullKind, url: str, rules: dict[str, Any], now: datetime
) -> None:
    """Look here from now on; what is there at first is the archive.

    Everything that was remembered of another listing is forgotten, and a poll that is under way
    loses its lease.
    """
    found = _locked(session, source_id)
    session.execute(delete(PullItem).where(PullItem.source_id == source_id))
    values: dict[str, Any] = {"kind": kind, "url": url, "rules": rules, "due_at": now}
    values |= {"state": PullState.ACTIVE, "reason": "", "failures": 0, "last_count": 0}
    values |= {"etag": "", "last_modified": "", "modified_after": None}
    values |= {"baseline_at": None, "leased_until": None, "rung_at": None, "fresh_at": None}
    values |= NO_ALARM
    if found is None:
        session.add(Pull(source_id=source_id, **values))
        return
    for name, value in values.items():
        setattr(found, name, value)


def poll_now(session: Session, source_id: int, now: datetime) -> bool:
    """Make it due; false where it is not active."""
    found = _locked(session, source_id)
    if found is None or found.state != PullState.ACTIVE:
        return False
    found.due_at, found.rung_at = now, now
    return True


def pause(session: Session, source_id: int) -> None:
    """No more polls until `resume`. Where staff are asked there are none: the question stays."""
    found = _locked(session, source_id)
    if found is not None and found.state == PullState.ACTIVE:
        found.state, found.reason, found.leased_until = PullState.PAUSED, "paused by staff", None


def resume(session: Session, source_id: int, now: datetime) -> bool:
    """Go on, at once, from how things are: what alarmed is taken as right by now. False where
    staff have to decide first."""
    found = _locked(session, source_id)
    if found is None or found.state == PullState.ASKING:
        return False
    found.state, found.reason, found.failures = PullState.ACTIVE, "", 0
    found.due_at, found.fresh_at, found.last_count = now, now, 0
    for name, value in NO_ALARM.items():
        setattr(found, name, value)
    return True


def accept(session: Session, source_id: int, now: datetime, *, is_news: bool) -> int | None:
    """Staff's word about what was too much at once; null where nothing was asked."""
    found = _locked(session, source_id)
    if found is None or found.state != PullState.ASKING:
        return None
    found.state, found.reason, found.due_at = PullState.ACTIVE, "", now
    return decide(session, source_id, is_news=is_news)


def _locked(session: Session, source_id: int) -> Pull | None:
    return session.get(Pull, source_id, with_for_update=True)
