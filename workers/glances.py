"""Last looks before messages leave: one look serves all that leave at the same time."""

from __future__ import annotations

import math
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from service.db import Database
from service.ledger.lease import Lease, Row, pending

SIZE = 128  # of a look: what may be in the air of any kind, and what is answered but not settled


class Glances:
    """Of one batch; thread-safe. Who comes while somebody looks waits, and finds what was seen."""

    def __init__(self, db: Database, lease: Lease) -> None:
        self._db, self._lease = db, lease
        self._lock = threading.Lock()
        self._waiting: set[int] = set()
        self._seen: dict[int, Row] = {}
        self._seen_at = -math.inf
        self._low, self._high = 0.0, -math.inf
        self._error: SQLAlchemyError | None = None
        self._failed_at = -math.inf

    def expect(self, destination_id: int) -> None:
        """It was taken, and may want a look before it leaves."""
        with self._lock:
            self._waiting.add(destination_id)

    def forget(self, destination_id: int) -> None:
        """It has left, or does not leave."""
        with self._lock:
            self._waiting.discard(destination_id)

    def at(self, destination_id: int, fresh_s: float) -> Row | None:
        """How a delivery stands, seen no longer ago than that; null: it is not in this lease.

        A look that takes longer than `fresh_s` is old when it ends, so the one delivery is looked
        at again. Where that takes longer too, the database is slower than the promise, and what it
        said last decides.
        """
        asked_at = time.monotonic()
        with self._lock:
            if self._error is not None and self._failed_at >= asked_at:
                raise self._error  # not one slow failure after the other
            is_covered = self._low <= destination_id <= self._high
            if not is_covered or self._is_older(fresh_s):
                try:
                    self._look(min(self._waiting | {destination_id}), destination_id, SIZE)
                    if self._is_older(fresh_s):  # it took that long: one reader is seen sooner
                        self._look(destination_id, destination_id, 1)
                except SQLAlchemyError as error:
                    self._error, self._failed_at = error, time.monotonic()
                    raise
            return self._seen.get(destination_id)

    def _is_older(self, fresh_s: float) -> bool:
        return time.monotonic() - self._seen_at > fresh_s

    def _look(self, first: int, wanted: int, size: int) -> None:
        began = time.monotonic()
        with self._db.read() as session:
            rows = pending(session, self._lease, first - 1, size)
            if len(rows) == size and rows[-1]["destination_id"] < wanted:
                first, rows = wanted, pending(session, self._lease, wanted - 1, size)
        self._seen, self._seen_at = {row["destination_id"]: row for row in rows}, began
        self._low = first
        self._high = rows[-1]["destination_id"] if len(rows) == size else math.inf
