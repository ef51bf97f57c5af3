"""A feed that follows one person's choices: its lists, and the public feeds that hold the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service.feeds.clock import FeedState, Named, Pair
from service.feeds.feed import Feed, Publisher
from service.feeds.keys import FeedKey, keys_of
from service.models.listing import ANY, CITY
from service.subscriptions.private_feeds import Chosen

MINE = {"tr": "Seçtiğim haberler", "en": "The news I chose"}
ABOUT = {
    "tr": "Bu akış seçtiğiniz konu ve ilçeleri izler. Adresini bilen herkes onu okuyabilir.",
    "en": "This feed follows the topics and districts you chose. Anyone who knows its address can"
    " read it.",
}


def private_feed(publisher: Publisher, token: str, choices: Iterable[Chosen]) -> Feed:
    """The feed under this address. Nothing in it says whose it is."""
    spoken = publisher.language
    return Feed(
        publisher=publisher,
        address=f"{publisher.base_url}/feeds/my/{token}",
        title=f"{publisher.city}: {MINE.get(spoken, MINE['en'])}",
        description=ABOUT.get(spoken, ABOUT["en"]),
        page_url=f"{publisher.base_url}/my",
        pairs=pairs_of(choices),
        is_private=True,
    )


def pairs_of(choices: Iterable[Chosen]) -> tuple[Pair, ...]:
    """The fewest lists that hold what was chosen: what another list of theirs has is left out."""
    wanted: set[Pair] = set()
    for one in choices:
        wanted.add((one.topic_id or ANY, one.place_id or ANY))
        if one.place_id and not one.is_local_only:
            wanted.add((one.topic_id or ANY, CITY))
    return tuple(sorted(pair for pair in wanted if not _wider(pair) & wanted))


def _wider(pair: Pair) -> set[Pair]:
    topic, place = pair
    return {(topic, ANY), (ANY, place), (ANY, ANY)} - {pair}


def keys_of_choices(state: FeedState, choices: Iterable[Chosen]) -> Iterator[FeedKey]:
    """Public feeds that hold what was chosen, topic by topic, in the order of topics."""
    topics, places = _by_number(state.topics.values()), _by_number(state.places.values())
    chosen = list(choices)
    for topic_id in (None, *topics):
        named = (topics[topic_id].slug,) if topic_id else ()
        of_it = [one for one in chosen if one.topic_id == topic_id]
        if any(one.place_id is None for one in of_it):
            yield FeedKey.of(named)
            continue
        for only in (False, True):
            where = {one.place_id for one in of_it if one.is_local_only is only}
            slugs = [place.slug for number, place in places.items() if number in where]
            if slugs:
                yield from keys_of(named, slugs, only=only)


def _by_number(named: Iterable[Named]) -> dict[int, Named]:
    return {one.id: one for one in named}
