"""Feeds as joins of cached fragments: an article is written once for each change and format."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.db import Database
from service.feeds import entries as reading
from service.feeds.clock import FeedState, Stamp
from service.feeds.feed import Feed, Publisher
from service.feeds.formats import WRITERS, Format

# An article's number and last change, the names that it shows, and the format.
FragmentKey = tuple[int, int, str, Format]


@dataclass(frozen=True)
class Piece:
    """One fragment of a feed. `seq`: the last change of its article."""

    seq: int
    data: bytes


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


class Fragments:
    """The fragments that were used last, up to so many bytes; thread-safe, one per process."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._kept: OrderedDict[FragmentKey, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: FragmentKey) -> bytes | None:
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: FragmentKey, data: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._bytes += len(data)
            self._kept[key] = data
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._kept.popitem(last=False)[1])


class Composer:
    """Composes feeds; thread-safe, one per process."""

    def __init__(self, db: Database, publisher: Publisher, max_bytes: int) -> None:
        self._db, self.publisher = db, publisher
        self._fragments = Fragments(max_bytes)

    def compose(
        self,
        feed: Feed,
        wanted: Format,
        state: FeedState,
        change: Stamp,
        limit: int = reading.MAX_ENTRIES,
    ) -> Document:
        """The feed as it is now, or a little later than `state`: never older."""
        writer = WRITERS[wanted]
        since = change.at - reading.SHOWN_WITHDRAWN
        with self._db.read() as session:
            found = reading.shown(session, feed.pairs, limit)
            placed = self._pieces(session, found, wanted, state)
            for article in reading.withdrawn(session, feed.pairs, since):
                piece = Piece(article.seq, writer.gone(self.publisher, article))
                placed.append((article.position, piece))
        placed.sort(key=lambda one: one[0], reverse=True)  # what is gone, where it stood
        head, tail = writer.envelope(feed, change)
        return Document(head, [piece for _, piece in placed], tail, writer.SEPARATOR)

    def compose_of(
        self,
        feed: Feed,
        found: Sequence[reading.Head],
        wanted: Format,
        state: FeedState,
        change: Stamp,
    ) -> Document:
        """A feed of these articles in this order, whichever lists they stand in: of a search."""
        writer = WRITERS[wanted]
        with self._db.read() as session:
            pieces = self._pieces(session, found, wanted, state)
        head, tail = writer.envelope(feed, change)
        return Document(head, pieces, tail, writer.SEPARATOR)

    def _pieces(
        self, session: Session, found: Sequence[reading.Head], wanted: Format, state: FeedState
    ) -> list[tuple[int, Piece]]:
        keys = {one: (one.article_id, one.seq, state.names, wanted) for one in found}
        written = {one: self._fragments.get(key) for one, key in keys.items()}
        missing = [one.article_id for one, data in written.items() if data is None]
        if missing:
            read = reading.entries(session, missing, self.publisher.language)
            for one, data in written.items():
                if data is None and one.article_id in read:
                    entry = read[one.article_id]
                    written[one] = WRITERS[wanted].fragment(self.publisher, entry)
                    self._fragments.put(keys[one], written[one] or b"")
        return [
            (one.position, Piece(one.seq, data))
            for one, data in written.items()
            if data is not None
        ]
