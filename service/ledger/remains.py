"""What journals tell to others than their owners: who is dead, and what they left."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from service.ledger.outcome import ON_THE_WIRE, Answer, Outcome
from service.models import DeliveryState


@dataclass
class Remains:
    """What an owner left: the batch, its answers, and what was on the wire with which revision."""

    path: Path
    lease: str
    batch_id: int
    answers: dict[int, Answer] = field(default_factory=dict)
    on_wire: dict[int, int | None] = field(default_factory=dict)

    @property
    def outcomes(self) -> dict[int, Answer]:
        """What is known of each delivery, and that nobody knows of what was on the wire."""
        assumed = {key: Answer(ON_THE_WIRE, revision) for key, revision in self.on_wire.items()}
        return {**assumed, **self.answers}


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
    """Read up to the space that is not used yet."""
    remains: Remains | None = None
    revision_id: int | None = None
    for raw in file.read().partition(b"\0")[0].splitlines():
        try:
            mark, number, *rest = json.loads(raw)
            if remains is None:
                if mark != "b":
                    break
                remains = Remains(path, path.stem, int(number))
            elif mark == "r":
                revision_id = None if number is None else int(number)
            elif mark == "w":
                remains.on_wire[int(number)] = revision_id
            elif mark == "s":
                remains.on_wire.pop(int(number), None)
            elif mark == "a":
                remains.answers[int(number)] = Answer(_outcome(*rest), revision_id)
                remains.on_wire.pop(int(number), None)
        except (ValueError, LookupError, TypeError):
            break  # the last line of a process that died while it wrote, or of a broken disk
    return remains


def _outcome(
    state: int,
    code: str = "",
    detail: str = "",
    retry_after_s: float | None = None,
    took_s: float | None = None,
) -> Outcome:
    return Outcome(DeliveryState(state), code, detail, retry_after_s, took_s=took_s)
