"""Importing subscribers whose consent the city already has, from the lines of a CSV file.

All rows are checked before the first is stored. What is stored twice is stored once: the same file
again changes nothing, and a run that was killed is finished by running it again. An import never
revives anybody: a suppressed address is left out, and one whose person had it erased, and so is a
subscription that its owner ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import Base, Database
from service.models import (
    Before,
    Consent,
    ConsentAct,
    Destination,
    DestinationKind,
    Subscriber,
    Subscription,
    Suppression,
)
from service.subscriptions.addresses import lane_of
from service.subscriptions.endings import UNDONE
from service.subscriptions.erasures import erased
from service.subscriptions.import_rows import ImportRefused, Progress, Row, RowError, RowReader

__all__ = ["ImportRefused", "ImportResult", "RowError", "import_subscribers"]

CHUNK_ROWS = 500  # a transaction keeps SQLite's writer lock: an article must not wait long


@dataclass(frozen=True)
class ImportResult:
    """What became of the rows; every row is counted once."""

    added: int
    changed: int
    unchanged: int
    suppressed: int


def import_subscribers(
    db: Database,
    vault: Vault,
    lines: Iterable[str],
    *,
    consent_origin: str,
    now: datetime,
    on_progress: Progress = lambda phase, rows: None,
) -> ImportResult:
    """Check every line, then store them in transactions of a few hundred rows.

    `on_progress` hears of rows "checked" and rows "stored", in that order.

    Raises:
        ImportRefused: at least one line is wrong; nothing was stored.
        ValueError: nobody said where the consent comes from.
    """
    if not consent_origin.strip():
        raise ValueError("an import needs the origin of the consent")
    with db.read() as session:
        reader = RowReader(session, vault)
    rows = reader.read(lines, on_progress)
    counts: Counter[str] = Counter()
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        with db.write() as session:
            look, _ = store_rows(session, chunk, consent_origin.strip(), now)
        counts += look.counts(chunk)
        on_progress("stored", min(start + CHUNK_ROWS, len(rows)))
    return ImportResult(**{name: counts[name] for name in ImportResult.__dataclass_fields__})


@dataclass(frozen=True)
class Added:
    """What an address got by some rows, so that it can be taken back."""

    destination_id: int
    before: Before
    subscriptions: list[int]


@dataclass(frozen=True)
class Look:
    """What becomes of rows, or has become of them; the hashes of whom each is about."""

    suppressed: set[str]
    before: Mapping[str, int]
    changed: set[str]

    def counts(self, rows: Iterable[Row]) -> Counter[str]:
        """How many of these rows are added, changed, unchanged or left out."""
        return Counter(map(self._fate, rows))

    def _fate(self, row: Row) -> str:
        if row.hashed in self.suppressed:
            return "suppressed"
        if row.hashed not in self.before:
            return "added"
        return "changed" if row.hashed in self.changed else "unchanged"


def look_at_rows(session: Session, chunk: list[Row], now: datetime) -> Look:
    """What would become of the rows if they were stored now. Changes nothing."""
    suppressed = left_out(session, chunk)
    before = destinations_of(session, {row.hashed for row in chunk} - suppressed)
    unverified = session.scalars(
        select(Destination.address_hash).where(
            Destination.id.in_(before.values()), Destination.verified_at.is_(None)
        )
    )
    values = _missing(session, [row for row in chunk if row.hashed in before], before, now)
    gets = {value["destination_id"] for value in values}
    changed = {hashed for hashed, id_ in before.items() if id_ in gets}
    return Look(suppressed, before, changed | set(unverified))


def store_rows(
    session: Session, chunk: list[Row], origin: str, now: datetime
) -> tuple[Look, list[Added]]:
    """Store some rows in the caller's transaction; what became of them, and what each got."""
    suppressed = left_out(session, chunk)
    welcome = {row.hashed: row for row in reversed(chunk) if row.hashed not in suppressed}
    before = destinations_of(session, welcome)
    _add_destinations(session, [welcome[h] for h in sorted(welcome) if h not in before], now)
    ids = destinations_of(session, welcome)
    verified = _verify(session, ids, now)
    values = _missing(session, [row for row in chunk if row.hashed in welcome], ids, now)
    got = _add_subscriptions(session, values)
    changed = verified | {hashed for hashed, id_ in ids.items() if id_ in got}
    _add_consents(session, [row for row in chunk if row.hashed in changed], origin, now)
    added = []
    for hashed in sorted(changed, key=ids.__getitem__):
        was = Before.UNVERIFIED if hashed in verified else Before.KNOWN
        was = was if hashed in before else Before.NEW
        added.append(Added(ids[hashed], was, got.get(ids[hashed], [])))
    return Look(suppressed, before, changed), added


def left_out(session: Session, chunk: Iterable[Row]) -> set[str]:
    """Whom no import brings back: who is suppressed, and who had their data erased."""
    hashes = sorted({row.hashed for row in chunk})
    suppressed = session.scalars(
        select(Suppression.address_hash).where(Suppression.address_hash.in_(hashes))
    )
    return set(suppressed) | erased(session, hashes)


def destinations_of(session: Session, hashes: Iterable[str]) -> dict[str, int]:
    """The email destinations of those of these addresses that are known, by hash."""
    found = session.execute(
        select(Destination.address_hash, Destination.id)
        .where(Destination.kind == DestinationKind.EMAIL)
        .where(Destination.address_hash.in_(sorted(hashes)))
    )
    return dict(found.all())


def _add_destinations(session: Session, rows: list[Row], now: datetime) -> None:
    """Insert subscribers and their addresses, in the order of hashes so that two imports at the
    same time cannot block each other for ever."""
    if not rows:
        return
    people = session.scalars(
        insert(Subscriber).returning(Subscriber.id, sort_by_parameter_order=True),
        [{"language": row.language, "created_at": now} for row in rows],
    ).all()
    _insert_new(
        session,
        _table(Destination),
        [
            {
                "kind": DestinationKind.EMAIL,
                "subscriber_id": person,
                "address": row.address,
                "address_hash": row.hashed,
                "lane": lane_of(row.address),
                "language": row.language,
                "created_at": now,
            }
            for person, row in zip(people, rows, strict=True)
        ],
    )
    has_address = select(Destination.id).where(Destination.subscriber_id == Subscriber.id).exists()
    session.execute(  # whose address somebody else stored in the meantime
        delete(Subscriber)
        .where(Subscriber.id.in_(people), ~has_address)
        .execution_options(synchronize_session=False)
    )


def _verify(session: Session, ids: dict[str, int], now: datetime) -> set[str]:
    """The origin of the consent is the proof that a mailed link would have been."""
    return set(
        session.scalars(
            update(Destination)
            .where(Destination.id.in_(ids.values()), Destination.verified_at.is_(None))
            .values(verified_at=now)
            .returning(Destination.address_hash)
            .execution_options(synchronize_session=False)
        )
    )


def _missing(
    session: Session, rows: list[Row], ids: Mapping[str, int], now: datetime
) -> list[dict[str, Any]]:
    """The subscriptions that their owner neither has nor ever ended; what an undone import had
    brought was never theirs."""
    known: set[tuple[int, tuple[int | None, int | None]]] = {
        (destination_id, (topic_id, place_id))
        for destination_id, topic_id, place_id in session.execute(
            select(Subscription.destination_id, Subscription.topic_id, Subscription.place_id).where(
                Subscription.destination_id.in_(ids.values()),
                Subscription.end_reason.is_distinct_from(UNDONE),
            )
        )
    }
    values = []
    for row in rows:
        destination_id = ids[row.hashed]
        for pair in row.choices.pairs():
            if (destination_id, pair) in known:
                continue
            known.add((destination_id, pair))
            values.append(
                {
                    "destination_id": destination_id,
                    "topic_id": pair[0],
                    "place_id": pair[1],
                    "frequency": row.choices.frequency,
                    "created_at": now,
                }
            )
    return values


def _add_subscriptions(session: Session, values: list[dict[str, Any]]) -> dict[int, list[int]]:
    """Insert them; return the numbers of those that are new, by destination."""
    table, got = _table(Subscription), dict[int, list[int]]()
    for id_, destination_id in _insert_new(session, table, values, table.c.destination_id):
        got.setdefault(destination_id, []).append(id_)
    return got


def _add_consents(session: Session, rows: list[Row], origin: str, now: datetime) -> None:
    values = [
        {
            "address_hash": row.hashed,
            "act": ConsentAct.IMPORTED,
            "language": row.language,
            "origin": origin,
            "choices": [row.choices.as_json()],
            "at": now,
        }
        for row in rows
    ]
    _insert_new(session, _table(Consent), values)


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _insert_new(
    session: Session, table: Table, values: list[dict[str, Any]], *columns: Column[Any]
) -> Sequence[Any]:
    """INSERT … ON CONFLICT DO NOTHING, hundreds of rows a statement; returns keys of new rows.

    On the table and asking for the key: the ORM would make a statement for each pattern of nulls,
    and without the key PostgreSQL would get one for each row.
    """
    if not values:
        return ()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(table.c.id, *columns)
    return session.execute(statement, values).all()
