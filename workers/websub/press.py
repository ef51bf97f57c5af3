"""Feeds as a worker writes them: the same bytes that a reader gets at that moment."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from service.feeds.clock import Clock, FeedState
from service.feeds.composing import Composer
from service.feeds.feed import Feed, Publisher, find
from service.feeds.formats import WRITERS, Format
from service.feeds.keys import FeedKey
from service.runtime import Runtime

MOST_KEPT = 20  # feeds: subscribers of one change come one after the other


@dataclass(frozen=True)
class Printed:
    """A feed in one format. `seq`: of the feed clock when it was asked for; the body is as of then
    or a little later."""

    seq: int
    url: str
    content_type: str
    body: bytes


class Press:
    """Composes feeds; thread-safe, one per process."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self.publisher = Publisher.of(settings)
        self._clock = Clock(runtime.db, 0)  # a change that is pushed must be in what is pushed
        self._composer = Composer(runtime.db, self.publisher, settings.feed_cache_mb << 20)
        self._last: dict[tuple[str, Format, str], Printed] = {}

    def state(self) -> FeedState:
        """The feed clock of this moment."""
        return self._clock.state()

    def find(self, topic: str) -> Feed | None:
        """The feed of a canonical key; None where a topic or place of it is gone."""
        key = FeedKey.read(topic)
        return None if key is None else find(self.publisher, self.state(), key)

    def print(self, topic: str, wanted: Format) -> Printed | None:
        """The feed as it is now; None where a topic or place of it is gone."""
        state, key = self.state(), FeedKey.read(topic)
        feed = None if key is None else find(self.publisher, state, key)
        if feed is None:
            return None
        last = self._last.get((topic, wanted, state.names))
        if last is not None and last.seq == state.seq:
            return last
        change = state.last_change(feed.pairs)
        document = self._composer.compose(feed, wanted, state.names, change)
        media_type = f"{WRITERS[wanted].MEDIA_TYPE}; charset=utf-8"
        printed = Printed(state.seq, feed.url(wanted), media_type, document.body())
        if len(self._last) >= MOST_KEPT:
            self._last.clear()
        self._last[topic, wanted, state.names] = printed
        return printed


_held: list[tuple[Runtime, Press]] = []
_making = threading.Lock()


def press_of(runtime: Runtime) -> Press:
    """The press of this process."""
    with _making:
        if not _held or _held[0][0] is not runtime:
            _held[:] = [(runtime, Press(runtime))]
        return _held[0][1]
