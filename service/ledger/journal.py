"""The journal: one small file per lease that survives a killed worker.

A line is written before an envelope goes on the wire and another when its answer comes; a plain
write survives kill -9. When the owner is dead, its lines tell which deliveries were answered but
not settled yet, and which single one was on the wire. The file is locked by its owner, so that a
successor can tell a dead owner from a slow one (invariant 15).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from service.ledger.outcome import ON_THE_WIRE, Outcome
from service.models import DeliveryState


class Journal:
    """The owner's side: open for as long as the lease is held."""

    def __init__(self, folder: Path, lease: str, batch_id: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{lease}.journal"
        self._file = _open_locked(self._path)
        self._write({"batch": batch_id})

    def begin_slice(self, revision_id: int | None) -> None:
        """Say which revision the next deliveries are told."""
        self._write({"revision": revision_id})

    def wire(self, destination_id: int) -> None:
        """Say that the next bytes on the wire belong to this destination."""
        self._write({"wire": destination_id})

    def answer(self, destination_id: int, outcome: Outcome) -> None:
        """Keep an answer until the next settle."""
        self._write(
            {
                "answer": destination_id,
                "state": int(outcome.state),
                "code": outcome.code,
                "detail": outcome.detail,
                "retry": outcome.retry_after_s,
            }
        )

    def settled(self) -> None:
        """Forget the answers: the database has them."""
        first_line = self._path.read_bytes().split(b"\n", 1)[0] + b"\n"
        os.ftruncate(self._file.fileno(), len(first_line))

    def close(self) -> None:
        """End the journal of a batch that was finished or handed back."""
        self._path.unlink(missing_ok=True)
        self._file.close()

    def abandon(self) -> None:
        """Leave the journal to the sweeper: what it tells may not be settled by its owner."""
        self._file.close()

    def _write(self, line: dict[str, object]) -> None:
        raw = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        if self._file.write(raw) != len(raw):
            raise OSError(errno.ENOSPC, "the journal could not be written")


def _open_locked(path: Path) -> BinaryIO:
    """Create and lock the file; a sweeper that looked in between has unlinked the empty one."""
    while True:
        file = path.open("ab", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except FileNotFoundError:
            pass
        file.close()


@dataclass
class Remains:
    """What a dead owner left: the batch, its unsettled answers, and what was on the wire."""

    path: Path
    lease: str
    batch_id: int
    revision_id: int | None = None
    answers: dict[int, Outcome] = field(default_factory=dict)
    on_wire: set[int] = field(default_factory=set)

    @property
    def outcomes(self) -> dict[int, Outcome]:
        return {**dict.fromkeys(self.on_wire, ON_THE_WIRE), **self.answers}


class OwnerState(Enum):
    """`GONE`: no journal on this host, so nothing of that lease went on a wire of this host."""

    ALIVE = "alive"
    DEAD = "dead"
    GONE = "gone"


def state_of(folder: Path, lease: str) -> OwnerState:
    """What became of the process that holds, or held, the journal of a lease."""
    try:
        file = (folder / f"{lease}.journal").open("rb")
    except FileNotFoundError:
        return OwnerState.GONE
    with file:
        return OwnerState.DEAD if _lock(file) else OwnerState.ALIVE


def dead_owners(folder: Path) -> Iterator[Remains]:
    """Yield what dead owners of this host left; the caller settles it, then unlinks `path`.

    The file stays locked while the caller works, so two sweepers never replay the same one.
    """
    for path in sorted(folder.glob("*.journal")):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        with file:
            if _lock(file) and path.exists():
                remains = _read(path, file)
                if remains is None:
                    path.unlink(missing_ok=True)  # died before the first line: nothing was sent
                else:
                    yield remains


def read_beside(folder: Path, lease: str) -> Remains | None:
    """Read a journal whose owner is alive but has lost its lease, and so starts nothing new."""
    path = folder / f"{lease}.journal"
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except FileNotFoundError:
        return None


def _lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path, file: BinaryIO) -> Remains | None:
    remains: Remains | None = None
    for raw in file:
        try:
            line = json.loads(raw)
            if remains is None:
                remains = Remains(path, path.stem, int(line["batch"]))
            elif "revision" in line:
                remains.revision_id = line["revision"]
            elif "wire" in line:
                remains.on_wire.add(int(line["wire"]))
            else:
                destination_id = int(line["answer"])
                remains.answers[destination_id] = Outcome(
                    DeliveryState(line["state"]), line["code"], line["detail"], line["retry"]
                )
                remains.on_wire.discard(destination_id)
        except (ValueError, LookupError, TypeError):
            break  # the last line of a process that died while it wrote, or of a broken disk
    return remains
