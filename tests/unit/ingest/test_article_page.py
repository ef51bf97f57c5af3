"""Article pages: the seed page as its site would serve it, and what other sites say of theirs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.article_page import Reader, read_article_page
from service.ingest.mapping import map_event
from service.ingest.markup import MarkupError
from service.ingest.presets import load_presets
from service.ingest.pull_rules import load_rules
from tests.sites import (
    CHROME,
    SEED_PATH,
    SEED_TITLE,
    seed_others,
    seed_page,
    seed_paragraphs,
)

CONFIG = Path(__file__).parents[3] / "config"
URL = f"https://www.example.bel.tr{SEED_PATH}"
ZONE = "Europe/Istanbul"
TEXT = (
    "Belediye meclisi bugün toplandı ve yeni park için ayrılan bütçeyi oy birliğiyle kabul etti. "
)


@pytest.fixture
def reader(presets):
    own = tomllib.loads((CONFIG / "pull" / "izmir.toml").read_text(encoding="utf-8"))
    return Reader(load_rules(CONFIG, own), presets, ZONE)


@pytest.fixture
def article(reader):
    """The canonical article of a page."""

    def read(page, url=URL):
        (mapped,) = map_event(
            reader.presets["entry"], {}, read_article_page(page, url, reader), ZONE
        )
        return mapped.article

    return read


def check_seed(found):
    text = found.text()
    lines = [line for line in text.split("\n") if line]
    assert (found.id, found.title, found.url) == ("55000", SEED_TITLE, URL)
    assert found.published_at.isoformat() == "2025-06-06T00:00:00+03:00"
    assert [part for part in seed_paragraphs() if part not in text] == []
    assert [word for word in CHROME if word in lines] == []
    assert "Diğer Haberler" not in text
    assert [part for other in seed_others() for part in other if part in text] == []


def test_the_seed_page_is_one_article_without_what_frames_it(article):
    found = article(seed_page())

    check_seed(found)
    assert [line for line in found.text().split("\n") if line] == seed_paragraphs()


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(seed_page(lambda parts: "<br><br>".join(parts)), id="line breaks"),
        pytest.param(
            seed_page(lambda parts: "".join(f"<div><span>{p}</span></div>" for p in parts)),
            id="divs and spans",
        ),
        pytest.param(seed_page(share="<h4>PAYLAŞ</h4>"), id="a heading in capitals"),
        pytest.param(seed_page(share="<button>Paylaş</button>"), id="a button"),
        pytest.param(seed_page(share=""), id="no share bar"),
        pytest.param(seed_page(above="<ul><li>Paylaş</li></ul>"), id="a share bar above too"),
    ],
)
def test_other_markup_of_the_same_page_gives_the_same(article, page):
    check_seed(article(page))


def test_the_words_are_data_and_may_be_replaced(presets):
    rules = load_rules(CONFIG, {"cut": ["Andere Meldungen"], "drop": ["Drucken"]})
    page = (
        f"<h1>Neuer Park</h1><p>{TEXT * 3}</p><p>Drucken</p><p>Paylaş</p>"
        f"<h2>Andere Meldungen</h2><p>{'Etwas ganz anderes geschah. ' * 9}</p>"
    )

    found = read_article_page(page, URL, Reader(rules, presets, ZONE))

    assert "Drucken" not in found["body_html"]
    assert "Paylaş" in found["body_html"]
    assert "ganz anderes" not in found["body_html"]


def test_selectors_go_before_everything_else(presets):
    rules = load_rules(CONFIG, {"title": ".t", "date": ".d", "body": ".b", "summary": ".s"})
    page = (
        "<meta property='og:title' content='X'><h1>Y</h1><h2 class=t>Başlık</h2>"
        "<i class=d>6 Haz 2025 14:30</i><p class=s>Özet</p><div class=b><p>Metin</p></div>"
    )

    found = read_article_page(page, URL, Reader(rules, presets, ZONE))

    assert (found["title"], found["summary"]) == ("Başlık", "Özet")
    assert found["published_at"] == "2025-06-06T14:30:00+03:00"
    assert "Metin" in found["body_html"]


def test_json_ld_goes_before_meta_tags_and_the_address_before_both(reader, article, fixture_json):
    node = fixture_json("jsonld-newsarticle-constructed")
    body = {"articleBody": TEXT * 3, "url": "https://www.example.bel.tr/", "identifier": "1"}
    page = (
        "<meta property='og:title' content='Başka'><meta property='og:image' content='/a.jpg'>"
        f"<script type='application/ld+json'>{json.dumps({**node, **body})}</script><p>kısa</p>"
    )

    found = article(page)

    assert (found.title, found.sections, found.tags) == (
        node["headline"],
        ["İklim"],
        ["iklim", "SECAP"],
    )
    assert (found.id, found.url) == ("55000", URL)
    assert found.published_at.isoformat() == "2025-06-06T10:00:00+03:00"
    assert found.image.url == "https://www.example.bel.tr/img/1.jpg"
    assert found.text() == (TEXT * 3).strip()


def test_a_cut_json_ld_text_gives_way_to_the_page(article, fixture_json):
    node = fixture_json("jsonld-newsarticle-constructed")  # its text ends in an ellipsis
    page = f"<script type='application/ld+json'>{json.dumps(node)}</script><p>{TEXT * 3}</p>"

    assert article(page).text() == (TEXT * 3).strip()


def test_of_several_json_ld_articles_only_the_page_s_own_counts(reader):
    nodes = [
        {"@type": "NewsArticle", "headline": "Başka bir haber", "url": "https://x.example/1"},
        {"@type": "NewsArticle", "headline": "Asıl haber", "datePublished": "2025-06-06"},
    ]
    page = f"<h1>Asıl haber</h1><script type='application/ld+json'>{json.dumps(nodes)}</script>"

    found = read_article_page(page + f"<p>{TEXT * 3}</p>", URL, reader)

    assert (found["title"], found["published_at"]) == ("Asıl haber", "2025-06-06T00:00:00+03:00")


def test_meta_tags_and_the_shown_title_without_the_site_s_name(article):
    page = f"""<meta property="og:title" content="Yeni park açıldı | Örnek Belediyesi">
        <meta name="description" content="Özet"><meta property="article:section" content="Çevre">
        <meta property="article:published_time" content="2025-06-06T09:00:00+03:00">
        <meta property="article:tag" content="park"><meta property="og:image" content="/p.jpg">
        <h1>Örnek Belediyesi</h1><h1>Yeni park açıldı</h1><p>{TEXT * 3}</p>"""

    found = article(page)

    assert (found.title, found.summary) == ("Yeni park açıldı", "Özet")
    assert (found.sections, found.tags) == (["Çevre"], ["park"])
    assert found.published_at.isoformat() == "2025-06-06T09:00:00+03:00"
    assert found.image.url == "https://www.example.bel.tr/p.jpg"


def test_a_page_that_says_it_is_withdrawn_is(article):
    node = {"@type": "NewsArticle", "headline": "Haber", "creativeWorkStatus": "Withdrawn"}

    assert (
        article(f"<script type='application/ld+json'>{json.dumps(node)}</script>").state
        == "withdrawn"
    )


def test_a_short_announcement_keeps_its_words(article):
    page = "<h1>Su kesintisi</h1><p>06.06.2025</p><p>Konak'ta yarın su yok.</p><p>Paylaş</p>"

    found = article(page)

    assert found.text() == "Konak'ta yarın su yok."


@pytest.mark.parametrize("page", ["", " ", "\0", "<p>" * 90_000])
def test_an_empty_or_oversized_page_is_said_to_be_so(reader, page):
    with pytest.raises(MarkupError):
        read_article_page(page, URL, reader)


@pytest.mark.parametrize(
    "page",
    [
        *("<div>" * 30_000, "<table><tr><td>" * 8_000, "<b><i><span>" * 8_000 + "x"),
        *("<p>" + "a<br>" * 30_000, "&amp;" * 100_000, "<ul><li>" * 9_000, "<p " + "a=b " * 90_000),
        *("<h1>x</h1>" + "<time datetime=x>" * 9_000, "<" * 79_999, "<!--" * 9_000),
    ],
    ids=lambda page: page[:12],
)
def test_markup_made_to_hurt_is_read_or_refused(reader, page):
    try:
        read_article_page(page, URL, reader)
    except MarkupError:
        return


WORDS = st.sampled_from(
    [
        *("<p>", "</p>", "<h1>", "</h1>", "<br>", "<div>", "</div>", "<script>", "</script>"),
        *("Paylaş", "Kapat", "6 Haziran 2025", TEXT, "\ud800", "<time datetime='x'>"),
        *("\x1f", "&#31;", "&#xffff;", "&#x110000;", "&#0"),
        *("<meta property='og:title' content='a'>", "<script type='application/ld+json'>"),
        '{"@type":"Article","headline":"x"}',
    ]
)
PRESETS = load_presets(CONFIG / "presets")


@given(st.lists(WORDS | st.text(max_size=20), max_size=30).map("".join))
def test_no_page_breaks_the_reader(page):
    reader = Reader(load_rules(CONFIG, {}), PRESETS, ZONE)
    try:
        found = read_article_page(page, URL, reader)
    except MarkupError:
        return
    map_event(PRESETS["entry"], {}, found, ZONE)
