"""Listings that are feeds: RSS and Atom, as they are and as they should be."""

from __future__ import annotations

from datetime import UTC, datetime

import feedparser
import pytest

from service.ingest.mapping import map_event
from service.models import PullKind
from tests.sites import recorded
from tests.unit.ingest.listings import SITE, ZONE, only, read, rss


@pytest.mark.parametrize("name", ["feed.rss.xml", "feed.atom.xml"])
def test_a_feed_says_what_feedparser_reads_in_it(name):
    oracle = feedparser.parse(recorded(name)).entries
    found = read(PullKind.FEED, recorded(name)).entries

    assert [entry.url for entry in found] == [item.link for item in oracle]
    assert [entry.event["title"] for entry in found] == [item.title for item in oracle]
    assert [entry.event["guid"] for entry in found] == [item.id for item in oracle]
    told = [datetime.fromisoformat(entry.event["published_at"]) for entry in found]
    assert [at.astimezone(UTC).timetuple()[:6] for at in told] == [
        item.published_parsed[:6] for item in oracle
    ]


def test_a_feed_s_article_is_the_rest_api_s(presets):
    """All but the id, which their aliases make one."""
    feed = read(PullKind.FEED, recorded("feed.rss.xml")).entries[0]
    rest = read(PullKind.WORDPRESS, recorded("rest-posts-list.json")).entries[0]
    (one,) = map_event(presets["entry"], {}, dict(feed.event), ZONE)
    (other,) = map_event(presets["wordpress-rest"], {}, dict(rest.event), ZONE)

    for name in ("title", "summary", "url", "published_at", "sections", "language"):
        assert getattr(one.article, name) == getattr(other.article, name)
    assert one.article.text() == other.article.text()
    assert set(one.aliases) == set(other.aliases)


def test_an_rss_item_in_all_its_fields():
    entry = only(
        read(
            PullKind.FEED,
            rss(
                """<item><title>A &amp; B &uuml;</title><guid isPermaLink="false">g-1</guid>
                <link>/haber/1?utm_source=rss&amp;id=7#top</link><pubDate>6 Haz 2025 14:30</pubDate>
                <description>Özet</description><category>Su</category><category/>
                <enclosure url="/a.mp3" type="audio/mpeg"/>
                <enclosure url="/b.jpg" type="image/jpeg"/></item>"""
            ),
        )
    )

    assert entry.url == "https://www.example.bel.tr/haber/1?id=7"
    assert not entry.is_whole  # a teaser must not stand for the article
    assert entry.event == {
        **{"guid": "g-1", "url": entry.url, "title": "A & B ü", "summary": "Özet"},
        **{"published_at": "2025-06-06T14:30:00+03:00", "sections": ["Su"]},
        "image": "https://www.example.bel.tr/b.jpg",
    }


def test_atom_with_xhtml_a_relative_base_and_plain_text():
    feed = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://x.example/">
        <entry xml:base="https://www.example.bel.tr/haber/"><id>tag:1</id><title>Bir</title>
        <link rel="self" href="s"/><link rel="alternate" type="text/html" href="1"/>
        <updated>2025-06-06T10:00:00Z</updated>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Metin</p></div></content>
        </entry><entry><id>tag:2</id><title>İki</title><link href="/2"/>
        <content>a &lt; b</content></entry></feed>"""

    first, second = read(PullKind.FEED, feed).entries

    assert first.url == "https://www.example.bel.tr/haber/1"
    assert "<p>Metin</p>" in first.event["body_html"]
    assert first.event["published_at"] == first.event["updated_at"] == "2025-06-06T10:00:00+00:00"
    assert (second.event["guid"], second.event["body_text"]) == ("tag:2", "a < b")


def test_rss_1_0_is_a_feed_too():
    feed = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
        <channel><title>x</title></channel><item><title>Bir</title><link>/1</link>
        <dc:date>2025-06-06T10:00:00+03:00</dc:date></item></rdf:RDF>"""

    entry = only(read(PullKind.FEED, feed))

    assert (entry.url, entry.event["published_at"]) == (f"{SITE}1", "2025-06-06T10:00:00+03:00")


@pytest.mark.parametrize(
    "item",
    [
        "<item/>",
        "<item><title>x</title><guid isPermaLink='false'>https://www.example.bel.tr/9</guid></item>",
        "<item><link>/1</link></item>",
        "<item><title>x</title><link>javascript:alert(1)</link></item>",
        "<item><title>x</title><link>https://a:b@www.example.bel.tr/</link></item>",
        "<item><title>x</title><link>https://[::1</link></item>",
        "<item><title>x</title><link>file:///etc/passwd</link></item>",
        f"<item><title>x</title><link>/{'a' * 3000}</link></item>",
    ],
)
def test_an_item_without_a_title_or_a_name_is_left_out_and_the_others_stay(item):
    good = "<item><title>Bir</title><link>/1</link></item>"

    assert only(read(PullKind.FEED, rss(item + good))).url == f"{SITE}1"


def test_a_guid_that_several_pages_share_names_none_of_them():
    items = "".join(
        f"<item><title>x</title><link>/{n}</link><guid>{guid}</guid></item>"
        for n, guid in enumerate(("same", "same", "own"))
    )

    guids = [entry.event.get("guid") for entry in read(PullKind.FEED, rss(items)).entries]

    assert guids == [None, None, "own"]


def test_an_item_that_comes_twice_counts_once():
    item = "<item><title>Bir</title><link>/1</link></item>"

    assert only(read(PullKind.FEED, rss(item * 3)))


@pytest.mark.parametrize(
    ("encoding", "charset", "declared"),
    [
        *[("utf-8", None, ""), ("utf-8", "iso-8859-9", "utf-8"), ("utf-8-sig", None, "")],
        *[("utf-8", None, "iso-8859-9"), ("iso-8859-9", None, "iso-8859-9"), ("utf-16", None, "")],
        *[("cp1254", "windows-1254", ""), ("cp1254", None, "utf-8"), ("cp1254", "utf-7", "rot13")],
    ],
)
def test_turkish_letters_survive_whatever_the_site_says_of_its_encoding(
    encoding, charset, declared
):
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    feed = rss("<item><title>Şişli ığdır ÖÇÜĞ</title><link>/1</link></item>", head)

    found = read(PullKind.FEED, feed.encode(encoding), charset=charset)

    assert only(found).event["title"] == "Şişli ığdır ÖÇÜĞ"


def test_a_feed_that_breaks_off_gives_what_is_whole():
    feed = rss(
        "<item><title>Bir</title><link>/1</link></item><item><title>b & c</title><link>/2</l"
    )

    assert [entry.url for entry in read(PullKind.FEED, feed).entries] == [f"{SITE}1", f"{SITE}2"]
