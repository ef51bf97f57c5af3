"""The list of erasures: keyed hashes in a table and in a file, so that no backup undoes them.

A restored database is older than some erasures. The file is not part of it: whoever is listed there
and came back with the backup is erased again, at every start and migration, and each night
(docs/adr/0020). Who signed up again after the erasure stays.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.db import Database, utcnow
from service.logs import get_logger
from service.models import Consent, ConsentAct, Destination, DestinationKind, Erasure
from service.settings import Settings
from service.subscriptions.erasing import ERASE, erase, forget
from service.subscriptions.persons import all_of

log = get_logger(__name__)

STEP = 500  # hashes a query
_LINE = re.compile(r"(\S+) ([0-9a-f]{64})")
_MODE = 0o600


def erase_for_good(db: Database, settings: Settings, destination_id: int, now: datetime) -> bool:
    """Erase the person of a destination and list the erasure; owns its transactions.

    The file comes first: should the process die before the commit, the next start finishes what was
    asked for. False where there is nobody to erase.
    """
    with db.read() as session:
        hashes = [one.address_hash for one in all_of(session, destination_id)]
    if not hashes:
        return False
    note(settings, hashes, now)
    with db.write() as session:
        _list(session, dict.fromkeys(erase(session, destination_id, now), now))
    return True


def note(settings: Settings, hashes: Iterable[str], now: datetime) -> None:
    """Append these to the file. A full disk must not keep anybody from being erased: the table
    knows it as well, and the next `apply` writes it here."""
    lines = "".join(f"{now.isoformat()} {hashed}\n" for hashed in sorted(hashes))
    try:
        with _locked(settings.erasures_path) as handle:
            os.lseek(handle, 0, os.SEEK_END)
            _write(handle, lines)
    except OSError as error:
        log.error("the file of erasures cannot be written", error=type(error).__name__)


def forget_noted(
    session: Session, settings: Settings, people: Sequence[Destination], now: datetime
) -> None:
    """Empty locked destinations of people who asked for nothing themselves, and list them; in the
    caller's transaction. An import may bring them back: none of them has said no."""
    if people:
        note(settings, [one.address_hash for one in people], now)
        _list(session, dict.fromkeys(forget(session, people, now), now))


def apply(db: Database, settings: Settings, now: datetime | None = None) -> int:
    """Erase whoever is listed and came back with a backup; returns how many.

    Table and file get from each other what they lack, and lose what no backup is as old as. A
    second run, or another one at the same time, changes nothing.
    """
    now = now or utcnow()
    oldest = now - timedelta(days=settings.backup_days)
    listed = _read(settings.erasures_path)
    with db.write() as session:
        for row in session.scalars(select(Erasure)):
            listed[row.address_hash] = max(row.at, listed.get(row.address_hash, row.at))
        listed = {hashed: at for hashed, at in listed.items() if at >= oldest}
        _list(session, listed)
        session.execute(delete(Erasure).where(Erasure.at < oldest))
    _rewrite(settings.erasures_path, listed, oldest)
    done = 0
    for part in _steps(sorted(listed), STEP):
        with db.read() as session:
            found = _came_back(session, {hashed: listed[hashed] for hashed in part})
        for destination_id in found:
            with db.write() as session:
                done += bool(erase(session, destination_id, now))
    return done


def listed_in(connection: Connection) -> dict[str, datetime]:
    """What the table of a database knows; nothing where it is older than that table."""
    if not inspect(connection).has_table(Erasure.__tablename__):
        return {}
    found = connection.execute(select(Erasure.address_hash, Erasure.at))
    return {row.address_hash: row.at for row in found}


def enlist(session: Session, listed: Mapping[str, datetime]) -> None:
    """Let the table know these too, by its caller's transaction; `apply` does the rest."""
    _list(session, listed)


def erased(session: Session, hashes: Iterable[str]) -> set[str]:
    """Those of these addresses whose last word was to be erased: no import brings them back."""
    acts = session.execute(
        select(Consent.address_hash, Consent.act, Consent.how)
        .where(Consent.address_hash.in_(sorted(hashes)))
        .where(Consent.act.in_((ConsentAct.CONFIRMED, ConsentAct.WITHDRAWN)))
        .order_by(Consent.id)
    )
    last = {hashed: (act, how) for hashed, act, how in acts}
    return {hashed for hashed, word in last.items() if word == (ConsentAct.WITHDRAWN, ERASE)}


def _came_back(session: Session, listed: Mapping[str, datetime]) -> list[int]:
    """Destinations that are older than their erasure, and were not confirmed after it."""
    rows = session.execute(
        select(Destination.id, Destination.address_hash, Destination.created_at)
        .where(Destination.kind.in_(list(DestinationKind)))
        .where(Destination.address_hash.in_(listed))
        .order_by(Destination.id)
    ).all()
    later = session.execute(
        select(Consent.address_hash, Consent.at)
        .where(Consent.address_hash.in_([row.address_hash for row in rows]))
        .where(Consent.act.in_((ConsentAct.CONFIRMED, ConsentAct.IMPORTED)))
    ).all()
    again = {hashed for hashed, at in later if at > listed[hashed]}
    return [
        row.id
        for row in rows
        if row.created_at <= listed[row.address_hash] and row.address_hash not in again
    ]


def _list(session: Session, listed: Mapping[str, datetime]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    for part in _steps(sorted(listed), STEP):
        values = [{"address_hash": hashed, "at": listed[hashed]} for hashed in part]
        new = dialect.insert(Erasure).values(values)
        session.execute(
            new.on_conflict_do_update(
                index_elements=["address_hash"],
                set_={"at": new.excluded.at},
                where=Erasure.at < new.excluded.at,
            )
        )


def _read(path: Path) -> dict[str, datetime]:
    """The newest erasure of each hash; a line that a dying machine left half is passed over."""
    try:
        return _parse(path.read_text(encoding="ascii", errors="replace"))
    except FileNotFoundError:
        return {}


def _parse(text: str) -> dict[str, datetime]:
    listed: dict[str, datetime] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        try:
            at = datetime.fromisoformat(found[1]) if found else None
        except ValueError:
            at = None
        if found and at is not None and at.tzinfo is not None:
            listed[found[2]] = max(at, listed.get(found[2], at))
    return listed


def _rewrite(path: Path, listed: Mapping[str, datetime], oldest: datetime) -> None:
    """Make the file say what is listed, and what others have appended meanwhile. Where it says so
    already it is left alone."""
    if _read(path) == listed:
        return
    try:
        with _locked(path) as handle:
            said = _parse(os.pread(handle, os.fstat(handle).st_size, 0).decode("ascii", "replace"))
            whole = dict(listed)
            for hashed, at in said.items():
                if at >= oldest:
                    whole[hashed] = max(at, whole.get(hashed, at))
            os.ftruncate(handle, 0)  # should this machine die now: the table has all of it
            os.lseek(handle, 0, os.SEEK_SET)
            _write(handle, "".join(f"{at.isoformat()} {h}\n" for h, at in sorted(whole.items())))
    except OSError as error:
        log.error("the file of erasures cannot be written", error=type(error).__name__)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _write(handle: int, text: str) -> None:
    data = text.encode("ascii")
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)


def _steps(items: list[str], size: int) -> Iterator[list[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
