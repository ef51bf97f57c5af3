"""Sitemaps as bytes, for any text and address, and in any number of languages."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from service.archive.address import MAX_SLUG, city_address
from service.archive.xml_text import ascii_url, clean
from service.citizen.sitemap_xml import (
    MAX_ADDRESS,
    MOST_BYTES,
    MOST_URLS,
    News,
    Url,
    articles_per_part,
    index,
    urlset,
)

AT = datetime(2026, 11, 27, 9, 30, 1, 999999, tzinfo=UTC)
TEXT = st.text(max_size=200)
BAD = "]]> </loc><url> & &amp; \x00\x0b\ufffe\ud800 '\" \u2028 🌊"


@given(TEXT, TEXT)
@example(BAD, BAD)
def test_any_title_and_name_comes_back_as_xml_can_hold_it(title: str, name: str) -> None:
    news = News(name, "tr", title, AT)
    root = etree.fromstring(urlset([Url("https://city.example/1", AT, (), news)]))
    found = {one.tag.rpartition("}")[2]: one.text or "" for one in root.iter()}
    assert found["title"] == clean(title).replace("\r\n", "\n").replace("\r", "\n")
    assert found["name"] == clean(name).replace("\r\n", "\n").replace("\r", "\n")
    assert found["publication_date"] == found["lastmod"] == "2026-11-27T09:30:01+00:00"


@given(TEXT)
@example(BAD)
@example("ş" * 500)
@example("//[")
def test_any_address_is_ascii_or_in_no_file(path: str) -> None:
    address = f"https://www.example.bel.tr/{path}"
    root = etree.fromstring(urlset([Url("https://city.example/"), Url(address)]))
    places = [one.text for one in root.iter("{*}loc")]
    assert places[0] == "https://city.example/"
    for place in places[1:]:
        assert place.isascii()
        assert len(place) <= MAX_ADDRESS
    assert len(places) == 2 or len(ascii_url(address)) > MAX_ADDRESS


@given(st.text(max_size=60))
@example("http://[")
@example("https://")
@example("//host/x")
def test_any_address_of_an_article_is_a_page_or_none(url: str) -> None:
    assert city_address(url) in ("", url)
    assert not city_address("javascript:" + url)


@given(st.integers(1, 20), st.integers(10, 300))
def test_a_part_keeps_its_bounds_in_any_number_of_languages(languages: int, length: int) -> None:
    base = "https://" + "x" * length
    size = articles_per_part(languages, base, 2000)
    path = f"/aaa/haber/{2**63 - 1}-{'s' * MAX_SLUG}"
    pairs = tuple(("x-default", base + path) for _ in range(languages + 1))
    one = urlset([Url(base + path, AT, pairs)])
    head = len(urlset([]))
    assert 1 <= size <= 2000
    assert size * languages * (len(one) - head) + head <= MOST_BYTES + 200_000
    assert (size + 1) * languages <= MOST_URLS


def test_a_whole_part_is_as_large_as_was_reckoned() -> None:
    base = "https://haber.city.example"
    size = articles_per_part(2, base, 2000)
    assert size == 2000
    path = "/en/haber/123456789-" + "s" * MAX_SLUG
    pairs = (("tr", base + path), ("en", base + path), ("x-default", base + path))
    assert len(urlset([Url(base + path, AT, pairs)] * size * 2)) < MOST_BYTES


def test_an_index_names_parts_and_when_they_changed() -> None:
    data = index([Url("https://city.example/a.xml", AT), Url("https://city.example/ğ.xml")])
    root = etree.fromstring(data)
    assert [[part.text for part in one] for one in root] == [
        ["https://city.example/a.xml", "2026-11-27T09:30:01+00:00"],
        ["https://city.example/%C4%9F.xml"],
    ]
