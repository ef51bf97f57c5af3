"""An import, piece by piece: first every row is checked and nothing stored, then all are stored.

A piece and the row after which the next one begins are one transaction, so a killed run goes on
where it stopped, and the end is the same.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from service.db import utcnow
from service.jobs import import_rules, queue
from service.jobs.kind import JobError, Kind
from service.models import ImportEntry, ImportRun, Job
from service.runtime import Runtime
from service.subscriptions.import_rows import (
    ImportRefused,
    Record,
    Row,
    RowError,
    RowReader,
    records,
)
from service.subscriptions.importing import CHUNK_ROWS, look_at_rows, store_rows
from service.subscriptions.inviting import Pace, invite_rows

INVITED_ROWS = 50  # each is a letter: more statements than a row
SHOWN_ERRORS = 200
GONE = "The list is gone: it was dropped, or its import was undone. Upload it again."
REPEATED = "the address is on an earlier line; for confirmation mails put all its topics on one"


@dataclass
class Piece:
    """Some rows of the list. `firsts`: those whose address is on no earlier line."""

    after: int
    run: ImportRun
    rows: list[Row] = field(default_factory=list)
    firsts: list[Row] = field(default_factory=list)
    repeated: int = 0
    errors: list[RowError] = field(default_factory=list)
    read: int = 0
    is_end: bool = False
    counts: Counter[str] = field(default_factory=Counter)


class _List:
    """The list of a run, read on from where the piece before ended; opened anew by each turn."""

    def __init__(self) -> None:
        self._after = -1
        self._records: Iterator[Record] = iter(())
        self._seen: set[str] = set()
        self._reader: RowReader | None = None

    def piece(self, runtime: Runtime, job: Job) -> Piece | None:
        """The next rows; None after the last.

        Raises:
            JobError: the list is gone.
        """
        if job.cursor.get("ended"):
            return None
        after = int(job.cursor.get("row", 0))
        with runtime.db.read() as session:
            run = session.get_one(ImportRun, job.params["import_id"])
            if run.dropped_at is not None or run.undo_job_id is not None:
                raise JobError(GONE)
            if self._reader is None:
                self._reader = RowReader(session, runtime.vault)
            if after != self._after:
                self._open(runtime, session, run, after)
        piece = Piece(after, run)
        size = CHUNK_ROWS if run.evidence else INVITED_ROWS
        try:
            while piece.read < size and (record := next(self._records, None)) is not None:
                self._take(piece, record)
        except ImportRefused as refused:
            piece.errors += refused.errors
            piece.is_end = True
        piece.is_end = piece.is_end or piece.read < size
        piece.errors += self._reader.errors
        self._reader.errors = []
        self._after = after + piece.read
        return piece

    def _open(self, runtime: Runtime, session: Session, run: ImportRun, after: int) -> None:
        text = queue.read_file(runtime, session, run.check_job_id or 0, import_rules.FILE)
        if text is None:
            raise JobError(GONE)
        self._records, self._seen = records(io.StringIO(text, newline="")), set()
        for _ in range(after):
            _, record = next(self._records)
            self._is_repeated(record)

    def _take(self, piece: Piece, record: Record) -> None:
        assert self._reader is not None
        piece.read += 1
        line, fields = record
        is_repeated = self._is_repeated(fields)
        row = self._reader.row(line, fields)
        if row is None:
            return
        if is_repeated and not piece.run.evidence:
            piece.errors.append(RowError(line, REPEATED))
        piece.rows.append(row)
        if is_repeated:
            piece.repeated += 1
        else:
            piece.firsts.append(row)

    def _is_repeated(self, fields: dict[str, Any]) -> bool:
        """Before it is normalised: what is the same then was the same before, but for capitals."""
        key = str(fields.get("address") or "").strip().encode().lower().decode()
        is_repeated = key in self._seen
        self._seen.add(key)
        return is_repeated


class CheckImport(Kind):
    """Says what is wrong with each line, and what would become of each row. Stores nothing."""

    power = "people"

    def __init__(self) -> None:
        self._list = _List()

    def count(self, runtime: Runtime, job: Job) -> int | None:
        """The rows, for the progress; None for what is no CSV."""
        with runtime.db.read() as session:
            text = queue.read_file(runtime, session, job.id, import_rules.FILE)
        try:
            return max(0, sum(1 for _ in csv.reader(io.StringIO(text or "", newline=""))) - 1)
        except csv.Error:
            return None

    def work(self, runtime: Runtime, job: Job) -> Piece | None:
        piece = self._list.piece(runtime, job)
        if piece is not None and piece.rows:
            with runtime.db.read() as session:
                look = look_at_rows(session, piece.rows, utcnow())
            piece.counts = look.counts(piece.firsts)
        return piece

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Piece) -> None:
        _move(job, piece)
        shown = [*job.result.get("errors", []), *([e.line, e.text] for e in piece.errors)]
        wrong = job.result.get("wrong", 0) + len(piece.errors)
        job.result = {**job.result, "wrong": wrong, "errors": shown[:SHOWN_ERRORS]}

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:
        run = session.get_one(ImportRun, job.params["import_id"], with_for_update=True)
        run.report = job.result
        if run.report.get("wrong"):  # nothing can be done with it
            import_rules.forget_file(session, run)


class StoreImport(Kind):
    """Stores the rows, or writes to each address where nobody has proof of a consent."""

    power = "people"

    def __init__(self) -> None:
        self._list = _List()

    def count(self, runtime: Runtime, job: Job) -> int | None:
        with runtime.db.read() as session:
            run = session.get_one(ImportRun, job.params["import_id"])
        return int(run.report.get("rows", 0))

    def work(self, runtime: Runtime, job: Job) -> Piece | None:
        piece = self._list.piece(runtime, job)
        if piece is not None and piece.errors:  # a topic went since the check
            raise JobError(f"{piece.errors[0]}. Mend the list, undo this import, start again.")
        return piece

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Piece) -> None:
        run = session.get_one(ImportRun, piece.run.id, with_for_update=True, populate_existing=True)
        if run.undo_job_id is not None:
            return  # the next piece says so
        if run.evidence:
            look, added = store_rows(session, piece.rows, _origin(run), utcnow())
            entries = [
                ImportEntry(
                    destination_id=one.destination_id,
                    before=one.before,
                    subscriptions=one.subscriptions,
                )
                for one in added
            ]
        else:
            look = look_at_rows(session, piece.rows, utcnow())
            pace = Pace.of(runtime.settings, job.created_at)
            asked = int(job.result.get("asked", 0))
            invited = invite_rows(session, piece.rows, look, _origin(run), pace, asked)
            entries = [
                ImportEntry(
                    destination_id=one.destination_id,
                    before=one.before,
                    subscriptions=[],
                    token_id=one.token_id,
                    letter_id=one.letter_id,
                )
                for one in invited
            ]
            job.result = {**job.result, "asked": asked + len(invited)}
        for entry in entries:
            entry.import_id, entry.piece = run.id, piece.after
        session.add_all(entries)
        piece.counts = look.counts(piece.firsts)
        _move(job, piece)

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:
        run = session.get_one(ImportRun, job.params["import_id"], with_for_update=True)
        run.result = job.result
        import_rules.forget_file(session, run)


def _origin(run: ImportRun) -> str:
    """What the consent ledger says of where it is from."""
    return f"{run.origin}; {run.evidence}" if run.evidence else run.origin


def _move(job: Job, piece: Piece) -> None:
    counts = Counter(job.result.get("counts", {})) + piece.counts
    counts["repeated"] += piece.repeated
    job.done = piece.after + piece.read
    job.cursor = {"row": job.done, "ended": piece.is_end}
    job.result = {**job.result, "rows": job.done, "counts": {k: n for k, n in counts.items() if n}}
