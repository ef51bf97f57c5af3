"""Keys of feeds at the bounds of what one joins."""

from __future__ import annotations

from service.feeds.keys import MAX_PLACES, MAX_TOPICS, FeedKey


def test_the_longest_key_is_read_as_it_is_written():
    topics = [f"{'k' * 62}{number:02}" for number in range(MAX_TOPICS)]
    places = [f"{'i' * 62}{number:02}" for number in range(MAX_PLACES)]
    key = FeedKey.of(topics, places, only=True)
    assert FeedKey.read(str(key)) == key
