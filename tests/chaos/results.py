"""The rows that have been run: kept a line each, so that a table can be gone on with, and printed.

`var/chaos/<database>-<seed>.jsonl`; a row that is there already is not run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

RECOVERY_S = 60.0  # the promise: nobody's hand, within a minute
FOLDER = Path("var/chaos")

DEFINITION = (
    "recovery: seconds from a strike's end to the first delivery accepted after it, the slower way "
    "of mail and chat, worst of the row; seconds: the whole row, from the post to done"
)
TITLES = ("fault", "db", "lost", "doubled", "unknown", "in doubt", "recovery s", "seconds")


@dataclass(frozen=True)
class Row:
    """One row. `doubled_unknown` of `doubled` are within unknown; `limit` bounds `unknown`."""

    fault: str
    db: str
    seed: int
    deliveries: int
    lost: int = 0
    doubled: int = 0
    doubled_unknown: int = 0
    unknown: int = 0
    limit: int = 0
    untrue: int = 0
    recovery_s: float = 0.0
    total_s: float = 0.0
    strikes: int = 0
    is_done: bool = True
    audit: list[str] = field(default_factory=list)
    victims: dict[str, list[str]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)  # of a mix
    error: str = ""  # why the row could not be finished
    not_run: str = ""  # what this machine lacks for it

    @property
    def failures(self) -> list[str]:
        """What was promised and not kept; empty for a row that passed or was not run."""
        if self.not_run:
            return []
        broken = {
            f"not finished: {self.error}": bool(self.error),
            f"{self.lost} lost": self.lost > 0,
            f"{self.doubled - self.doubled_unknown} doubled outside unknown": (
                self.doubled > self.doubled_unknown
            ),
            f"{self.unknown} unknown, at most {self.limit} connections were cut": (
                self.unknown > self.limit
            ),
            f"{self.untrue} sent although the ledger denies it": self.untrue > 0,
            f"recovery took {self.recovery_s:.1f} s": self.recovery_s > RECOVERY_S,
            "never done": not self.is_done,
            f"audit: {'; '.join(self.audit)}": bool(self.audit),
        }
        return [what for what, is_broken in broken.items() if is_broken]

    def line(self) -> str:
        """For the table on the screen."""
        if self.not_run:
            return f"{self.fault:32} {self.db:10} not run: {self.not_run}"
        doubled = f"{self.doubled} ({self.doubled_unknown})"
        sign = "FAILED: " + ", ".join(self.failures) if self.failures else ""
        return (
            f"{self.fault:32} {self.db:10} {self.lost:6} {doubled:>12} "
            f"{f'{self.unknown}/{self.limit}':>8} {self.recovery_s:10.1f} {self.total_s:8.1f}  "
            f"{sign}"
        ).rstrip()


class Results:
    """The rows of one database and seed."""

    def __init__(self, database: str, seed: int, folder: Path = FOLDER, kind: str = "") -> None:
        self._path = folder / f"{database}-{seed}{kind}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    def rows(self) -> list[Row]:
        """All that are kept; a line that was cut off by a kill does not count."""
        if not self._path.exists():
            return []
        raw = self._path.read_text(encoding="utf-8")
        whole = raw[: raw.rfind("\n") + 1]
        return [Row(**json.loads(line)) for line in whole.splitlines()]

    def find(self, fault: str, deliveries: int) -> Row | None:
        """The row of this fault with so many deliveries, if it was run already."""
        for row in self.rows():
            if (row.fault, row.deliveries) == (fault, deliveries):
                return row
        return None

    def add(self, row: Row) -> None:
        """Keep a row, in place of an earlier one of the same fault and size."""
        kept = [r for r in self.rows() if (r.fault, r.deliveries) != (row.fault, row.deliveries)]
        self._write([*kept, row])

    def forget(self, faults: Iterable[str], deliveries: int) -> None:
        """Begin these anew."""
        gone = set(faults)
        self._write([r for r in self.rows() if r.fault not in gone or r.deliveries != deliveries])

    def _write(self, rows: list[Row]) -> None:
        new = self._path.with_suffix(".new")
        lines = [json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows]
        new.write_text("".join(lines), encoding="utf-8")
        new.replace(self._path)


def head() -> str:
    """Above the table on the screen."""
    return (
        f"{DEFINITION}\n{'fault':32} {'db':10} {'lost':>6} {'doubled(unk)':>12} "
        f"{'unknown':>8} {'recovery s':>10} {'total s':>8}"
    )


def summary(rows: Iterable[Row]) -> dict[str, float]:
    """The last line: what the table comes to."""
    run = [row for row in rows if not row.not_run]
    return {
        "faults": len(run),
        "deliveries": sum(row.deliveries for row in run),
        "lost": sum(row.lost for row in run),
        "doubled": sum(row.doubled - row.doubled_unknown for row in run),
        "unknown": sum(row.unknown for row in run),
        "worst_recovery_s": round(max((row.recovery_s for row in run), default=0.0), 1),
    }
