"""Looking things up in the log of acts: by person, act, object, time and whom it was about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.db import Database
from service.models import AuditEntry

STEP = 1_000  # entries of an export that are read at once
# An entry gets its number at the commit, and its time a little before.
_SLACK = timedelta(minutes=5)
_MANY = 500  # different acts


@dataclass(frozen=True)
class Wanted:
    """Which entries; what is null is not asked for. `since` is included, `until` is not."""

    staff_id: int | None = None
    act: str = ""
    object_id: int | None = None
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def newest(
    session: Session, wanted: Wanted, before: int | None, limit: int
) -> Sequence[AuditEntry]:
    """The newest entries below the id `before`."""
    query = _where(session, wanted)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


def oldest_first(db: Database, wanted: Wanted) -> Iterator[AuditEntry]:
    """All entries in their order, read in steps: nothing is held open while somebody downloads."""
    last = 0
    while True:
        with db.read() as session:
            query = _where(session, wanted).where(AuditEntry.id > last)
            found = session.scalars(query.order_by(AuditEntry.id).limit(STEP)).all()
        yield from found
        if len(found) < STEP:
            return
        last = found[-1].id


def acts_known(session: Session) -> list[str]:
    """Every act that the log has, found by leaping through the index from one to the next."""
    found: list[str] = []
    least = select(func.min(AuditEntry.act))
    act = session.scalar(least)
    while act is not None and len(found) < _MANY:
        found.append(act)
        act = session.scalar(least.where(AuditEntry.act > act))
    return found


def as_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry with all that its mac was taken of, and the mac: what proves the chain elsewhere."""
    return {
        "number": entry.number,
        "at": entry.at.astimezone(UTC).isoformat(),
        "staff_id": entry.staff_id,
        "via": str(entry.via),
        "act": entry.act,
        "object_id": entry.object_id,
        "detail": entry.detail,
        "request_id": entry.request_id,
        "subject": entry.subject,
        "mac": entry.mac,
    }


def _where(session: Session, wanted: Wanted) -> Select[AuditEntry]:
    """Ids rise with time, so a time becomes an id, and one index serves every order."""
    query = select(AuditEntry)
    if wanted.staff_id is not None:
        query = query.where(AuditEntry.staff_id == wanted.staff_id)
    if wanted.subject:
        query = query.where(AuditEntry.subject == wanted.subject)
    if wanted.object_id is not None:
        acts = [wanted.act] if wanted.act else acts_known(session)  # ix_audit_act_object_id
        query = query.where(AuditEntry.act.in_(acts), AuditEntry.object_id == wanted.object_id)
    elif wanted.act:
        query = query.where(AuditEntry.act == wanted.act)
    if wanted.since is not None:
        first = _first_id(session, wanted.since - _SLACK)
        query = query.where(AuditEntry.id >= first, AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        end = _first_id(session, wanted.until + _SLACK)
        query = query.where(AuditEntry.id < end, AuditEntry.at < wanted.until)
    return query


def _first_id(session: Session, at: datetime) -> int:
    """The id of the first entry from this time on; past all where there is none."""
    first = select(AuditEntry.id).where(AuditEntry.at >= at).order_by(AuditEntry.at).limit(1)
    return session.scalar(first) or 2**62
