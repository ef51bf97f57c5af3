"""The journal: one small file per lease that survives a killed worker.

A line is written before an envelope goes on the wire and another when its answer comes, into
mapped memory, which survives kill -9. When the owner is dead, its lines tell which deliveries were
answered, and which were on the wire; that some of it may have been settled does no harm, for
settling twice changes nothing. The file is locked by its owner, so that a successor can tell a dead
owner from a slow one (invariant 15).

Its space is taken before anything is sent, and the lines are written into that: a disk that fills
up meanwhile cannot keep a line from being written. What follows the last line is NULs.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import threading
from pathlib import Path

from service.ledger.layout import BATCH_SIZE
from service.ledger.outcome import Outcome

LINES_BYTES = 64  # of one delivery: a line for the wire and one for a plain answer
HEAD_BYTES = 4096  # the batch, and its revisions
DETAIL_CHARACTERS = 120  # of what the other side said
MORE_BYTES = 64 * 1024  # taken at a time where that was not enough
_encoded = json.JSONEncoder(separators=(",", ":")).encode


class JournalError(Exception):
    """The journal cannot be written: the disk is full, or not ours to write to."""


class Journal:
    """The owner's side: open for as long as the lease is held.

    Every method that writes raises `JournalError` where it could not. Thread-safe; lines that
    belong together are written while `turn` is held.
    """

    def __init__(
        self, folder: Path, lease: str, batch_id: int, deliveries: int = BATCH_SIZE
    ) -> None:
        self._path = folder / f"{lease}.journal"
        self.turn = threading.RLock()
        self._end = 0
        self._revision_id: int | None = None
        self._space: mmap.mmap | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = _open_locked(self._path)
        except OSError as error:
            raise JournalError(_reason(error)) from error
        try:
            size = HEAD_BYTES + LINES_BYTES * deliveries
            os.posix_fallocate(self._file, 0, size)
            self._space = mmap.mmap(self._file, size)
            self._write("b", batch_id)
        except (OSError, JournalError) as error:
            self.close()
            raise JournalError(_reason(error)) from error

    def set_revision(self, revision_id: int | None) -> None:
        """Say which revision the next lines are about, unless the last ones were as well."""
        if revision_id != self._revision_id:
            self._write("r", revision_id)
            self._revision_id = revision_id

    def wire(self, destination_id: int) -> None:
        """Say that the next bytes on the wire belong to this destination."""
        self._append(b'["w",%d]\n' % destination_id)

    def stayed(self, destination_id: int) -> None:
        """Take back `wire`: not a byte has left."""
        self._write("s", destination_id)

    def answer(self, destination_id: int, outcome: Outcome) -> None:
        """Keep an answer for the time until it is settled."""
        detail = outcome.detail[:DETAIL_CHARACTERS]
        said: list[object] = [outcome.code, detail, outcome.retry_after_s, outcome.took_s]
        while said and said[-1] in ("", None):
            said.pop()
        self._write("a", destination_id, int(outcome.state), *said)

    def close(self) -> None:
        """End the journal of a batch that was finished or handed back."""
        self._path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Leave the journal to the sweeper: what it tells may not be settled by its owner."""
        with self.turn:
            if self._space is not None:
                self._space.close()  # it holds the lock as well
                self._space = None
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _write(self, *line: object) -> None:
        self._append(_encoded(line).encode() + b"\n")

    def _append(self, raw: bytes) -> None:
        with self.turn:
            self._put(raw)

    def _put(self, raw: bytes) -> None:
        end = self._end + len(raw)
        space = self._space
        if space is None:
            raise JournalError(os.strerror(errno.EBADF))
        try:
            if end > len(space):
                os.posix_fallocate(self._file, len(space), MORE_BYTES)
                space.resize(len(space) + MORE_BYTES)
        except OSError as error:
            raise JournalError(_reason(error)) from error
        space[self._end : end] = raw
        self._end = end


def _open_locked(path: Path) -> int:
    """Create and lock the file; a sweeper that looked in between has unlinked the empty one."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if path.stat().st_ino == os.fstat(file).st_ino:
                return file
        except FileNotFoundError:
            pass
        os.close(file)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
