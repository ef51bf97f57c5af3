"""Lists of feeds as OPML 2.0 (opml.org/spec2.opml), which every reader imports at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lxml import etree

from service.archive.xml_text import clean
from service.feeds.clock import FeedState
from service.feeds.feed import Feed, Publisher, find
from service.feeds.keys import FeedKey

MEDIA_TYPE = "text/x-opml"
SUFFIX = "rss"
ALL_FEEDS = {"tr": "Bütün akışlar", "en": "All feeds"}
MY_FEEDS = {"tr": "Seçtiğim konuların akışları", "en": "Feeds of the topics I chose"}
TOPICS = {"tr": "Konular", "en": "Topics"}
PLACES = {"tr": "İlçeler", "en": "Districts"}

# A heading, and the feeds below it; without a heading they stand by themselves.
Group = tuple[str, Sequence[tuple[str, Feed]]]


def all_feeds(publisher: Publisher, state: FeedState) -> bytes:
    """All news, every topic, and every district."""
    spoken = publisher.language
    topics = [(one.name(spoken), FeedKey.of([one.slug])) for one in state.topics.values()]
    places = [
        (one.name(spoken), FeedKey.of((), [one.slug])) for one in state.places.values() if one.is_on
    ]
    groups: list[Group] = [
        ("", list(_named(publisher, state, [FeedKey()]))),
        (TOPICS.get(spoken, TOPICS["en"]), list(_found(publisher, state, topics))),
        (PLACES.get(spoken, PLACES["en"]), list(_found(publisher, state, places))),
    ]
    return _document(publisher, ALL_FEEDS.get(spoken, ALL_FEEDS["en"]), groups)


def some_feeds(publisher: Publisher, state: FeedState, keys: Iterable[FeedKey]) -> bytes:
    """The feeds of these keys, those of a person's own choices."""
    title = MY_FEEDS.get(publisher.language, MY_FEEDS["en"])
    return _document(publisher, title, [("", list(_named(publisher, state, keys)))])


def _named(
    publisher: Publisher, state: FeedState, keys: Iterable[FeedKey]
) -> Iterator[tuple[str, Feed]]:
    """Feeds under the names that they say themselves."""
    return _found(publisher, state, (("", key) for key in keys))


def _found(
    publisher: Publisher, state: FeedState, named: Iterable[tuple[str, FeedKey]]
) -> Iterator[tuple[str, Feed]]:
    for name, key in named:
        if feed := find(publisher, state, key):
            yield name or feed.title, feed


def _document(publisher: Publisher, title: str, groups: Iterable[Group]) -> bytes:
    opml = etree.Element("opml", version="2.0")
    head, body = etree.SubElement(opml, "head"), etree.SubElement(opml, "body")
    etree.SubElement(head, "title").text = clean(f"{publisher.city}: {title}")
    etree.SubElement(head, "ownerName").text = clean(publisher.city)
    for heading, feeds in groups:
        parent = etree.SubElement(body, "outline", text=heading) if heading and feeds else body
        for name, feed in feeds:
            etree.SubElement(
                parent,
                "outline",
                type="rss",
                text=clean(name),
                title=clean(feed.title),
                description=clean(feed.description),
                language=publisher.language,
                version="RSS2",
                xmlUrl=feed.url(SUFFIX),
                htmlUrl=feed.page_url,
            )
    xml: bytes = etree.tostring(opml, encoding="utf-8", xml_declaration=True)
    return xml
