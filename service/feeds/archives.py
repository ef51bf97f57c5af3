"""The archive of a feed (RFC 5005, section 4): an open part, and closed months behind it.

    open-2026-11, open-2026-11-before-…    what no closed month holds, as it is now
    2026-10, 2026-10-2, …                  a closed month, as it was; it never changes

Each document leads to the one before by `prev-archive`; together they hold every article, and of
one that stands in several the latest `updated` is how it is now.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from service.archive.listings import Month
from service.archive.position import FIRST, LAST
from service.db import Database
from service.feeds.archive_reading import (
    Stood,
    as_frozen,
    as_it_is,
    closed_part,
    newest_month,
    open_part,
)
from service.feeds.clock import Closed, FeedState, Pair, Stamp
from service.feeds.entries import Entry
from service.feeds.feed import Feed
from service.feeds.formats import WRITERS, Format
from service.ledger.closing import number_of

PART_SIZE = 100  # entries of a document: some 500 KB

_CLOSED = re.compile(r"(\d{4}-\d\d)(?:-([1-9]\d{0,4}))?", re.ASCII)
_OPEN = re.compile(r"open(?:-(\d{4}-\d\d))?(?:-before-(-?\d{1,19}))?", re.ASCII)


@dataclass(frozen=True)
class Part:
    """One document of an archive: of a closed month, or of what is open before a position."""

    name: str
    month: Month | None = None
    number: int = 1
    before: int = LAST

    @classmethod
    def read(cls, name: str, state: FeedState) -> Part | None:
        """None for what is no document: also a month that is not closed yet."""
        if found := _OPEN.fullmatch(name):
            before = int(found[2]) if found[2] else LAST
            is_known = not found[1] or any(str(one.following) == found[1] for one in state.months)
            return cls(name, before=before) if is_known and FIRST < before <= LAST else None
        if (found := _CLOSED.fullmatch(name)) is None:
            return None
        month, number = Month.read(found[1]), int(found[2] or 1)
        if month not in state.months or found[2] == "1":
            return None
        return cls(name, month, number)

    @classmethod
    def of(cls, month: Month, number: int = 1) -> Part:
        return cls(f"{month}-{number}" if number > 1 else str(month), month, number)

    def feed(self, feed: Feed) -> Feed:
        """What the document says of itself, as far as its name tells."""
        newer = self.of(self.month, self.number - 1).name if self.month and self.number > 1 else ""
        return replace(
            feed,
            address=f"{feed.address}/{self.name}",
            current=feed.address,
            prev_archive=None,
            # The month after is not known when a month is closed, and it may not change.
            next_archive=f"{feed.address}/{newer}" if newer else None,
        )

    def last_change(self, feed: Feed, state: FeedState) -> Stamp:
        """What tells whether the document has changed."""
        return state.months[self.month] if self.month else state.last_change(feed.pairs)


def compose(db: Database, feed: Feed, part: Part, wanted: Format, state: FeedState) -> bytes | None:
    """A document of the archive of `feed`; None where a closed month has nothing of it."""
    writer, publisher = WRITERS[wanted], feed.publisher
    with db.read() as session:
        if part.month:
            skipped = (part.number - 1) * PART_SIZE
            frozen = closed_part(session, feed.pairs, part.month, skipped, PART_SIZE + 1)
            if not frozen:
                return None
            older = _older_closed(session, feed.pairs, part, has_more=len(frozen) > PART_SIZE)
            said = as_frozen(session, part.month, frozen[:PART_SIZE], state, publisher.language)
        else:
            found = open_part(session, feed.pairs, state.closed, part.before, PART_SIZE + 1)
            older = _older_open(session, feed.pairs, found, state.closed)
            said = as_it_is(session, found[:PART_SIZE], publisher.language)
    fragments = []
    for one in said:
        if isinstance(one, Entry):
            fragments.append(writer.fragment(publisher, one))
        elif wanted is Format.ATOM:  # the others have no tombstone: what is gone is left out
            fragments.append(writer.gone(publisher, one))
    itself = replace(part.feed(feed), prev_archive=f"{feed.address}/{older}" if older else None)
    head, tail = writer.envelope(itself, part.last_change(feed, state))
    return head + writer.SEPARATOR.join(fragments) + tail


def _older_open(
    session: Session, pairs: Sequence[Pair], found: Sequence[Stood], closed: Closed
) -> str:
    if len(found) > PART_SIZE:
        return f"{closed.open_part}-before-{found[PART_SIZE - 1].position}"
    if closed.month is None:
        return ""
    month = newest_month(session, pairs, number_of(closed.month) + 1)
    return str(month) if month else ""


def _older_closed(session: Session, pairs: Sequence[Pair], part: Part, *, has_more: bool) -> str:
    assert part.month is not None, "open parts are followed otherwise"
    if has_more:
        return Part.of(part.month, part.number + 1).name
    month = newest_month(session, pairs, number_of(part.month))
    return str(month) if month else ""
