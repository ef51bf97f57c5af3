"""A finding: what was looked at, how it is, and how to mend it, for one line of plain words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`unseen`: it could not be looked at, so nobody knows; that is no better than wrong."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    UNSEEN = "unseen"

    @property
    def is_bad(self) -> bool:
        return self in (Level.WRONG, Level.UNSEEN)


@dataclass(frozen=True)
class Finding:
    """`says` is a sentence; `mend` is what to do, empty where there is nothing to do."""

    check: str
    level: Level
    says: str
    mend: str = ""


def ok(check: str, says: str) -> Finding:
    return Finding(check, Level.OK, says)


def note(check: str, says: str, mend: str = "") -> Finding:
    return Finding(check, Level.NOTE, says, mend)


def wrong(check: str, says: str, mend: str) -> Finding:
    return Finding(check, Level.WRONG, says, mend)


def unseen(check: str, says: str, mend: str) -> Finding:
    return Finding(check, Level.UNSEEN, says, mend)
