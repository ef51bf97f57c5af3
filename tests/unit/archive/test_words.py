"""Addresses, stems and queries of the archive, for any text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.archive.address import MAX_SLUG, slug_of
from service.archive.body import page_body
from service.archive.listings import Cursor, Month
from service.archive.position import FIRST, LAST, moment_of, position
from service.archive.words import (
    MAX_LENGTH,
    MAX_QUERY_WORDS,
    TITLE,
    article_words,
    forms,
    label,
    read_query,
)

LEXEME = re.compile(r"[^\W_]+")


@given(st.text(max_size=400))
@example("İIıi ĞÜŞÖÇ – “tırnak” 🌊")
@example("x" * 200)
def test_a_slug_is_short_ascii_and_its_own_slug(title: str) -> None:
    slug = slug_of(title)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= MAX_SLUG
    assert slug_of(slug) == slug


def test_slugs_keep_whole_words() -> None:
    assert slug_of("Çiğli’de ığdır İŞ günü") == "ciglide-igdir-is-gunu"
    assert slug_of("北京") == "haber"
    assert slug_of("kelime " * 20) == "-".join(["kelime"] * 11)


@given(st.text(max_size=400))
@example("İzmir'in K'da a\u0307 ǅ ١٢٣")
def test_a_query_has_plain_words_only(text: str) -> None:
    query = read_query(text)
    if query is None:
        return
    assert 1 <= len(query.words) <= MAX_QUERY_WORDS
    for word in query.words:
        assert all(LEXEME.fullmatch(form) for form in word)
    if query.begun:
        assert query.begun in query.words[-1]


@given(st.text(max_size=80), st.text(max_size=200))
def test_what_a_text_holds_finds_it(title: str, text: str) -> None:
    found = set(article_words(title, text, (3,), (4,)).split(" "))
    assert {label("t", 3), label("p", 4)} <= found
    for source, mark in ((title, TITLE), (title, ""), (text, "")):
        query = read_query(source)
        if query:
            assert all(any(mark + form in found for form in word) for word in query.words)


@pytest.mark.parametrize(
    ("word", "stem"),
    [("tramvayi", "tramvay"), ("kitabi", "kitab"), ("suyu", "su"), ("yolu", "yol")],
)
def test_a_word_has_its_stem_among_its_forms(word: str, stem: str) -> None:
    assert stem in forms(word)


def test_words_share_no_stem_by_accident() -> None:
    assert "kar" not in forms("karsiyaka")
    assert "yol" not in forms("yolsuzluk")
    assert forms("2026") == ("2026",)
    assert read_query("a" * (MAX_LENGTH + 1)) is None


SECOND = st.integers(-2_208_988_800, 7_289_654_400)  # of 1900 to 2200


@given(SECOND, SECOND, st.integers(1, 2**40))
def test_positions_are_in_the_order_of_time(one: int, other: int, number: int) -> None:
    first, second = datetime.fromtimestamp(one, UTC), datetime.fromtimestamp(other, UTC)
    places = position(first, number), position(second, number)
    assert (places[0] < places[1]) == (first < second)
    assert moment_of(places[0]) == first
    assert FIRST < places[0] < LAST
    assert position(first, 7) < position(first, 8)


@given(st.text(max_size=30))
@example("t-9223372036854775807")
@example("2026-12")
def test_cursors_and_months_are_read_as_they_are_written(text: str) -> None:
    for is_search in (False, True):
        cursor = Cursor.read(text, is_backward=False, is_search=is_search)
        if cursor:
            again = Cursor.read(str(cursor), is_backward=False, is_search=is_search)
            assert again == cursor
    month = Month.read(text)
    if month:
        assert Month.read(str(month)) == month < month.following


def test_a_body_keeps_its_words_and_loses_what_loads() -> None:
    html = (
        '<h3>Bir</h3><p>A <img src="https://x.example/a.png" alt="a > b"> b</p><h4>İki</h4>'
        '<figure><figcaption>Resim</figcaption></figure><a href="/x">y</a><script>z</script>'
        '<a href="javascript:alert(1)">k</a>'
    )
    body = page_body(html, "https://city.example/haber/1")
    assert "<h2>Bir</h2>" in body
    assert "<h3>İki</h3>" in body
    assert '<a href="https://city.example/x" rel="noopener noreferrer">y</a>' in body
    assert not re.search("img|script|Resim|alert", body)
    assert 'href="/x"' not in page_body(html, "")
    assert 'href="/x"' not in page_body(html, "no address")


@given(st.text(max_size=300))
def test_no_body_breaks_the_page(html: str) -> None:
    assert not re.search("<(script|img|style|iframe)", page_body(html, "https://city.example/"))
