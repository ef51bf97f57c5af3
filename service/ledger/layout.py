"""Laying out batches before their rows are there, so that each row is written once.

How many rows of a key range each lane will have is not known before they are inserted. So the
batches of a range are laid out by what the range before it had: each lane gets equal parts of the
range, with some room left. What the guess missed (a new lane, a part with too many) is cut
afterwards, as everything is where there is no guess yet.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.ledger.match import Batching

Lane = tuple[str, str]  # kind and name

BATCH_SIZE = 1_000
FILLED = 0.85  # of a batch that is laid out: chance must not make it too big
MOST_LANES = 24  # in one statement; smaller ones are cut afterwards

# Numbers of batches that are not there yet. Gaps cost nothing, yet a layout counts without them.
TAKE_POSTGRESQL = text("""
    SELECT min(id), max(id) FROM (
        SELECT nextval(pg_get_serial_sequence('batch', 'id')) AS id
        FROM generate_series(1, :count)) AS taken
""")
TAKE_SQLITE = text("SELECT coalesce(max(id), 0) + 1, coalesce(max(id), 0) + :count FROM batch")
TRIES = 5  # two that take at the same time mix their numbers


class Layout:
    """The batches of one key range: for each lane the numbers of its parts, in order."""

    def __init__(self, parts: Mapping[Lane, range]) -> None:
        self._parts = parts
        self.lane_of = {number: lane for lane, numbers in parts.items() for number in numbers}
        # The first and the last number; of none, a span that is empty.
        self.numbers = {"first": min(self.lane_of, default=1), "last": max(self.lane_of, default=0)}

    def batching(self, lower: int, upper: int) -> Batching:
        """The SQL that gives a destination `d` of this range its batch; null for other lanes."""
        if not self._parts:
            return Batching()
        values: dict[str, int | str] = {"width": upper - lower}
        cases: defaultdict[str, list[str]] = defaultdict(list)
        for n, ((kind, lane), numbers) in enumerate(self._parts.items()):
            part = f":first_{n} + (d.id - :lower - 1) * :parts_{n} / :width"
            cases[kind].append(f"WHEN :lane_{n} THEN {part}")
            values |= {f"lane_{n}": lane, f"first_{n}": numbers.start, f"parts_{n}": len(numbers)}
        kinds = [f"WHEN '{kind}' THEN CASE d.lane {' '.join(of)} END" for kind, of in cases.items()]
        return Batching(f"CASE d.kind {' '.join(kinds)} END", values)


class Shares:
    """What part of a key range each lane had last; kept while one notification is planned."""

    def __init__(self) -> None:
        self._shares: dict[Lane, float] = {}
        self._rows_each = 1.0
        self._are_known = False

    def size(self, first: int, usual: int) -> int:
        """The size of the next range: `usual`, less where each of its rows brings others along."""
        return max(int(usual / self._rows_each), 1) if self._are_known else first

    def learn(
        self, counts: Mapping[Lane, int], size: int, planned: int = 0, items: int | None = None
    ) -> None:
        """Note the rows of each lane in a range of at most `size` rows, and of the `items` that
        came with those that were planned."""
        self._shares = {lane: count / size for lane, count in counts.items()}
        self._rows_each = max((planned + (items or 0)) / size, 1.0)
        self._are_known = True

    def lay_out(self, session: Session, size: int) -> Layout:
        """Lay out the batches of the next range, of at most `size` rows."""
        largest = sorted(self._shares.items(), key=lambda item: -item[1])[:MOST_LANES]
        parts = {lane: math.ceil(share * size / (BATCH_SIZE * FILLED)) for lane, share in largest}
        first = _take(session, sum(parts.values()))
        if first is None:
            return Layout({})
        laid = {}
        for lane, count in parts.items():
            laid[lane] = range(first, first + count)
            first += count
        return Layout(laid)


def _take(session: Session, count: int) -> int | None:
    """The first of so many numbers in a row; null where others would not let them be in a row."""
    if not count:
        return None
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = TAKE_SQLITE if is_sqlite else TAKE_POSTGRESQL
    for _ in range(TRIES):
        first, last = session.execute(statement, {"count": count}).one()
        if last - first == count - 1:
            return int(first)
    return None
