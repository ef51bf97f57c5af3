"""Whether partitions of the ledger pay: `python -m tests.bench.scale.partitions [ROWS]`.

The same deliveries go into the product's partitioned table and into a plain one with the same
columns and indexes. Then the oldest part is forgotten, by `DROP TABLE` and by deleting in steps
as retention does. Prints a table, and writes the figures that the ADR and the plan cite.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, text

from tests.bench.ledger.scene import one_scene

FILE = Path(__file__).parents[3] / "docs" / "performance" / "partitions.json"
READERS = 50_000  # of each article
PARTS = 10  # ranges of ids; the first of them is forgotten
STEP = 2_000  # rows that retention deletes in a transaction
LOOKS = 200
WIDTH = 1_000  # ids of a range, as the product makes them

PLAIN = text("CREATE TABLE plain (LIKE delivery INCLUDING ALL)")
INSERT = """
    INSERT INTO {table} (notification_id, destination_id, state, batch_id, subscription_id,
                         revision_id, attempts, settled_at)
    SELECT :notification, n, 1, :notification * 100 + n / 1000, n, :notification, 1, now()
    FROM generate_series(1, :readers) n
"""
STEPS = text("""
    DELETE FROM plain WHERE notification_id = :notification AND destination_id IN
        (SELECT destination_id FROM plain WHERE notification_id = :notification LIMIT :step)
""")
SIZES = text("""
    SELECT coalesce(sum(pg_table_size(c.oid)), 0), coalesce(sum(pg_indexes_size(c.oid)), 0)
    FROM pg_class c WHERE c.oid = 'plain'::regclass AND :table = 'plain'
        OR :table = 'delivery' AND c.oid IN
            (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'delivery'::regclass)
""")
LOOK = "SELECT count(*) FROM {table} WHERE destination_id = :reader"


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    with one_scene((1,), is_postgresql=True) as scene:
        connection = scene.runtime.db.engine.connect()
        with connection.execution_options(isolation_level="AUTOCOMMIT"):
            figures = Trial(connection, max(rows // READERS // PARTS, 1)).run()
    figures["rows"] = rows
    print(json.dumps(figures, indent=1))
    FILE.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


class Trial:
    """So many articles a range, in `PARTS` ranges."""

    def __init__(self, connection: Connection, articles: int) -> None:
        self._run, self._articles = connection.execute, articles
        self._ids = [part * WIDTH + n + 1 for part in range(PARTS) for n in range(articles)]

    def run(self) -> dict[str, object]:
        self._prepare()
        tables = ("delivery", "plain")
        inserting: dict[str, list[float]] = {table: [] for table in tables}
        for one in self._ids:
            for table in tables:
                took = self._timed(lambda t=table, n=one: self._insert(t, n))
                inserting[table].append(took)
        self._run(text("VACUUM ANALYZE delivery"))
        self._run(text("VACUUM ANALYZE plain"))
        figures: dict[str, object] = {
            f"{table}_insert_us": round(median(times) / READERS * 1e6, 2)
            for table, times in inserting.items()
        }
        for table in tables:
            figures[f"{table}_bytes"] = self._sizes(table)
            figures[f"{table}_look_ms"] = self._look(table)
        old = self._ids[: self._articles]
        figures["drop_s"] = round(
            self._timed(lambda: self._run(text("DROP TABLE delivery_from_0"))), 3
        )
        figures["delete_s"] = round(self._timed(lambda: self._delete(old)), 2)
        figures["vacuum_s"] = round(self._timed(lambda: self._run(text("VACUUM plain"))), 2)
        for table in tables:
            figures[f"{table}_bytes_after"] = self._sizes(table)
        return figures

    def _prepare(self) -> None:
        self._run(text("DELETE FROM delivery"))
        there = self._run(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'delivery'::regclass"
            )
        ).scalars()
        for table in list(there):
            self._run(text(f"DROP TABLE {table}"))
        for part in range(PARTS):
            lower = part * WIDTH
            self._run(
                text(
                    f"CREATE TABLE delivery_from_{lower} PARTITION OF delivery"
                    f" FOR VALUES FROM ({lower}) TO ({lower + WIDTH})"
                )
            )
        self._run(PLAIN)

    def _insert(self, table: str, notification: int) -> None:
        values = {"notification": notification, "readers": READERS}
        self._run(text(INSERT.format(table=table)), values)

    def _delete(self, notifications: list[int]) -> None:
        for one in notifications:
            while self._run(STEPS, {"notification": one, "step": STEP}).rowcount:
                pass

    def _sizes(self, table: str) -> dict[str, int]:
        heap, indexes = self._run(SIZES, {"table": table}).one()
        return {"table": int(heap), "indexes": int(indexes)}

    def _look(self, table: str) -> float:
        query = text(LOOK.format(table=table))
        times = [
            self._timed(lambda n=n: self._run(query, {"reader": n * 97}).scalar())
            for n in range(1, LOOKS + 1)
        ]
        return round(median(times) * 1e3, 3)

    @staticmethod
    def _timed(run: Callable[[], object]) -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
