"""SQLite changes a table by building it anew, which its foreign keys must not forbid meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection


class DanglingRows(Exception):
    """After a migration some rows refer to rows that are gone; nothing of it was stored."""


@contextmanager
def unchecked(connection: Connection) -> Iterator[None]:
    """Look at foreign keys once, at the end, and commit; elsewhere than on SQLite nothing changes.

    A table that others refer to could not be dropped for its new self. SQLite ignores the switch
    inside a transaction, so what was begun before is committed first.

    Raises:
        DanglingRows: a migration lost rows that others refer to.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.commit()
    _switch(connection, "OFF")
    try:
        yield
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(10)
        if broken:
            raise DanglingRows(", ".join(f"{row[0]} {row[1]} of {row[2]}" for row in broken))
        connection.commit()
    finally:
        connection.rollback()
        _switch(connection, "ON")


def _switch(connection: Connection, to: str) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA foreign_keys = {to}")
