"""Restoring: a checked backup takes the place of the database, as a whole or not at all.

On SQLite a new file is built beside the old one and renamed over it; on PostgreSQL all of it is one
transaction. Migrations that the backup lacks run afterwards, who was erased since is erased again,
and what was in flight is held (`in_flight`).
"""

from __future__ import annotations

import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from service import migrations
from service.archive.index import renew_all
from service.copies import in_flight
from service.copies.file import BackupRefused, lines, opened, sync_folder, verify
from service.copies.manifest import Manifest, Table
from service.copies.moving import Report, empty, require_same, set_sequences
from service.copies.replaced import (
    Erased,
    database_file,
    erased_of,
    forget_unfinished,
    require_replaceable,
    unfinished_file,
)
from service.copies.rows import STEP, Row, sums, write
from service.copies.shape import VERSION, shapes_of
from service.copies.users import holders
from service.crypto import Vault
from service.db import Database, utcnow
from service.migrations.partitions import FULL_TEXT, whole_tables
from service.settings import Settings
from service.subscriptions import erasures

_FUNCTION = "DROP FUNCTION IF EXISTS audit_is_append_only() CASCADE"


@dataclass(frozen=True)
class Restored:
    manifest: Manifest
    in_flight: int
    erased_again: int


def check(path: Path, vault: Vault, report: Report) -> Manifest:
    """Read all of a backup and compare it with its manifest.

    Raises:
        BackupRefused: it is not what it says, or not for here.
    """
    with opened(path, vault) as (archive, manifest):
        _require_known(manifest)
        verify(archive, manifest, lambda rows: report("checking", rows))
        return manifest


def rows_of(path: Path, vault: Vault) -> int:
    """How many rows a backup says that it has, for a bar."""
    with opened(path, vault) as (_, manifest):
        return manifest.rows


def restore(
    path: Path, settings: Settings, vault: Vault, report: Report, *, is_replacing: bool
) -> Restored:
    """Check all of a backup, then put it in the place of the database, which nobody may use.

    Raises:
        BackupRefused: it is damaged, or not for here; or the database holds data and may not be
            replaced. Nothing was changed.
    """
    with opened(path, vault) as (archive, manifest):
        _require_known(manifest)
        require_replaceable(settings, is_replacing=is_replacing)
        verify(archive, manifest, lambda rows: report("checking", rows))
        erased = erased_of(settings)
        if settings.sqlalchemy_url.startswith("sqlite"):
            return _into_file(archive, manifest, settings, erased, report)
        return _into_server(archive, manifest, settings, erased, report)


def _into_file(
    archive: zipfile.ZipFile,
    manifest: Manifest,
    settings: Settings,
    erased: Erased,
    report: Report,
) -> Restored:
    path, new = database_file(settings), unfinished_file(settings)
    forget_unfinished(settings)
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL, 0o600))
        db = Database(f"sqlite:///{new}")
        try:
            restored = _fill(db, archive, manifest, settings, erased, report)
        finally:
            db.close()
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with new.open("rb") as file:
            os.fsync(file.fileno())
        if pids := holders(path):  # since the command looked, which may be hours ago
            raise BackupRefused(f"process {pids[0]} has opened the database meanwhile; stop it")
        _end_log(path)
        new.rename(path)
        sync_folder(path.parent)
    finally:
        forget_unfinished(settings)
    return restored


def _into_server(
    archive: zipfile.ZipFile,
    manifest: Manifest,
    settings: Settings,
    erased: Erased,
    report: Report,
) -> Restored:
    db = Database(settings.sqlalchemy_url)
    try:
        return _fill(db, archive, manifest, settings, erased, report)
    finally:
        db.close()


def _fill(
    db: Database,
    archive: zipfile.ZipFile,
    manifest: Manifest,
    settings: Settings,
    erased: Erased,
    report: Report,
) -> Restored:
    now = utcnow()
    with db.engine.connect() as connection:
        _clear(connection)
        migrations.upgrade_on(connection, manifest.revision)
        shapes = [table.shape for table in manifest.tables]
        require_same(shapes, shapes_of(connection))
        empty(connection, shapes)
        for table in manifest.tables:
            write(connection, table.shape, _rows(archive, manifest, table, report))
        for table in manifest.tables:
            if sums(connection, table.shape, lambda rows: report("comparing", rows)) != table.sum:
                raise BackupRefused(f"{table.shape.name} is not what the backup has")
        last = {table.shape.name: table.last for table in manifest.tables}
        set_sequences(connection, shapes, last, ahead=in_flight.AHEAD)
        migrations.upgrade_on(connection)
        held = _hold(connection, manifest, last, now, erased, is_sqlite=db.is_sqlite)
        # Before what they belong to: without its journal, all that a batch had in hand is in doubt.
        # What failed until here leaves the folder as it was.
        _put_journals(archive, manifest, settings.var_dir / "journal")
        connection.commit()
    again = erasures.apply(db, settings)
    renew_all(db, on_progress=lambda done: None)  # the search is in no backup
    return Restored(manifest, held, again)


def _hold(
    connection: Connection,
    manifest: Manifest,
    last: dict[str, int],
    now: datetime,
    erased: Erased,
    *,
    is_sqlite: bool,
) -> int:
    if is_sqlite:
        in_flight.number_ahead(connection, last, now)
    journals = [Path(name).stem for name in manifest.journals]
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        held = in_flight.hold(session, manifest.made_at, journals, now)
        erasures.enlist(session, erased)
        session.commit()
    return held


def _rows(
    archive: zipfile.ZipFile, manifest: Manifest, table: Table, report: Report
) -> Iterator[Row]:
    for number, line in enumerate(lines(archive, manifest, table.member), 1):
        if not number % STEP:
            report("restoring", STEP)
        yield orjson.loads(line)
    report("restoring", table.sum.rows % STEP)


def _require_known(manifest: Manifest) -> None:
    if not migrations.is_known(manifest.revision):
        raise BackupRefused(
            f"it was made by a newer release ({manifest.release}, migration {manifest.revision}); "
            "restore it with that one"
        )


def _clear(connection: Connection) -> None:
    """Drop what there is; a new file has nothing."""
    is_whole = whole_tables(connection)
    names = inspect(connection).get_table_names()
    for name in names:
        if is_whole(name, "table", {}) or name.startswith(FULL_TEXT) or name == VERSION:
            connection.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
    if names:
        connection.execute(text(_FUNCTION))


def _put_journals(archive: zipfile.ZipFile, manifest: Manifest, folder: Path) -> None:
    """What owners had in hand; of a journal that is here already, this one knows more."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in manifest.journals:
        path = folder / Path(name).name
        if path.exists():
            continue
        part = path.with_suffix(".part")  # half a journal would tell that less was sent
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(lines(archive, manifest, name))
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    sync_folder(folder)


def _end_log(path: Path) -> None:
    """What SQLite keeps beside the old file must not be read into the new one."""
    if path.exists():
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.DatabaseError:
            pass  # it may be broken, and that the reason for the restore
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
