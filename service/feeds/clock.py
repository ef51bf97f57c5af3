"""The feed clock as a process knows it: looked at a few times a second, asked by every request.

A request of a feed costs no query: whether anything changed is a comparison of numbers in memory,
which are at most `look_s` old. While the database is away the last known state goes on serving.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from service.archive.listings import Month
from service.archive.position import FIRST
from service.db import Database, utcnow
from service.ledger.closing import month_of
from service.logs import get_logger
from service.models import ArchiveMonth, FeedClock, FeedStamp, Place, Topic

log = get_logger(__name__)

NAMES_EVERY = 20  # looks: staff rename topics without a change of any article
# A change has its time before it is committed, and processes look now and then: so long after the
# end of a second, all that changed in it is known.
SETTLED = timedelta(seconds=1)
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)  # an empty feed has changed at some time too

# A list of articles: the numbers of its topic and its place (see `service.models.Listing`).
Pair = tuple[int, int]


@dataclass(frozen=True)
class Stamp:
    """A number of the feed clock, and when it was taken."""

    seq: int = 0
    at: datetime = EPOCH

    def modified(self) -> datetime | None:
        """For Last-Modified: the end of its second. None until that is settled: another change may
        follow in it, and nobody could tell the two apart by their time."""
        end = self.at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        return end if end + SETTLED <= utcnow() else None


@dataclass(frozen=True)
class Named:
    """A topic or a place, by the names and sentences of each language."""

    id: int
    slug: str
    name_tr: str
    name_en: str
    about_tr: str = ""
    about_en: str = ""
    is_on: bool = True  # a place that can be chosen anew

    def name(self, language: str) -> str:
        return self.name_tr if language == "tr" else self.name_en

    def about(self, language: str) -> str:
        return self.about_tr if language == "tr" else self.about_en


@dataclass(frozen=True)
class Closed:
    """The newest closed month of the archives. What stands before the position `until` and has no
    later change than `since_seq` is archived, and nothing else; `stamp` is of the closing."""

    month: Month | None = None
    since_seq: int = 0
    until: int = FIRST
    stamp: Stamp = Stamp()

    @property
    def open_part(self) -> str:
        """The name of what is not archived: another after each closing, because a reader that
        walked an archive under one name never reads it again."""
        return f"open-{self.month.following}" if self.month else "open"


@dataclass(frozen=True)
class FeedState:
    """All that tells whether a feed has changed; of one moment, and never changed itself."""

    seq: int = -1
    stamps: Mapping[Pair, Stamp] = field(default_factory=dict)
    topics: Mapping[str, Named] = field(default_factory=dict)
    places: Mapping[str, Named] = field(default_factory=dict)
    names: str = ""  # a hash of all names: fragments hold them
    months: Mapping[Month, Stamp] = field(default_factory=dict)  # closed ones, and last changes
    closed: Closed = Closed()

    def last_change(self, pairs: Iterable[Pair]) -> Stamp:
        """The last change of the feed that joins these lists: of an article, or of the address of
        its archive. `Stamp()`: it never held an article."""
        found = [self.stamps[pair] for pair in pairs if pair in self.stamps]
        return max((*found, self.closed.stamp), key=lambda one: one.seq) if found else Stamp()


class Clock:
    """Knows the present `FeedState`; thread-safe, one per process."""

    def __init__(self, db: Database, look_s: float) -> None:
        """`look_s`: how old, in seconds, what it says may be."""
        self._db, self._look_s = db, look_s
        self._state = FeedState()
        self._looked_at = self._named_at = float("-inf")
        self._looking = threading.Lock()

    def state(self) -> FeedState:
        """The state of at most `look_s` ago.

        Raises:
            OperationalError, InterfaceError: the database is away, and it never answered.
        """
        if time.monotonic() - self._looked_at < self._look_s:
            return self._state
        is_first = self._state.seq < 0
        if self._looking.acquire(blocking=is_first or not self._look_s):
            try:
                self._look()
            except (OperationalError, InterfaceError) as error:
                if is_first:
                    raise
                log.warning("feed clock cannot be read", error=type(error).__name__)
            finally:
                self._looked_at = time.monotonic()
                self._looking.release()
        return self._state

    def _look(self) -> None:
        state, now = self._state, time.monotonic()
        with self._db.read() as session:
            seq = session.scalars(select(FeedClock.seq)).one()
            if seq != state.seq:
                state = _with_months(session, state)
                state = replace(state, seq=seq, stamps={**state.stamps, **_news(session, state)})
            if now - self._named_at >= NAMES_EVERY * self._look_s:
                state, self._named_at = _with_names(session, state), now
        self._state = state


def _news(session: Session, state: FeedState) -> dict[Pair, Stamp]:
    columns = (FeedStamp.topic_id, FeedStamp.place_id, FeedStamp.seq, FeedStamp.at)
    found = session.execute(select(*columns).where(FeedStamp.seq > state.seq))
    return {(row.topic_id, row.place_id): Stamp(row.seq, row.at) for row in found}


def _with_months(session: Session, state: FeedState) -> FeedState:
    found = session.scalars(
        select(ArchiveMonth)
        .where(ArchiveMonth.changed_seq > state.seq)
        .order_by(ArchiveMonth.number)
    ).all()
    if not found:
        return state
    stamps = {month_of(one.number): _stamp(one.changed_seq, one.changed_at) for one in found}
    last, newest = found[-1], month_of(found[-1].number)
    closed = Closed(newest, last.since_seq, last.until, _stamp(last.closed_seq, last.closed_at))
    is_newer = state.closed.month is None or newest > state.closed.month
    months = {**state.months, **stamps}
    return replace(state, months=months, closed=closed if is_newer else state.closed)


def _stamp(seq: int | None, at: datetime | None) -> Stamp:
    return Stamp(seq or 0, at or EPOCH)


def _with_names(session: Session, state: FeedState) -> FeedState:
    topics = {
        topic.slug: Named(
            *(topic.id, topic.slug, topic.name_tr, topic.name_en),
            *(topic.description_tr, topic.description_en),
        )
        for topic in session.scalars(select(Topic).order_by(Topic.position))
    }
    places = {
        place.slug: Named(place.id, place.slug, place.name, place.name, is_on=place.is_on)
        for place in session.scalars(select(Place).order_by(Place.position))
    }
    names = hashlib.sha256(repr((topics, places)).encode()).hexdigest()[:8]
    if names == state.names:
        return state
    return replace(state, topics=topics, places=places, names=names)
