"""`make chaos`: hurt a running Tellal in every way of the table and count what was lost.

Variables: `FAULT` (names or parts of names, joined by commas; else all), `SEED` (1), `DB` (sqlite
or postgresql; else both), `DELIVERIES` of each row (20000), `FRESH=1` (run rows that are there
already), `QUICK=1` (2,000 deliveries a row, on each database: of FAULT, else one mixed row).

What was found is kept in `var/chaos`, of rows that failed with the logs of every process. Exit code
1: something was lost, doubled outside unknown, or otherwise not as promised.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos import faults
from tests.chaos.city import City
from tests.chaos.faults import Fault
from tests.chaos.postgres import Postgres
from tests.chaos.results import FOLDER, Results, Row, head, summary
from tests.chaos.row import run

DATABASES = ("sqlite", "postgresql")
DELIVERIES, QUICK_DELIVERIES = 20_000, 2_000
CHANNEL_SHARE = 100  # every hundredth destination is a chat room
MIXES = 3


@dataclass(frozen=True)
class Wanted:
    """What the environment asks for."""

    seed: int
    databases: tuple[str, ...]
    deliveries: int
    names: tuple[str, ...]
    is_fresh: bool
    is_quick: bool

    @classmethod
    def read(cls) -> Wanted:
        is_quick = os.environ.get("QUICK") == "1"
        size = QUICK_DELIVERIES if is_quick else DELIVERIES
        names = tuple(filter(None, os.environ.get("FAULT", "").split(",")))
        return cls(
            seed=int(os.environ.get("SEED") or 1),
            databases=tuple(filter(None, os.environ.get("DB", "").split(","))) or DATABASES,
            deliveries=int(os.environ.get("DELIVERIES") or size),
            names=names,
            is_fresh=is_quick or os.environ.get("FRESH") == "1",
            is_quick=is_quick,
        )

    def rows(self, database: str) -> dict[str, list[Fault]]:
        """The rows that are asked for: name, and what strikes in it."""
        mixes = {
            f"mix {number}": faults.mix(database, random.Random(f"{self.seed} mix {number}"))
            for number in range(1, MIXES + 1)
        }
        if self.is_quick and not self.names:
            return {"mix 1": mixes["mix 1"]}
        found = {fault.name: [fault] for fault in faults.table(database)} | mixes
        return {
            name: parts
            for name, parts in found.items()
            if not self.names or any(wanted in name for wanted in self.names)
        }


def main() -> int:
    """Run the rows that are missing, print the table; 1 where a promise was not kept."""
    wanted = Wanted.read()
    print(f"SEED={wanted.seed}, {wanted.deliveries} deliveries a row\n{head()}", flush=True)
    rows = [row for database in wanted.databases for row in _run_on(database, wanted)]
    failed = [row for row in rows if row.failures]
    for row in failed:
        print(f"FAILED {row.fault} on {row.db}: {', '.join(row.failures)}; {_evidence(row)}")
    print(json.dumps(summary(rows)))
    return int(bool(failed))


def _run_on(database: str, wanted: Wanted) -> list[Row]:
    results = Results(database, wanted.seed, kind="-quick" if wanted.is_quick else "")
    asked = wanted.rows(database)
    if wanted.is_fresh:
        results.forget(asked, wanted.deliveries)
    kept = {name: results.find(name, wanted.deliveries) for name in asked}
    for row in filter(None, kept.values()):
        print(row.line(), "(kept)", flush=True)
    missing = {name: asked[name] for name, row in kept.items() if row is None}
    if missing:
        try:
            _run_missing(database, wanted, missing, results)
        except Exception:  # a city that cannot be brought back must not spare the other database
            traceback.print_exc()
    return [
        results.find(name, wanted.deliveries)
        or Row(name, database, wanted.seed, wanted.deliveries, error="the city did not come up")
        for name in asked
    ]


def _run_missing(
    database: str, wanted: Wanted, missing: dict[str, list[Fault]], results: Results
) -> None:
    marks: dict[str, tuple[Row, int]] = {}
    with _city(database, wanted.deliveries) as city:
        for name, parts in missing.items():
            mark = f"{wanted.seed}-{_slug(name)}-{int(time.time())}"
            row = _run_row(city, database, wanted, name, parts, mark)
            results.add(row)
            marks[mark] = row, city.tapes.arrived[mark].count
            print(row.line(), flush=True)
        city.tapes.read()
        for mark, (row, count) in marks.items():
            late = city.tapes.arrived[mark].count - count
            if late and row.is_done:
                print(f"{row.fault}: {late} more came after its end", flush=True)
                results.add(replace(row, doubled=row.doubled + late))


@contextmanager
def _city(database: str, deliveries: int) -> Iterator[City]:
    channels = max(1, deliveries // CHANNEL_SHARE)
    if database == "sqlite":
        with City(None, deliveries - channels, channels) as city:
            yield city
        return
    with Postgres() as postgres, City(postgres, deliveries - channels, channels) as city:
        yield city


def _run_row(
    city: City, database: str, wanted: Wanted, name: str, parts: list[Fault], mark: str
) -> Row:
    """Run one row; whatever goes wrong in it is its own failure and stops no other row."""
    row = Row(
        fault=name,
        db=database,
        seed=wanted.seed,
        deliveries=wanted.deliveries,
        parts=[fault.name for fault in parts] if len(parts) > 1 else [],
        not_run="; ".join(filter(None, map(faults.missing, parts))),
    )
    if row.not_run:
        return row
    try:
        seen = run(city, mark, parts, random.Random(f"{wanted.seed} {name}"))
        verdict = seen.verdict
        row = replace(
            row,
            lost=verdict.lost,
            doubled=verdict.doubled,
            doubled_unknown=verdict.doubled_unknown,
            unknown=verdict.unknown,
            untrue=verdict.untrue,
            limit=seen.in_doubt_limit,
            recovery_s=round(seen.recovery_s, 2),
            total_s=round(seen.total_s, 1),
            strikes=seen.strikes,
            is_done=seen.is_done,
            audit=city.audit(),
            victims={what: list(names) for what, names in verdict.victims.items() if names},
        )
    except Exception as error:
        traceback.print_exc()
        row = replace(row, error=f"{type(error).__name__}: {error}"[:500], is_done=False)
        city.bring_back()
    if row.failures:
        city.save_logs(_evidence(row))
    return row


def _evidence(row: Row) -> Path:
    return FOLDER / "evidence" / f"{row.db}-{row.seed}-{_slug(row.fault)}"


def _slug(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


if __name__ == "__main__":
    sys.exit(main())
