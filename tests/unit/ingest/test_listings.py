"""Listings: feeds, sitemaps, REST lists and pages of links, sound, broken and hostile."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.decoding import decode
from service.ingest.listing import (
    ListingError,
    newest_change,
    read_listing,
    wordpress_address,
)
from service.ingest.listing.entry import address
from service.ingest.mapping import map_event
from service.ingest.pull_rules import RulesError, load_rules
from service.models import PullKind
from service.outbound import Fetched
from tests.sites import seed_others, seed_page

CONFIG = Path(__file__).parents[3] / "config"
WEBHOOKS = Path(__file__).parents[2] / "data" / "webhooks"
SITE = "https://www.example.bel.tr/"
ZONE = "Europe/Istanbul"
TYPES = {
    PullKind.FEED: "application/rss+xml",
    PullKind.SITEMAP: "application/xml",
    PullKind.WORDPRESS: "application/json",
    PullKind.HTML: "text/html",
}


def read(kind, content, media_type=None, charset=None, rules=None):
    raw = content.encode() if isinstance(content, str) else content
    kind_of_content = TYPES[kind] if media_type is None else media_type
    fetched = Fetched(SITE, 200, raw, kind_of_content, charset)
    return read_listing(kind, fetched, ZONE, load_rules(CONFIG, rules or {}))


def recorded(name):
    return (WEBHOOKS / f"wordpress-6.1.9-{name}").read_bytes()


def rss(item="", head=""):
    return f"{head}<rss version='2.0'><channel><title>x</title>{item}</channel></rss>"


def only(listing):
    (entry,) = listing.entries
    return entry


def test_the_four_recorded_listings_name_the_same_five_articles():
    found = [
        read(PullKind.FEED, recorded("feed.rss.xml")),
        read(PullKind.FEED, recorded("feed.atom.xml")),
        read(PullKind.WORDPRESS, recorded("rest-posts-list.json")),
        read(PullKind.SITEMAP, recorded("sitemap-posts.xml")),
    ]

    assert [len(listing.entries) for listing in found] == [5, 5, 5, 5]
    assert len({entry.key for listing in found for entry in listing.entries}) == 5
    assert [entry.is_whole for entry in found[0].entries + found[2].entries] == [True] * 10
    assert not any(entry.is_whole or entry.version for entry in found[3].entries)


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


@pytest.mark.parametrize("kind", PullKind)
@pytest.mark.parametrize("media_type", [None, ""])
@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"\0\0", b"\xff\xfe", b"{", b"<", b"null", b'{"code": "rest_no_route"}', b"<a/>"],
)
def test_what_is_no_listing_is_an_error_or_empty_and_nothing_else(kind, media_type, content):
    try:
        found = read(kind, content, media_type)
    except ListingError:
        return
    assert (kind, found.entries) == (PullKind.HTML, ())


@pytest.mark.parametrize("kind", [PullKind.FEED, PullKind.SITEMAP, PullKind.WORDPRESS])
def test_a_page_with_status_200_is_no_listing_by_its_type_nor_by_its_content(kind):
    """Ankara answers so at /rss."""
    with pytest.raises(ListingError, match="text/html"):
        read(kind, seed_page(), "text/html")
    with pytest.raises(ListingError):
        read(kind, seed_page(), "")
    with pytest.raises(ListingError, match="text/html"):
        read(kind, recorded("feed.rss.xml"), "text/html")


def lol(levels=12):
    made = "".join(f'<!ENTITY lol{i} "{f"&lol{i - 1};" * 10}">' for i in range(1, levels))
    return f'<!DOCTYPE lolz [<!ENTITY lol0 "lol">{made}]>'


@pytest.mark.parametrize(
    "document",
    [
        rss("<item><title>&lol11;</title><link>/1</link></item>", lol()),
        rss("<item a='&lol11;'><title>x</title><link>/1</link></item>", lol()),
        rss("<item><title>&x;</title><link>/1</link></item>",
            '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        rss("", '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>'),
        rss("", f'<!DOCTYPE r [<!ENTITY x "{"a" * 100_000}">]>'),
    ],
    ids=["laughs", "laughs in an attribute", "file", "parameter", "quadratic"],
)  # fmt: skip
@pytest.mark.parametrize("kind", [PullKind.FEED, PullKind.SITEMAP])
def test_a_document_with_entities_of_its_own_is_refused(kind, document):
    with pytest.raises(ListingError):
        read(kind, document)


@pytest.mark.parametrize(
    "document",
    [
        "<rss>" + "<item>" * 70_000,
        "<rss><channel>" + "<item><title>a</title><link>/1</link></item>" * 30_000,
        "<rss " + " ".join(f"a{i}='1'" for i in range(60_000)) + "/>",
        "<rss " + " ".join(f"xmlns:a{i}='u{i}'" for i in range(20_000)) + "><item/></rss>",
        "<rss><![CDATA[" * 50_000,
        "<rss>" + "&nbsp;" * 200_000,
    ],
    ids=["deep", "many", "attributes", "namespaces", "cdata", "entities"],
)
def test_a_huge_document_is_read_or_refused(document):
    try:
        found = read(PullKind.FEED, document)
    except ListingError:
        return
    assert len(found.entries) <= 1


def test_an_external_dtd_is_not_read():
    feed = rss(
        "<item><title>x</title><link>/1</link></item>",
        '<!DOCTYPE rss SYSTEM "file:///etc/passwd">',
    )

    assert only(read(PullKind.FEED, feed))


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


def test_a_sitemap_with_dates_is_read_newest_first_and_its_entries_have_versions():
    sitemap = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
        <url><loc>/1</loc><lastmod>2025-06-06</lastmod></url>
        <url><image:image><image:loc>/a.jpg</image:loc><image:title>Resim</image:title></image:image>
        <loc>/2</loc><lastmod>2025-06-07T10:00:00+03:00</lastmod><news:news>
        <news:publication><news:name>x</news:name></news:publication><news:title>İki</news:title>
        <news:publication_date>2025-06-05</news:publication_date><news:keywords>a, b</news:keywords>
        </news:news></url><url><loc>/3</loc></url><url/></urlset>"""

    second, first, third = read(PullKind.SITEMAP, sitemap).entries

    assert [entry.url for entry in (first, second, third)] == [f"{SITE}{n}" for n in (1, 2, 3)]
    assert bool(first.version), bool(third.version) == (True, False)
    assert second.event["title"] == "İki"
    assert (second.event["tags"], second.event["published_at"][:10]) == (["a", "b"], "2025-06-05")


def test_an_index_of_sitemaps_names_its_newest_children():
    parts = "".join(
        f"<sitemap><loc>/s{n}.xml</loc><lastmod>2025-06-{n:02}</lastmod></sitemap>"
        for n in range(1, 21)
    )

    found = read(PullKind.SITEMAP, f"<sitemapindex>{parts}</sitemapindex>")

    assert found.children == tuple(f"{SITE}s{n}.xml" for n in range(20, 15, -1))
    assert found.entries == ()


def test_a_page_of_links_by_the_rules_of_the_site():
    rules = {"article_path": "/tr/Haberler/{slug}/{number}/{category}"}

    found = read(PullKind.HTML, seed_page(), rules=rules)

    assert [entry.url for entry in found.entries] == [
        f"{SITE}tr/Haberler/baska/{60001 + n}/156" for n in range(len(seed_others()))
    ]


def test_a_selector_and_a_base_choose_the_links():
    page = (
        "<base href='/haber/'><nav><a href='x'>x</a></nav><main><a href='1'>1</a><a>2</a>"
        "<a href='mailto:a@b'>3</a><a href='#x'>4</a><a href='https://baska.example/5'>5</a></main>"
    )

    found = read(PullKind.HTML, page, rules={"links": "main a", "article_path": "/haber/*"})

    assert [entry.url for entry in found.entries] == [f"{SITE}haber/1"]


@pytest.mark.parametrize(
    ("path", "pattern", "number"),
    [
        ("/tr/Haberler/a-b/55000/156", "/tr/Haberler/{slug}/{number}/{category}", "55000"),
        ("/tr/Haberler/a-b/55000/156/", "/tr/Haberler/{slug}/{number}/{category}", "55000"),
        ("/tr/Haberler/a-b/x/156", "/tr/Haberler/{slug}/{number}/{category}", None),
        ("/tr/Duyurular/a-b/1/156", "/tr/Haberler/{slug}/{number}/{category}", None),
        ("/haber/1-yeni-park", "/haber/{number}-*", "1"),
        ("/haber/yeni.park", "/haber/*", ""),
        ("/haberler", "/haber/*", None),
    ],
)
def test_an_article_path_filters_and_finds_the_number(path, pattern, number):
    rules = load_rules(CONFIG, {"article_path": pattern})
    url = f"https://www.example.bel.tr{path}?a=/tr/Haberler/x/1/2"

    assert rules.fits(url) is (number is not None)
    assert rules.number_in(url) == (number or "")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"links": "a[[", "title": ":x("}, "links: is no CSS selector\ntitle: is no CSS selector"),
        ({"article_path": "haber"}, "article_path: must begin with /"),
        ({"article_path": "/*/x"}, "article_path: may have a * at its end only"),
        ({"article_path": "/{number}/{number}"}, "article_path: may have {number} once only"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"drop": "Kapat"}, "drop: "),
    ],
)
def test_each_mistake_in_rules_is_named(rules, says):
    with pytest.raises(RulesError) as caught:
        load_rules(CONFIG, rules)
    assert str(caught.value).startswith(says)


def test_wordpress_is_asked_for_what_changed_since_and_the_operator_s_own_words_stand():
    since = datetime(2025, 6, 6, 10, tzinfo=UTC)
    asked = wordpress_address("https://x.example/wp-json/wp/v2/haber?per_page=5", since)

    assert asked == (
        "https://x.example/wp-json/wp/v2/haber?_embed=1&per_page=5&orderby=modified&order=desc"
        "&modified_after=2025-06-05T10%3A00%3A00Z"
    )
    listing = read(PullKind.WORDPRESS, recorded("rest-posts-list.json"))
    assert newest_change(listing) == datetime(2025, 11, 26, 13, 15, tzinfo=UTC)


def test_posts_of_odd_shapes_are_left_out():
    posts = [1, None, {}, {"id": 1}, {"link": "https://x.example/"}, {"id": 2, "link": "/b"}]

    found = read(PullKind.WORDPRESS, json.dumps(posts))

    assert [entry.url for entry in found.entries] == [f"{SITE}b"]


def test_a_compressed_sitemap_is_said_to_be_none():
    with pytest.raises(ListingError):
        read(PullKind.SITEMAP, gzip.compress(recorded("sitemap-posts.xml")), "application/gzip")


PIECES = st.sampled_from(
    [
        *("<rss>", "</rss>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<link>"),
        *("</link>", "<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry>", "<urlset>", "<url>"),
        *("<loc>", "<sitemapindex>", "&amp;", "&", "<![CDATA[", "]]>", "<?xml version='1.0'?>"),
        *(
            "https://x.example/1",
            "[",
            "{",
            '"id"',
            ":",
            "1",
            ",",
            "]",
            "\ud800",
            "\0",
            "<a href='x'>",
        ),
    ]
)


@pytest.mark.parametrize("kind", PullKind)
@given(content=st.binary(max_size=200) | st.lists(PIECES, max_size=20).map("".join))
def test_no_document_breaks_a_reader(kind, content):
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        found = read(kind, raw)
    except ListingError:
        return
    assert all(len(entry.key) <= 500 for entry in found.entries)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_link_breaks_the_address(base, link):
    found = address(base, link)
    assert found == "" or found.startswith(("http://", "https://"))


@given(st.binary(max_size=100), st.text(max_size=12))
def test_no_bytes_break_the_decoder(content, charset):
    assert isinstance(decode(content, charset), str)
