"""What people chose, as lists that a feed joins and as keys of feeds: neither more nor less."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from service.feeds.clock import FeedState, Named
from service.feeds.feed import Publisher, find
from service.feeds.keys import MAX_PLACES, MAX_TOPICS, FeedKey, keys_of
from service.feeds.private import keys_of_choices, pairs_of
from service.models.listing import ANY, CITY
from service.subscriptions.private_feeds import Chosen

NUMBERS = range(1, 5)
STATE = FeedState(
    topics={f"t{n}": Named(n, f"t{n}", f"T{n}", f"T{n}") for n in NUMBERS},
    places={f"p{n}": Named(n, f"p{n}", f"P{n}", f"P{n}") for n in NUMBERS},
)
PUBLISHER = Publisher("Kent", "tr", "https://a.example", "a.example", "https://a.example/hub", "")

numbers = st.sampled_from(NUMBERS)
choices = st.lists(st.builds(Chosen, st.none() | numbers, st.none() | numbers, st.booleans()))
slugs = st.lists(st.sampled_from([f"s{n}" for n in range(40)]))


def lists_of(topics: frozenset[int], places: frozenset[int]) -> set[tuple[int, int]]:
    """Where an article stands (see `service.archive.index`)."""
    return set(product((ANY, *topics), (ANY, *(places or (CITY,)))))


def wants(one: Chosen, topics: frozenset[int], places: frozenset[int]) -> bool:
    """What a subscription asks for, said once more."""
    if one.topic_id is not None and one.topic_id not in topics:
        return False
    if one.place_id is None or one.place_id in places:
        return True
    return not places and not one.is_local_only


@given(choices, st.frozensets(numbers), st.frozensets(numbers))
def test_the_lists_hold_exactly_what_was_chosen(
    chosen: list[Chosen], topics: frozenset[int], places: frozenset[int]
) -> None:
    stands = lists_of(topics, places)
    expected = any(wants(one, topics, places) for one in chosen)
    pairs = pairs_of(chosen)
    assert bool(stands & set(pairs)) is expected
    assert pairs == tuple(sorted(set(pairs)))
    found = [find(PUBLISHER, STATE, key) for key in keys_of_choices(STATE, chosen)]
    assert all(found)
    assert any(stands & set(feed.pairs) for feed in found if feed) is expected


@given(slugs, slugs, st.booleans())
def test_keys_share_out_what_one_feed_cannot_join(
    topics: list[str], places: list[str], only: bool
) -> None:
    keys = list(keys_of(topics, places, only=only))
    parts = [
        max(1, -(-len(set(one)) // most))
        for one, most in ((topics, MAX_TOPICS), (places, MAX_PLACES))
    ]
    assert len(keys) == parts[0] * parts[1]
    assert {slug for key in keys for slug in key.topics} == set(topics)
    assert {slug for key in keys for slug in key.places} == set(places)
    assert all(FeedKey.read(str(key)) == key for key in keys)
    if places and not only:  # the news of the whole city comes once
        assert len([key for key in keys if not key.is_local_only]) == parts[0]
