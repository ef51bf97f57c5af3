"""One page of a list: newest first, or by a search with hits in the title before others.

A page begins behind a cursor, which is a position and not a number of pages: what comes in
meanwhile moves nothing, and the last page costs as much as the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.archive import search
from service.archive.position import FIRST, LAST, moment_of, start_of
from service.archive.words import Query, label
from service.models import Listing
from service.models.listing import ANY

PAGE_SIZE = 20

# All articles of a list; or, in a search, those with all its words in the title, and the others.
Shelf = Literal["", "t", "o"]
_CURSOR = re.compile(r"([to]?)(-?\d{1,19})")
# Articles are of 1900 to 2200 in their own zones, which may be a year later or earlier in another.
_YEARS = range(1899, 2202)
_MONTH = re.compile(r"(\d{4})-(\d\d)")


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month of the city."""

    year: int
    number: int

    @classmethod
    def read(cls, text: str) -> Month | None:
        """`2026-11`; None for anything else."""
        found = _MONTH.fullmatch(text)
        if found is None or not (int(found[1]) in _YEARS and 1 <= int(found[2]) <= 12):
            return None
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02d}"

    @property
    def following(self) -> Month:
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def begin(self, zone: ZoneInfo) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=zone)


@dataclass(frozen=True)
class Cursor:
    """The article behind which a page begins or, going back, before which it ends."""

    shelf: Shelf
    position: int
    is_backward: bool = False

    @classmethod
    def read(cls, text: str, *, is_backward: bool, is_search: bool) -> Cursor | None:
        """What `str` wrote, for a list of the same kind; None for anything else."""
        found = _CURSOR.fullmatch(text)
        if found is None or bool(found[1]) != is_search or not FIRST < int(found[2]) < LAST:
            return None
        shelf: Shelf = "t" if found[1] == "t" else "o" if found[1] else ""
        return cls(shelf, int(found[2]), is_backward)

    def __str__(self) -> str:
        return f"{self.shelf}{self.position}"


@dataclass(frozen=True)
class Wanted:
    """What a list is of; None is any, or no search."""

    topic_id: int | None = None
    place_id: int | None = None
    month: Month | None = None
    query: Query | None = None


@dataclass(frozen=True)
class Page:
    """Articles in order, and the cursors of the pages beside this one, where there are any."""

    article_ids: tuple[int, ...] = ()
    newer: Cursor | None = None
    older: Cursor | None = None


def page(session: Session, wanted: Wanted, cursor: Cursor | None, zone: ZoneInfo) -> Page:
    """One page of what is wanted; three small queries at most."""
    is_backward = cursor is not None and cursor.is_backward
    found = _walk(session, wanted, cursor, zone)
    has_more = len(found) > PAGE_SIZE
    found = found[:PAGE_SIZE]
    if is_backward:
        found.reverse()
    if not found:
        return Page()
    has_newer = has_more if is_backward else cursor is not None
    has_older = is_backward or has_more
    return Page(
        article_ids=_articles(session, [place for _, place in found], wanted),
        newer=Cursor(*found[0], is_backward=True) if has_newer else None,
        older=Cursor(*found[-1]) if has_older else None,
    )


def newest(session: Session, wanted: Wanted, size: int) -> tuple[int, ...]:
    """The newest articles of what is wanted, wherever their hits are."""
    shelves: tuple[Shelf, ...] = ("",) if wanted.query is None else ("t", "o")
    found: list[int] = []
    for shelf in shelves:
        found += _places(session, wanted, shelf, (FIRST, LAST), size, is_backward=False)
    return _articles(session, sorted(found, reverse=True)[:size], wanted)


def first_month(session: Session, zone: ZoneInfo) -> Month | None:
    """The month of the oldest article; None where there is none."""
    oldest = session.scalar(
        select(func.min(Listing.position)).where(Listing.topic_id == ANY, Listing.place_id == ANY)
    )
    if oldest is None:
        return None
    at = moment_of(oldest).astimezone(zone)
    return Month(at.year, at.month)


def _walk(
    session: Session, wanted: Wanted, cursor: Cursor | None, zone: ZoneInfo
) -> list[tuple[Shelf, int]]:
    """One more than a page holds, in the direction of the cursor, over one shelf or both."""
    shelves: list[Shelf] = [""] if wanted.query is None else ["t", "o"]
    is_backward = cursor is not None and cursor.is_backward
    if is_backward:
        shelves.reverse()
    if cursor is not None:
        shelves = shelves[shelves.index(cursor.shelf) :]
    found: list[tuple[Shelf, int]] = []
    for shelf in shelves:
        lower, upper = _bounds(wanted.month, zone)
        if cursor is not None and shelf == cursor.shelf:
            lower, upper = (
                (max(lower, cursor.position), upper)
                if is_backward
                else (lower, min(upper, cursor.position))
            )
        size = PAGE_SIZE + 1 - len(found)
        if size:
            places = _places(session, wanted, shelf, (lower, upper), size, is_backward)
            found += [(shelf, place) for place in places]
    return found


def _places(
    session: Session,
    wanted: Wanted,
    shelf: Shelf,
    between: tuple[int, int],
    size: int,
    is_backward: bool,
) -> Sequence[int]:
    if wanted.query is not None:
        labels = [
            label(kind, number)
            for kind, number in (("t", wanted.topic_id), ("p", wanted.place_id))
            if number is not None
        ]
        return search.find(
            session,
            wanted.query,
            labels,
            in_title=shelf == "t",
            between=between,
            size=size,
            is_backward=is_backward,
        )
    order = Listing.position.asc() if is_backward else Listing.position.desc()
    return session.scalars(
        select(Listing.position)
        .where(Listing.topic_id == (wanted.topic_id or ANY))
        .where(Listing.place_id == (wanted.place_id or ANY))
        .where(Listing.position > between[0], Listing.position < between[1])
        .order_by(order)
        .limit(size)
    ).all()


def _bounds(month: Month | None, zone: ZoneInfo) -> tuple[int, int]:
    """Both excluded."""
    if month is None:
        return FIRST, LAST
    return start_of(month.begin(zone)) - 1, start_of(month.following.begin(zone))


def _articles(session: Session, positions: Sequence[int], wanted: Wanted) -> tuple[int, ...]:
    found = session.execute(
        select(Listing.position, Listing.article_id)
        .where(Listing.topic_id == (wanted.topic_id or ANY))
        .where(Listing.place_id == (wanted.place_id or ANY))
        .where(Listing.position.in_(positions))
    )
    by_position = {row.position: row.article_id for row in found}
    return tuple(by_position[place] for place in positions if place in by_position)
