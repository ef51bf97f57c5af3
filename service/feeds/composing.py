"""Feeds as joins of cached fragments: an article is written once for each change and format."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db import Database
from service.feeds import entries as reading
from service.feeds import lists
from service.feeds.clock import Stamp
from service.feeds.coding import Fragment, join_gzip
from service.feeds.feed import Feed, Publisher
from service.feeds.formats import WRITERS, Format
from service.feeds.memory import Memory
from service.models import Article

# What stands in for an article: what is kept under it was written for this change and these names.
FragmentKey = tuple[str, int, int, str, Format]


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment of a feed, the last change of its article, and where that stands in time."""

    seq: int
    position: int
    fragment: Fragment

    @property
    def data(self) -> bytes:
        return self.fragment.data


@dataclass(frozen=True)
class Document:
    """A feed in one format, as the pieces that it is joined from."""

    head: bytes
    pieces: Sequence[Piece]
    tail: bytes
    separator: bytes

    def body(self) -> bytes:
        """Its bytes."""
        return self.head + self.separator.join(one.data for one in self.pieces) + self.tail

    def gzip(self) -> bytes:
        """The same as a gzip file, of which only what is not of an article is compressed now."""
        return join_gzip(self._parts())

    def _parts(self) -> Iterator[Fragment]:
        between = Fragment.of(self.separator) if self.separator else None
        yield Fragment.of(self.head)
        for number, piece in enumerate(self.pieces):
            if number and between:
                yield between
            yield piece.fragment
        yield Fragment.of(self.tail)


class Composer:
    """Composes feeds, for whoever sends them; thread-safe, one per process.

    `limit`: how many of the newest articles a feed holds, and of those that changed last.
    `composed`: how many so far, deltas too. `memory`: what it keeps fragments in.
    """

    def __init__(self, db: Database, publisher: Publisher, max_bytes: int) -> None:
        self._db, self.publisher = db, publisher
        self.memory = Memory(max_bytes)
        self.limit = lists.MAX_ENTRIES
        self.composed = 0
        self._counting = threading.Lock()

    def compose(self, feed: Feed, wanted: Format, names: str, change: Stamp) -> Document:
        """The feed as it is now: as of `change`, or a little later, never older.

        `names`: the hash of all names (`FeedState`), which fragments hold.
        """
        with self._db.read() as session:
            found = lists.shown(session, feed.pairs, self.limit)
            present = self._present(session, found.heads, wanted, names)
            gone = self._withdrawn(session, feed, wanted, names, change)
        return self._document(feed, wanted, change, [*present, *gone])

    def compose_of(
        self,
        feed: Feed,
        found: Sequence[lists.Head],
        wanted: Format,
        names: str,
        change: Stamp,
    ) -> Document:
        """A feed of these articles, whichever lists they stand in: of a search."""
        with self._db.read() as session:
            pieces = self._present(session, found, wanted, names)
        return self._document(feed, wanted, change, pieces)

    def delta(
        self, feed: Feed, wanted: Format, names: str, change: Stamp, base: int
    ) -> Document | None:
        """What a reader lacks who has seen the feed as it was at change `base`; None where that is
        most of it, or cannot be told.

        Where articles leave a feed, older ones come back into it that have not changed and that the
        reader may never have seen: what was not surely there is sent again.
        """
        with self._db.read() as session:
            found = lists.shown(session, feed.pairs, self.limit)
            present = self._present(session, found.heads, wanted, names)
            gone = self._withdrawn(session, feed, wanted, names, change)
            # Read last, so that it counts at least the changes that were seen above; and no more
            # than can leave anything surely held: strangers may name a base of years ago.
            since = select(Article.feed_at).where(Article.feed_seq > base)
            some = since.order_by(Article.feed_seq).limit(self.limit).subquery()
            changes, first = session.execute(
                select(func.count(), func.min(some.c.feed_at)).select_from(some)
            ).one()
        is_forgotten = first is not None and first <= change.at - reading.SHOWN_WITHDRAWN
        new_gone = [one for one in gone if one.seq > base]
        if is_forgotten or len(new_gone) >= reading.MAX_WITHDRAWN:
            return None
        held = {one.position for one in found.surely_held(base, changes)}
        sent = [one for one in present if one.position not in held]
        if not held or 2 * len(sent) > len(present):
            return None
        return self._document(feed, wanted, change, [*sent, *new_gone])

    def _document(
        self, feed: Feed, wanted: Format, change: Stamp, pieces: Sequence[Piece]
    ) -> Document:
        """What is gone stands where it stood."""
        with self._counting:
            self.composed += 1
        ordered = sorted(pieces, key=lambda one: one.position, reverse=True)
        head, tail = WRITERS[wanted].envelope(feed, change)
        return Document(head, ordered, tail, WRITERS[wanted].SEPARATOR)

    def _present(
        self, session: Session, found: Sequence[lists.Head], wanted: Format, names: str
    ) -> list[Piece]:
        keys = {one: ("entry", one.article_id, one.seq, names, wanted) for one in found}
        written: dict[lists.Head, Fragment | None] = {
            one: self.memory.get(key) for one, key in keys.items()
        }
        missing = [one.article_id for one, data in written.items() if data is None]
        if missing:
            read = reading.entries(session, missing, self.publisher.language)
            for one, data in written.items():
                if data is None and one.article_id in read:
                    made = WRITERS[wanted].fragment(self.publisher, read[one.article_id])
                    written[one] = self._keep(keys[one], made)
        return [Piece(one.seq, one.position, data) for one, data in written.items() if data]

    def _withdrawn(
        self, session: Session, feed: Feed, wanted: Format, names: str, change: Stamp
    ) -> list[Piece]:
        # Counted from the last change and not from now: the same state gives the same bytes.
        since = change.at - reading.SHOWN_WITHDRAWN
        pieces = []
        for article in reading.withdrawn(session, feed.pairs, since):
            key = ("gone", article.article_id, article.seq, names, wanted)
            data = self.memory.get(key)
            if data is None:
                data = self._keep(key, WRITERS[wanted].gone(self.publisher, article))
            pieces.append(Piece(article.seq, article.position, data))
        return pieces

    def _keep(self, key: FragmentKey, data: bytes) -> Fragment:
        made = Fragment.of(data)
        self.memory.put(key, made, len(made.data) + len(made.deflated) + 200)
        return made
