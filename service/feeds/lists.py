"""Which articles a feed holds: the lists that it joins, read by bounded ranges of their indexes.

The statements are texts, made once for each number of lists: putting the objects of such a
statement together takes ten times as long as its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.orm import Session

from service.archive.position import FIRST, LAST
from service.db import Moment
from service.feeds.clock import Pair

MAX_ENTRIES = 25
MAX_JOINED = 100  # lists in a statement: SQLite joins 500, and private feeds may have more

# `#` stands for the number of the list.
_NEWEST = """SELECT * FROM (
    SELECT position, article_id, seq FROM listing
    WHERE topic_id = :topic# AND place_id = :place# AND position > :low AND position < :high
    ORDER BY position DESC LIMIT :most
) part#"""
_CHANGED = """SELECT * FROM (
    SELECT position, article_id, seq FROM listing
    WHERE topic_id = :topic# AND place_id = :place#
    ORDER BY seq DESC LIMIT :most
) part#"""
_GONE = """
    SELECT article_id FROM feed_departure
    WHERE topic_id = :topic# AND place_id = :place# AND at > :since
"""
_JOINED = "SELECT DISTINCT position, article_id, seq FROM (#) listed ORDER BY {} DESC LIMIT :most"


@dataclass(frozen=True)
class Head:
    """An article in a feed, before anything of it is read: which one, its last change, and where it
    stands in time."""

    article_id: int
    seq: int
    position: int


@dataclass(frozen=True)
class Shown:
    """What a feed holds: the newest articles, and those that changed last, however old they are: a
    correction is seen as long as a new article is."""

    newest: Sequence[Head]
    changed: Sequence[Head]
    limit: int

    @property
    def heads(self) -> list[Head]:
        """All of them, newest first."""
        every = {*self.newest, *self.changed}
        return sorted(every, key=lambda one: one.position, reverse=True)

    def surely_held(self, base: int, changes: int) -> set[Head]:
        """What the feed held at change `base` too, whichever `changes` articles changed since.

        Of what has not changed, only those articles stood higher in a list at that time than they
        would by the others; further down may stand what came back in because others left.
        """
        safe = max(self.limit - changes, 0)
        lists = ([one for one in found if one.seq <= base] for found in (self.newest, self.changed))
        return {one for known in lists for one in known[:safe]}


def shown(session: Session, pairs: Sequence[Pair], limit: int) -> Shown:
    """What the feed of these lists holds."""
    values = {"low": FIRST, "high": LAST, "most": limit}
    newest = _joined(session, _NEWEST, "position", pairs, values)
    changed = _joined(session, _CHANGED, "seq", pairs, {"most": limit})
    return Shown(newest, changed, limit)


def departed(session: Session, pairs: Sequence[Pair], since: datetime) -> set[int]:
    """The articles that were withdrawn from these lists since then; few."""
    found: set[int] = set()
    for some in _some(pairs):
        statement = _departed_of(len(some))
        found.update(session.scalars(statement, {"since": since, **_numbered(some)}))
    return found


def _joined(
    session: Session, part: str, order: str, pairs: Sequence[Pair], values: dict[str, int]
) -> list[Head]:
    found = {
        Head(row.article_id, row.seq, row.position)
        for some in _some(pairs)
        for row in session.execute(_heads_of(part, order, len(some)), values | _numbered(some))
    }
    ordered = sorted(found, key=lambda one: getattr(one, order), reverse=True)
    return ordered[: values["most"]]


@cache
def _heads_of(part: str, order: str, count: int) -> TextClause:
    return text(_JOINED.format(order).replace("#", _each(part, count)))


@cache
def _departed_of(count: int) -> TextClause:
    return text(_each(_GONE, count)).bindparams(bindparam("since", type_=Moment()))


def _each(part: str, count: int) -> str:
    return " UNION ALL ".join(part.replace("#", str(number)) for number in range(count))


def _some(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    return (pairs[at : at + MAX_JOINED] for at in range(0, len(pairs), MAX_JOINED))


def _numbered(pairs: Sequence[Pair]) -> dict[str, Any]:
    topics = {f"topic{number}": pair[0] for number, pair in enumerate(pairs)}
    return topics | {f"place{number}": pair[1] for number, pair in enumerate(pairs)}
