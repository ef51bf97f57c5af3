"""The manifest of a backup: every member with its length and SHA-256, and every table with its
columns, rows and checksum."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from service.copies.rows import Sum
from service.copies.shape import Column, Kind, Shape

FORMAT = 1
_JOURNAL = re.compile(r"journal/[A-Za-z0-9._-]{1,120}\.journal")


@dataclass(frozen=True)
class Table:
    """One table of a backup; `last`: the last number that one of its rows was given."""

    shape: Shape
    sum: Sum
    last: int

    @property
    def member(self) -> str:
        return f"tables/{self.shape.name}.jsonl"


@dataclass(frozen=True)
class Manifest:
    made_at: str
    release: str
    revision: str
    database: str
    key: str
    tables: list[Table]
    sealed: str = ""  # opens with the encryption key; backups before it have none
    members: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(table.sum.rows for table in self.tables)

    @property
    def journals(self) -> list[str]:
        return [name for name in self.members if _JOURNAL.fullmatch(name)]


def as_json(manifest: Manifest, members: dict[str, tuple[int, str]]) -> dict[str, Any]:
    """The manifest as it is written, with what its members turned out to be."""
    return {
        "format": FORMAT,
        "made_at": manifest.made_at,
        "release": manifest.release,
        "revision": manifest.revision,
        "database": manifest.database,
        "key": manifest.key,
        "sealed": manifest.sealed,
        "tables": [
            {
                "name": table.shape.name,
                "columns": [[column.name, column.kind.value] for column in table.shape.columns],
                "numbered_by": table.shape.numbered_by,
                "rows": table.sum.rows,
                "checksum": table.sum.checksum,
                "last": table.last,
            }
            for table in manifest.tables
        ],
        "members": {name: list(facts) for name, facts in members.items()},
    }


def from_json(found: dict[str, Any]) -> Manifest:
    """A manifest that `as_json` wrote.

    Raises:
        KeyError, ValueError, TypeError, IndexError: nothing of the kind did.
    """
    tables = [
        Table(
            Shape(
                one["name"],
                tuple(Column(name, Kind(kind)) for name, kind in one["columns"]),
                one["numbered_by"],
            ),
            Sum(int(one["rows"]), int(one["checksum"], 16)),
            int(one["last"]),
        )
        for one in found["tables"]
    ]
    return Manifest(
        made_at=str(found["made_at"]),
        release=str(found["release"]),
        revision=str(found["revision"]),
        database=str(found["database"]),
        key=str(found["key"]),
        sealed=str(found.get("sealed", "")),
        tables=tables,
        members={
            str(name): (int(size), str(sha)) for name, (size, sha) in found["members"].items()
        },
    )
