"""What a feed says of itself, and which lists it joins."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from service.assets import Asset, brand_icon, brand_logo
from service.feeds.clock import FeedState, Named, Pair
from service.feeds.keys import FeedKey
from service.models.listing import ANY, CITY
from service.settings import Settings

ALL_NEWS = {"tr": "Bütün haberler", "en": "All news"}


@dataclass(frozen=True)
class Logo:
    """The city's logo. Pixels of a PNG; nought of a drawing."""

    url: str
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, base_url: str, asset: Asset) -> Logo:
        size = (0, 0)
        if asset.media == "image/png" and len(asset.data) >= 24:
            size = struct.unpack(">II", asset.data[16:24])  # IHDR is the first chunk
        return cls(base_url + asset.path, *size)

    def fitted(self) -> tuple[int, int]:
        """Width and height within what RSS 2.0 allows."""
        scale = min(1.0, 144 / self.width, 400 / self.height)
        return max(1, int(self.width * scale)), max(1, int(self.height * scale))


@dataclass(frozen=True)
class Publisher:
    """What all feeds of a city share, and every entry repeats."""

    city: str
    language: str
    base_url: str  # without a slash at its end
    tag_authority: str  # owner of the tag URIs (RFC 4151): never changes
    hub_url: str
    icon_url: str
    search_url: str = ""  # of the OpenSearch description
    logo: Logo | None = None

    @classmethod
    def of(cls, settings: Settings) -> Publisher:
        base = settings.public_url
        return cls(
            city=settings.city_name,
            language=settings.brand.language,
            base_url=base,
            tag_authority=settings.mail_from.rpartition("@")[2],
            hub_url=f"{base}/hub",
            icon_url=base + brand_icon(settings.brand).path,
            search_url=f"{base}/opensearch.xml",
            logo=Logo.of(base, logo) if (logo := brand_logo(settings)) else None,
        )

    def scheme(self, kind: str) -> str:
        """What tells apart the categories that are topics from those that are places."""
        return f"{self.base_url}/haberler#{kind}"


@dataclass(frozen=True)
class Feed:
    """One feed, or one document of its archive. Addresses of feeds are without the format's suffix.

    `is_private`: it has no hub and no archive, and only its reader may know its address.
    """

    publisher: Publisher
    address: str
    title: str
    description: str
    page_url: str
    pairs: tuple[Pair, ...]
    about: tuple[tuple[str, str], ...] = ()  # slugs and names of its topics
    is_private: bool = False
    current: str | None = None  # of an archive: the feed that it belongs to
    prev_archive: str | None = None
    next_archive: str | None = None

    def url(self, suffix: str) -> str:
        """Its own address in a format."""
        return f"{self.address}.{suffix}"


def find(publisher: Publisher, state: FeedState, key: FeedKey) -> Feed | None:
    """The feed of a canonical key; None where a topic or place is not known."""
    topics = [state.topics.get(slug) for slug in key.topics]
    places = [state.places.get(slug) for slug in key.places]
    if None in topics or None in places:
        return None
    found = [topic for topic in topics if topic], [place for place in places if place]
    spoken, address = publisher.language, f"{publisher.base_url}/feeds/{key}"
    pairs = tuple(_pairs(*found, key.is_local_only))
    has_archive = state.last_change(pairs).seq > 0
    return Feed(
        publisher=publisher,
        address=address,
        title=f"{publisher.city}: {_title(spoken, *found)}",
        description=_description(spoken, *found),
        page_url=_page(publisher.base_url, key),
        pairs=pairs,
        about=tuple((topic.slug, topic.name(spoken)) for topic in found[0]),
        prev_archive=f"{address}/{state.closed.open_part}" if has_archive else None,
    )


def _pairs(topics: list[Named], places: list[Named], is_local_only: bool) -> Iterator[Pair]:
    topic_ids = [topic.id for topic in topics] or [ANY]
    place_ids = [place.id for place in places] or [ANY]
    if places and not is_local_only:
        place_ids.append(CITY)
    return product(topic_ids, place_ids)


def _title(spoken: str, topics: list[Named], places: list[Named]) -> str:
    names = ", ".join(topic.name(spoken) for topic in topics)
    names = names or ALL_NEWS.get(spoken, ALL_NEWS["en"])
    where = ", ".join(place.name(spoken) for place in places)
    return f"{names} ({where})" if where else names


def _description(spoken: str, topics: list[Named], places: list[Named]) -> str:
    said = " ".join(topic.about(spoken) for topic in topics if topic.about(spoken))
    return said or _title(spoken, topics, places)


def _page(base_url: str, key: FeedKey) -> str:
    """The list of the same articles on our pages, which have no combinations."""
    asked = []
    if len(key.topics) == 1:
        asked.append(f"topic={key.topics[0]}")
    if len(key.places) == 1:
        asked.append(f"place={key.places[0]}")
    return f"{base_url}/haberler" + (f"?{'&'.join(asked)}" if asked else "")
