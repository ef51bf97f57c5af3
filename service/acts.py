"""The log of acts: what the staff did, under which name, by which door; and whether it is whole.

Entries are written right before the commit of the transaction that does the act. Each carries a
keyed hash of itself and of the one before it, so a changed, missing or added row is found
(`broken_links`), also by somebody who holds the database but not TELLAL_SECRET_KEY.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.logs import get_logger
from service.models import AuditEntry, AuditHead, Via

log = get_logger(__name__)

PURPOSE = "audit"
_HEAD = 1
_PENDING = "tellal.acts"
_STEP = 2_000  # entries that are read at once


@dataclass(frozen=True)
class Actor:
    """Who acts, and by which door. `key_id`: the API key that stands for the person."""

    staff_id: int
    via: Via
    request_id: str = ""
    key_id: int | None = None


@dataclass(frozen=True)
class Break:
    """A place where the chain does not hold."""

    number: int | None
    text: str

    def __str__(self) -> str:
        return f"entry {self.number}: {self.text}" if self.number is not None else self.text


def record(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    act: str,
    object_id: int | None = None,
    *,
    subject: str = "",
    **detail: Any,
) -> AuditEntry:
    """Note an act in the transaction that does it; null for what the system did by itself.

    The detail holds no secret and no address: whom it is about is `subject`, a keyed hash. Call it
    outside of savepoints. The entry gets its id at the commit.
    """
    if actor is not None and actor.key_id is not None:
        detail["key"] = actor.key_id
    entry = AuditEntry(
        staff_id=actor.staff_id if actor else None,
        via=actor.via if actor else Via.CLI,
        act=act,
        object_id=object_id,
        subject=subject,
        detail=json.loads(json.dumps(detail, default=str)),
        request_id=actor.request_id if actor else "",
        at=utcnow(),
    )
    if _PENDING not in session.info:
        session.info[_PENDING] = []
        event.listen(session, "before_commit", lambda session: _append(session, vault))
    session.info[_PENDING].append(entry)
    return entry


def _append(session: Session, vault: Vault) -> None:
    """Write what is pending at the end of the chain. The head's lock is the last of all, so two
    that act at once wait for each other's commit, and never in a circle."""
    if session.in_nested_transaction() or not session.info[_PENDING]:
        return
    pending, session.info[_PENDING] = session.info[_PENDING], []
    session.flush()
    head = session.get_one(AuditHead, _HEAD, with_for_update=True, populate_existing=True)
    for entry in pending:
        head.number += 1
        entry.number = head.number
        entry.mac = head.mac = _mac(vault, head.mac, entry)
        session.add(entry)
        # Where logs are kept elsewhere, they witness the end of the chain.
        log.info("act", act=entry.act, number=entry.number, mac=entry.mac)
    session.flush()


def adopt(session: Session, vault: Vault) -> int:
    """Chain entries from before there was a chain; returns how many there were."""
    old = session.scalars(
        select(AuditEntry).where(AuditEntry.number.is_(None)).order_by(AuditEntry.id)
    ).all()
    if not old:
        return 0
    head = session.get_one(AuditHead, _HEAD, with_for_update=True, populate_existing=True)
    for entry in old:
        head.number += 1
        entry.number = head.number
        entry.mac = head.mac = _mac(vault, head.mac, entry)
    return len(old)


def broken_links(
    session: Session,
    vault: Vault,
    after: int = 0,
    seen: Callable[[int], None] = lambda count: None,
) -> Iterator[Break]:
    """Walk the chain behind entry `after`, 0 for all of it; nothing means that no entry was
    changed, removed or added. `seen` hears how many entries each step read."""
    last, mac = after, _mac_of(session, after)
    if mac is None:
        yield Break(after, "missing")
        mac = ""
    while True:
        entries = _numbered(session, last, _STEP)
        for entry in entries:
            assert entry.number is not None
            if entry.number != last + 1:
                yield Break(last + 1, f"missing, up to {entry.number - 1}")
            elif _mac(vault, mac, entry) != entry.mac:
                yield Break(entry.number, f"changed ({entry.act}, {entry.at:%Y-%m-%d %H:%M} UTC)")
            last, mac = entry.number, entry.mac  # what follows is judged by itself
        seen(len(entries))
        session.expunge_all()
        head = session.get_one(AuditHead, _HEAD, populate_existing=True)
        if not entries or (len(entries) < _STEP and head.number <= last):
            break  # else somebody acted meanwhile
    if (head.number, head.mac) != (last, mac):
        yield Break(None, f"the log ends with entry {last}, but entry {head.number} was written")
    for entry_id in session.scalars(select(AuditEntry.id).where(AuditEntry.number.is_(None))):
        yield Break(None, f"row {entry_id} was added beside the chain")


def length(session: Session) -> int:
    """How many entries the chain has."""
    return session.get_one(AuditHead, _HEAD).number


def is_anchored(session: Session, number: int, mac: str) -> bool:
    """Whether an entry is still the one that a line of the logs witnessed."""
    return _mac_of(session, number) == mac


def _mac_of(session: Session, number: int) -> str | None:
    """The mac of an entry: nothing before the first one, null where there is none."""
    if number == 0:
        return ""
    return session.scalar(select(AuditEntry.mac).where(AuditEntry.number == number))


def _numbered(session: Session, after: int, count: int) -> Sequence[AuditEntry]:
    """Entries in their order."""
    return session.scalars(
        select(AuditEntry)
        .where(AuditEntry.number > after)
        .order_by(AuditEntry.number)
        .limit(count)
        .execution_options(populate_existing=True)
    ).all()


def forget_subjects(session: Session, hashes: set[str]) -> None:
    """Who acted, and how, stays; about whom does not."""
    session.execute(
        update(AuditEntry)
        .where(AuditEntry.subject.in_(hashes))
        .values(subject="")
        .execution_options(synchronize_session=False)
    )


def _mac(vault: Vault, before: str, entry: AuditEntry) -> str:
    said = (
        before,
        entry.number,
        entry.staff_id,
        str(entry.via),
        entry.act,
        entry.object_id,
        entry.detail,
        entry.request_id,
        entry.at.astimezone(UTC).isoformat(),
    )
    return vault.keyed_hash(PURPOSE, json.dumps(said, sort_keys=True, ensure_ascii=False))
