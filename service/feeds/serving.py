"""Answers to requests of feeds: one place that decides, for the door and for the view behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from service.feeds.clock import Clock, FeedState
from service.feeds.coding import GZIP, IDENTITY, decode, encode
from service.feeds.composing import Composer, Document
from service.feeds.conditions import Asked
from service.feeds.feed import Publisher, find
from service.feeds.formats import Format
from service.feeds.keys import FeedKey
from service.feeds.version import Headers, Version

AT_ONCE = 64  # feeds of different addresses that may be composed at once
Admit = Callable[[], None]


@dataclass(frozen=True)
class Answer:
    """What goes back; a HEAD has the same headers."""

    status: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded body that is kept. `is_draft`: joined in haste, to be compressed as a whole should
    anybody ask again. Without data: there is none, as there is no delta from everywhere."""

    etag: str
    data: bytes
    is_draft: bool = False


class Serving:
    """Serves the feeds of a city; thread-safe, one per process."""

    def __init__(self, clock: Clock, composer: Composer, publisher: Publisher) -> None:
        self.clock, self.composer, self.publisher = clock, composer, publisher
        self._memory = composer.memory
        self._composing = [threading.Lock() for _ in range(AT_ONCE)]

    def known(self, path: str) -> Version | None:
        """The present version of what was asked for at this path before, without any query.

        Raises:
            OperationalError, InterfaceError: the database is away, and it never answered.
        """
        version: Version | None = self._memory.get(path)
        if version is None:
            return None
        state = self.clock.state()
        is_present = (version.seen, version.names) == (state.seq, state.names)
        return version if is_present else self._renew(path, version, state)

    def look_up(self, path: str, key: FeedKey, wanted: Format) -> Version | None:
        """The present version of the feed of a canonical key, which has this path from now on;
        None where a topic or place is not known."""
        state = self.clock.state()
        feed = find(self.publisher, state, key)
        if feed is None:
            self._memory.drop(path)
            return None
        change = state.last_change(feed.pairs)
        version = Version(feed, wanted, change, state.names, state.seq, key)
        self._memory.put(path, version, version.size)
        return version

    def answer(self, version: Version, asked: Asked, admit: Admit | None) -> Answer | None:
        """Answer by what is in memory, else compose it once `admit` has raised nothing; without
        `admit` the answer is None then."""
        if asked.knows(version.opaque, version.modified()):
            return Answer("304 Not Modified", version.headers_304())
        if asked.wants_delta:
            base = asked.base(version.fingerprint, version.change.seq)
            if base is not None:
                coding = GZIP if GZIP in asked.codings else IDENTITY
                delta = self._delta(version, base, coding, admit)
                if delta is None:
                    return None
                if delta.data:
                    headers = version.headers_226(base)
                    return _filled("226 IM Used", headers, coding, delta.data)
        found = self._body(version, asked.codings, admit)
        return found and _filled("200 OK", version.headers_200(), *found)

    def _renew(self, path: str, version: Version, state: FeedState) -> Version | None:
        """The version as of this state: the same one, unless something of it has changed."""
        feed = find(self.publisher, state, version.key)
        is_same_feed = feed == version.feed and version.names == state.names
        if feed and is_same_feed and state.last_change(feed.pairs) == version.change:
            version.seen = state.seq
            return version
        return self.look_up(path, version.key, version.wanted)

    def _delta(self, version: Version, base: int, coding: str, admit: Admit | None) -> Body | None:
        key = (version.url, base, coding)
        kept = self._kept(key, version)
        if kept or admit is None:
            return kept
        admit()
        with self._lock_of(version):
            kept = self._kept(key, version)
            if kept is None:
                found = self.composer.delta(
                    *(version.feed, version.wanted, version.names, version.change), base
                )
                kept = Body(version.etag, _encoded(found, coding) if found else b"")
                self._memory.put(key, kept, len(kept.data))
            return kept

    def _body(
        self, version: Version, codings: tuple[str, ...], admit: Admit | None
    ) -> tuple[str, bytes] | None:
        """A body in one of these codings, and which; a feed is composed once for each version, as
        long as there is room to keep any body of it."""
        best = codings[0]
        kept = self._kept((version.url, best), version)
        if kept and not kept.is_draft:
            return best, kept.data
        if admit is None:
            return None
        with self._lock_of(version):
            plain = self._plain(version)
            if plain is None:
                admit()
                document = self.composer.compose(
                    version.feed, version.wanted, version.names, version.change
                )
                if not version.is_hot and GZIP in codings:
                    return GZIP, self._keep(version, GZIP, document.gzip(), is_draft=True)
                plain = document.body()
            return best, self._keep(version, best, encode(plain, best))

    def _plain(self, version: Version) -> bytes | None:
        """The bytes of a body that is kept in any coding."""
        for coding in (IDENTITY, GZIP, "br"):
            if kept := self._kept((version.url, coding), version):
                return decode(kept.data, coding)
        return None

    def _kept(self, key: tuple[str | int, ...], version: Version) -> Body | None:
        kept: Body | None = self._memory.get(key)
        return kept if kept and kept.etag == version.etag else None

    def _keep(self, version: Version, coding: str, data: bytes, *, is_draft: bool = False) -> bytes:
        body = Body(version.etag, data, is_draft)
        self._memory.put((version.url, coding), body, len(data))
        return data

    def _lock_of(self, version: Version) -> threading.Lock:
        """Who asks for the same feed at once waits for the one who composes it."""
        return self._composing[hash(version.url) % AT_ONCE]


def _encoded(document: Document, coding: str) -> bytes:
    return document.gzip() if coding == GZIP else document.body()


def _filled(status: str, headers: Headers, coding: str, data: bytes) -> Answer:
    if coding != IDENTITY:
        headers.append(("Content-Encoding", coding))
    headers.append(("Content-Length", str(len(data))))
    return Answer(status, headers, data)
