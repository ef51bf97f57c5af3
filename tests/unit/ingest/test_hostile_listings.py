"""Listings that are none, are broken, or mean harm."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.decoding import decode
from service.ingest.listing import ListingError
from service.ingest.listing.entry import address
from service.models import PullKind
from tests.sites import recorded, seed_page
from tests.unit.ingest.listings import only, read, rss


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
