"""The database that a restore replaces: whether it may, and what must not be lost with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DatabaseError

from service.copies.file import BackupRefused
from service.db import Database
from service.settings import Settings
from service.subscriptions import erasures

USED = ("staff", "source", "destination", "article")  # empty in a database that nobody used yet
Erased = Mapping[str, datetime]


def database_file(settings: Settings) -> Path:
    """The file of a SQLite database."""
    return Path(settings.sqlalchemy_url.partition("sqlite:///")[2])


def unfinished_file(settings: Settings) -> Path:
    """Where a restore builds the file that takes the place of the database."""
    path = database_file(settings)
    return path.with_name(f".{path.name}.restoring")


def forget_unfinished(settings: Settings) -> None:
    """Delete what a restore left that was killed: it holds addresses. Whoever calls this has the
    folder for itself, as a restore has."""
    path = unfinished_file(settings)
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def require_replaceable(settings: Settings, *, is_replacing: bool) -> None:
    """Raises BackupRefused where it holds data and was not said to be replaced."""
    is_file = settings.sqlalchemy_url.startswith("sqlite")
    if is_replacing or (is_file and not database_file(settings).exists()):
        return
    db = Database(settings.sqlalchemy_url)
    try:
        with db.engine.connect() as connection:
            there = set(inspect(connection).get_table_names())
            if any(_has_rows(connection, name) for name in USED if name in there):
                raise BackupRefused("the database holds data; say --replace to lose it")
    finally:
        db.close()


def erased_of(settings: Settings) -> Erased:
    """What the database that goes knows of erasures: the file may have been lost, or the disk full
    when it should have been written. A broken one can tell nothing."""
    if settings.sqlalchemy_url.startswith("sqlite") and not database_file(settings).exists():
        return {}
    db = Database(settings.sqlalchemy_url)
    try:
        with db.engine.connect() as connection:
            return erasures.listed_in(connection)
    except (DatabaseError, sqlite3.DatabaseError):
        return {}
    finally:
        db.close()


def _has_rows(connection: Connection, table: str) -> bool:
    found = connection.exec_driver_sql(f'SELECT 1 FROM "{table}" LIMIT 1')  # noqa: S608
    return found.first() is not None
