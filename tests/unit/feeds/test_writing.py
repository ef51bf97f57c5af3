"""What the bytes of feeds say: heads, entries, archives, and what was withdrawn."""

from __future__ import annotations

import json
import locale
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from service.assets import Asset
from service.feeds import atom, rss
from service.feeds.clock import Stamp
from service.feeds.feed import Logo
from service.feeds.formats import WRITERS, Format
from tests.feed_rules import findings
from tests.unit.feeds.made import AT, BASE, FEED, PUBLISHER, entry, gone, joined

NS = {"a": "http://www.w3.org/2005/Atom", "fh": "http://purl.org/syndication/history/1.0"}
NS["at"] = "http://purl.org/atompub/tombstones/1.0"
NS["dc"] = "http://purl.org/dc/elements/1.1/"
XML = "{http://www.w3.org/XML/1998/namespace}"
ARCHIVE = replace(
    FEED,
    address=f"{BASE}/feeds/iklim-cevre/2026-10",
    current=FEED.address,
    prev_archive=f"{FEED.address}/2026-09",
    next_archive=f"{FEED.address}/2026-11",
)
MIXED = [
    entry(1),
    entry(2, language="en", title="A & B < C", url=""),
    entry(3, body_html="", summary="", image={"url": "https://a.example/b", "alt": '"köprü"'}),
    entry(4, topics=(), places=(), body_html="<p>]]&gt; &amp;nbsp; 🌊</p>"),
]


@pytest.mark.parametrize("feed", [FEED, ARCHIVE, replace(FEED, is_private=True)])
def test_fragments_join_to_what_feedgen_writes_for_the_whole_feed(feed):
    change = Stamp(7, AT + timedelta(minutes=10))
    for writer, whole in ((atom, lambda made: made.atom_str()), (rss, rss.written)):
        made = writer.channel(feed, change)
        for one in MIXED:
            writer.add(made, feed.publisher, one)
        assert joined(Format(writer.__name__.rpartition(".")[2]), MIXED, feed) == whole(made)


def test_feeds_of_all_kinds_break_no_rule(wanted, subtests):
    cases = {
        "empty": ([], FEED),
        "one": ([entry()], FEED),
        "mixed": (MIXED, FEED),
        "withdrawn": ([entry(1), gone(2), entry(3), gone(4, "en")], FEED),
        "only withdrawn": ([gone()], FEED),
        "archive": (MIXED, ARCHIVE),
        "private": (MIXED, replace(FEED, is_private=True)),
    }
    for name, (articles, feed) in cases.items():
        with subtests.test(name):
            assert findings(joined(wanted, articles, feed)) == []


def test_an_atom_head_says_what_there_is_to_say():
    root = etree.fromstring(joined(Format.ATOM))

    assert root.get(f"{XML}lang") == "tr"
    assert root.findtext("a:subtitle", namespaces=NS) == "İklim, çevre & doğa haberleri"
    assert root.findtext("a:rights", namespaces=NS) == "© Örnek Belediyesi"
    assert root.findtext("a:icon", namespaces=NS) == f"{BASE}/icon.svg"
    assert root.findtext("a:author/a:uri", namespaces=NS) == f"{BASE}/"
    made = root.find("a:generator", NS)
    assert (made.text, made.get("uri"), bool(made.get("version"))) == ("Tellal", f"{BASE}/", True)
    (topic,) = root.findall("a:category", NS)
    assert topic.get("term") == "iklim-cevre"
    assert topic.get("label") == "İklim ve Çevre"
    links = [(link.get("rel"), link.get("type")) for link in root.findall("a:link", NS)]
    assert links == [
        ("self", "application/atom+xml"),
        ("alternate", "application/rss+xml"),
        ("alternate", "application/feed+json"),
        ("hub", None),
        ("search", "application/opensearchdescription+xml"),
        ("alternate", "text/html"),
    ]


def test_a_json_head_says_what_there_is_to_say():
    feed = json.loads(joined(Format.JSON, feed=replace(FEED, prev_archive=f"{BASE}/feeds/x")))

    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": FEED.title,
        "home_page_url": FEED.page_url,
        "feed_url": f"{FEED.address}.json",
        "description": FEED.description,
        "language": "tr",
        "authors": [{"name": "Örnek Belediyesi", "url": f"{BASE}/"}],
        "icon": f"{BASE}/icon.svg",
        "favicon": f"{BASE}/icon.svg",
        "next_url": f"{BASE}/feeds/x.json",
        "hubs": [{"type": "WebSub", "url": f"{BASE}/hub"}],
        "items": [],
    }


def test_a_logo_is_shown_by_rss_where_it_is_a_png_in_the_size_that_rss_allows():
    png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", 288, 90)
    drawn = Logo.of(BASE, Asset("logo.svg", "image/svg+xml", b"<svg/>"))
    shown = Logo.of(BASE, Asset("logo.png", "image/png", png))

    def image(logo: Logo, wanted: Format) -> etree._Element | None:
        feed = replace(FEED, publisher=replace(PUBLISHER, logo=logo))
        body = joined(wanted, feed=feed)
        assert findings(body) == []
        return etree.fromstring(body).find("{*}logo" if wanted == Format.ATOM else "channel/image")

    assert image(drawn, Format.RSS) is None
    assert image(drawn, Format.ATOM).text == drawn.url
    found = image(shown, Format.RSS)
    assert found.findtext("url") == f"{BASE}{Asset('logo.png', 'image/png', png).path}"
    assert (found.findtext("width"), found.findtext("height")) == ("144", "45")


def test_an_archive_says_where_it_stands(wanted):
    body = joined(wanted, MIXED, ARCHIVE)

    if wanted == Format.JSON:
        feed = json.loads(body)
        assert feed["feed_url"].endswith("2026-10.json")
        assert feed["next_url"].endswith("2026-09.json")
        assert "hubs" not in feed
        return
    root = etree.fromstring(body)
    assert len(root.findall(".//fh:archive", NS)) == 1
    links = {link.get("rel"): link.get("href") for link in root.iterfind(".//a:link", NS)}
    assert links["self"] == f"{ARCHIVE.address}.{wanted}"
    assert links["current"] == f"{FEED.address}.{wanted}"
    assert links["prev-archive"] == f"{ARCHIVE.prev_archive}.{wanted}"
    assert links["next-archive"] == f"{ARCHIVE.next_archive}.{wanted}"
    assert "hub" not in links
    if wanted == Format.ATOM:
        assert root.findtext("a:id", namespaces=NS) == f"{FEED.address}.atom"
    assert b"history" not in joined(wanted, MIXED)


def test_a_private_feed_has_no_hub(wanted):
    body = joined(wanted, MIXED, replace(FEED, is_private=True))

    assert b"hub" not in body


def test_an_entry_leads_to_the_city_and_to_our_page_of_it():
    root = etree.fromstring(joined(Format.ATOM, [entry(1), entry(2, url="")]))

    def links(number: int) -> list[tuple[str | None, ...]]:
        found = root.findall(f"a:entry[{number}]/a:link", NS)
        return [(one.get("rel"), one.get("hreflang"), one.get("href")) for one in found]

    assert links(1) == [
        ("related", None, f"{BASE}/haber/1-koprude-calisma"),
        ("alternate", "tr", "https://www.example.bel.tr/haber/1"),
    ]
    assert links(2) == [("alternate", "tr", f"{BASE}/haber/2-koprude-calisma")]


def test_an_entry_in_another_language_says_so():
    for wanted, where in ((Format.ATOM, "a:entry"), (Format.RSS, "channel/item")):
        turkish, english = etree.fromstring(
            joined(wanted, [entry(1), entry(2, language="en")])
        ).findall(where, NS)
        if wanted == Format.ATOM:
            assert (turkish.get(f"{XML}lang"), english.get(f"{XML}lang")) == (None, "en")
        else:
            assert turkish.find("dc:language", NS) is None
            assert english.findtext("dc:language", namespaces=NS) == "en"
    items = json.loads(joined(Format.JSON, [entry(1), entry(2, language="en")]))["items"]
    assert [item["language"] for item in items] == ["tr", "en"]


def test_a_language_that_there_is_not_is_not_said(wanted):
    body = joined(wanted, [entry(language="xx-tr"), entry(2, language='"')])

    assert b"xx-tr" not in body
    assert findings(body) == []


def test_links_in_a_text_lead_where_they_led_on_its_page(wanted):
    body = joined(wanted, [entry(body_html='<p><a href="#son">a</a><img src="b ş.png"></p>')])

    assert b"https://www.example.bel.tr/haber/1#son" in body
    assert b"https://www.example.bel.tr/haber/b%20%C5%9F.png" in body


def test_a_picture_is_shown_once():
    image = {"url": "https://a.example/b.png?x=1&y=2", "alt": "<köprü>"}
    shown = '<p><img alt="" src="https://a.example/b.png?x=1&amp;y=2"></p>'

    for wanted in (Format.ATOM, Format.RSS):
        body = joined(wanted, [entry(image=image), entry(2, image=image, body_html=shown)])
        root = etree.fromstring(body)
        path = "a:entry/a:content" if wanted == Format.ATOM else "channel/item/{*}encoded"
        own, theirs = (content.text for content in root.iterfind(path, NS))
        assert own.startswith(
            '<p><img src="https://a.example/b.png?x=1&amp;y=2" alt="&lt;köprü&gt;"></p><p>Tam'
        )
        assert theirs == shown
    (item,) = json.loads(joined(Format.JSON, [entry(image=image)]))["items"]
    assert item["image"] == image["url"]
    assert "img" not in item["content_html"]


def test_what_was_withdrawn_is_said_in_each_format():
    stone = etree.fromstring(joined(Format.ATOM, [gone()])).find("at:deleted-entry", NS)
    item = etree.fromstring(joined(Format.RSS, [gone(2, "en")])).find("channel/item")
    (other,) = json.loads(joined(Format.JSON, [gone(3, "en-GB")]))["items"]

    assert stone.get("ref") == "tag:example.bel.tr,2026-11-20:article/1"
    assert stone.get("when") == "2026-11-20T09:00:00+00:00"
    assert stone.findtext("at:by/a:name", namespaces=NS) == "Örnek Belediyesi"
    said = stone.find("at:comment", NS)
    assert (said.text, said.get(f"{XML}lang")) == ("Geri çekildi", "tr")
    assert item.findtext("title") == "Withdrawn"
    assert item.findtext("link") == f"{BASE}/haber/2"
    assert item.findtext("dc:language", namespaces=NS) == "en"
    assert other["title"] == "Withdrawn"
    assert other["language"] == "en"


def test_dates_of_rss_leave_the_locale_of_the_process_alone(monkeypatch):
    def refuse(*_args: object) -> str:
        raise AssertionError("the locale belongs to the whole process")

    monkeypatch.setattr(locale, "setlocale", refuse)
    with ThreadPoolExecutor(8) as threads:
        written = set(threads.map(lambda _: joined(Format.RSS, MIXED), range(64)))

    (body,) = written
    assert b"<pubDate>Fri, 20 Nov 2026 08:00:00 +0000</pubDate>" in body


def test_the_same_article_is_the_same_bytes(wanted):
    writer = WRITERS[wanted]
    assert writer.fragment(PUBLISHER, entry()) == writer.fragment(PUBLISHER, entry(seq=9))
