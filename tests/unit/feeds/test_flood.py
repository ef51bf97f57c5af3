"""Strangers make up addresses: what is kept of them is bounded, and counted for what it takes."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
import weakref
from dataclasses import dataclass, replace
from typing import Any

import pytest

from service.feeds.clock import FeedState, Named, Stamp
from service.feeds.composing import Composer
from service.feeds.conditions import Asked
from service.feeds.feed import Publisher
from service.feeds.formats import Format
from service.feeds.keys import FeedKey
from service.feeds.serving import Serving

ROOM = 8 << 20
TOPICS = tuple(f"konu-{number:02}" for number in range(24))
PLACES = tuple(f"ilce-{number:02}" for number in range(30))
KNOWS = Asked(known="*")


@dataclass
class Still:
    """A clock at which nothing changes but by hand."""

    present: FeedState

    def state(self) -> FeedState:
        return self.present


@pytest.fixture
def serving() -> Serving:
    def named(slugs: tuple[str, ...]) -> dict[str, Named]:
        return {slug: Named(n, slug, slug, slug) for n, slug in enumerate(slugs, 1)}

    state = FeedState(1, {(0, 0): Stamp(1)}, named(TOPICS), named(PLACES), "n")
    publisher = Publisher("İzmir", "tr", "https://haber.example", "haber.example", "h", "")
    clock: Any = Still(state)
    database: Any = None
    return Serving(clock, Composer(database, publisher, ROOM), publisher)


def ask(serving: Serving, key: FeedKey) -> None:
    path = f"/feeds/{key}.rss"
    version = serving.known(path) or serving.look_up(path, key, Format.RSS)
    assert version is not None
    answer = serving.answer(version, KNOWS, None)
    assert answer is not None
    assert answer.status == "304 Not Modified"


def keys(count: int) -> list[FeedKey]:
    """So many of three topics and two districts."""
    topics = itertools.combinations(TOPICS, 3)
    every = itertools.product(topics, itertools.combinations(PLACES, 2))
    return [FeedKey.of(*one) for one in itertools.islice(every, count)]


def test_a_flood_of_addresses_is_bounded_and_leaves_the_feeds_of_readers(serving):
    read = [FeedKey.of([topic]) for topic in TOPICS]
    for key in read * 2:
        ask(serving, key)
    for key in keys(20_000):
        ask(serving, key)
        assert serving.composer.memory.held <= ROOM
    assert all(serving.known(f"/feeds/{key}.rss") for key in read)
    assert serving.composer.composed == 0


def test_versions_take_no_more_than_they_are_counted_for(serving):
    flood = keys(1_000)
    ask(serving, FeedKey())
    tracemalloc.start()
    try:
        before, held = tracemalloc.get_traced_memory()[0], serving.composer.memory.held
        for key in flood:
            ask(serving, key)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken <= serving.composer.memory.held - held


def test_a_version_that_nobody_asks_for_again_keeps_no_old_state(serving):
    """Each state of the clock has a table of all lists: more than all that is counted for."""
    old = weakref.ref(serving.clock.present)
    for key in keys(100):
        ask(serving, key)
    serving.clock.present = replace(serving.clock.present, seq=2)
    ask(serving, FeedKey())
    gc.collect()
    assert old() is None


def test_of_two_thousand_feeds_a_change_renews_those_that_it_touches(serving):
    database: Any = None
    composer = Composer(database, serving.publisher, 8 * ROOM)
    serving = Serving(serving.clock, composer, serving.publisher)
    topic, place = TOPICS[0], PLACES[0]
    paths = {f"/feeds/{key}.rss": key for key in keys(2_000)}
    before = {path: serving.look_up(path, key, Format.RSS) for path, key in paths.items()}

    pair = (1, 1)  # the first topic in the first district
    serving.clock.present = replace(
        serving.clock.present, seq=2, stamps={(0, 0): Stamp(2), pair: Stamp(2)}
    )

    renewed = {paths[path] for path, one in before.items() if serving.known(path) is not one}
    assert renewed == {key for key in paths.values() if topic in key.topics and place in key.places}
    assert 0 < len(renewed) < len(paths) / 10
