"""Traces of a person: where in the database a text can still be found."""

from __future__ import annotations

from sqlalchemy import select

from service.db import Base
from service.runtime import Runtime


def where(runtime: Runtime, *needles: str) -> set[str]:
    """The tables that hold any of these texts, in any column, in any case."""
    found = set()
    with runtime.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                text = " ".join(
                    value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    for value in row
                ).lower()
                if any(needle.lower() in text for needle in needles):
                    found.add(table.name)
    return found
