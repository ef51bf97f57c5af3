"""Foreign values become canonical ones: cut, cast, dropped with a warning, or refused by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.ingest.drafting import Alias
from service.ingest.mapping import Failed, map_event
from service.ingest.richtext import TreeTooLargeError, words_of

ZONE, SITE = "Europe/Istanbul", "https://www.example.bel.tr/"
PUBLISHED, WITHDRAWN = "published", "withdrawn"


STANDARD = {"type": "article.published", "data": {"id": 1, "title": "T", "url": "/haber/1"}}


@pytest.fixture
def standard(mapped):
    """The article of an event with these fields."""

    def map_data(**data):
        return mapped("standard-webhooks", {}, STANDARD | {"data": STANDARD["data"] | data})

    return map_data


def test_what_is_too_long_is_cut_at_a_words_end_with_a_warning(standard):
    found = standard(
        title="kelime " * 100,
        summary="sözcük " * 300,
        body_html="<p>" + "metin " * 40_000 + "</p>",
        tags=["etiket " * 30, *map(str, range(60))],
    )
    article = found.article

    assert len(article.title) <= 300
    assert article.title.endswith("kelime…")
    assert 990 < len(article.summary) <= 1000
    assert article.summary.endswith("sözcük…")
    assert len(article.body_text) <= 200_000
    assert article.body_text.endswith("metin…")
    assert (len(article.tags), len(article.tags[0])) == (50, 98)
    assert len(found.warnings) == 4


def test_pictures_pasted_into_a_text_do_not_cost_its_markup(standard):
    picture = f'<img alt="Park" src="data:image/png;base64,{"A" * 300_000}">'

    article = standard(body_html=f"<p>Önce</p>{picture}<p>Sonra</p>").article

    assert article.html() == '<p>Önce</p><img alt="Park"><p>Sonra</p>'


def test_markup_that_no_parser_survives_is_taken_as_words(standard):
    found = standard(body_html="<b>" * 300 + "<script>alert(1)</script>Metin &amp; söz")

    assert found.article.body_text == "Metin & söz"
    assert found.warnings == ("body: its HTML is broken; taken as plain text",)


@pytest.mark.parametrize("character", ["<", "<!--", "<script", ' src="data:', "</p", "&#"])
def test_a_megabyte_of_openings_takes_no_quadratic_time(character, standard):
    assert standard(body_html=character * (1_000_000 // len(character))).article is not None


@pytest.mark.parametrize(
    ("raw", "external_id"),
    [(7, "7"), (7.0, "7"), (" 7 ", "7"), ("a/b:c.d-e_f", "a/b:c.d-e_f")],
)
def test_ids_are_cast_to_text(raw, external_id, standard):
    assert standard(id=raw).external_id == external_id


@pytest.mark.parametrize("raw", [None, "", "  ", True, [], {}, 7.5])
def test_an_id_that_is_none_fails(raw, presets):
    data = {"id": raw, "title": "T", "url": None}

    assert map_event(presets["standard-webhooks"], {}, STANDARD | {"data": data}, ZONE) == Failed(
        "id: is missing"
    )


def test_an_id_that_does_not_fit_is_hashed_and_kept_as_an_alias(standard):
    found = standard(id="haber şehir?")

    assert found.external_id.startswith("sha256:")
    assert found.aliases[0] == Alias("id", "haber şehir?")
    assert found.article.id == found.external_id


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"title": None}, "title: a published article needs a title"),
        ({"url": "javascript:alert('editor')"}, "url: must be an absolute https address"),
        ({"published_at": "6 Haziran, editor"}, "published_at: Input should be a valid datetime"),
        ({"published_at": "0999-01-01"}, "published_at: must be a date between 1900 and 2200"),
        ({"state": "editor"}, "state: gives neither published nor withdrawn nor null"),
    ],
)
def test_what_cannot_be_mapped_fails_with_the_field_and_without_the_value(changed, reason, presets):
    body = STANDARD | {"data": STANDARD["data"] | changed}

    result = map_event(presets["standard-webhooks"], {}, body, ZONE, SITE)

    assert isinstance(result, Failed)
    assert result.reason.startswith(reason)
    assert "editor" not in result.reason


def test_a_withdrawal_is_not_lost_for_a_broken_date(mapped):
    body = STANDARD | {"data": {"id": 1, "state": WITHDRAWN, "updated_at": "dün"}}

    assert mapped("standard-webhooks", {}, body).article.updated_at is None


def test_a_relative_address_without_a_base_fails_and_says_so(presets):
    result = map_event(presets["standard-webhooks"], {}, STANDARD, ZONE)

    assert result == Failed("url: a published article needs its address")


@pytest.mark.parametrize("slug", ["../../admin", "..", "a/../b"])
def test_a_slug_cannot_climb_out_of_its_template(event, slug, presets):
    headers, body = event("sanity-document-constructed")
    body["slug"]["current"] = slug

    assert isinstance(map_event(presets["sanity"], headers, body, ZONE, SITE), Failed)


def test_the_canonical_preset_names_each_wrong_field(presets):
    result = map_event(presets["tellal"], {}, {"id": "ş", "state": PUBLISHED, "title": 4}, ZONE)

    assert isinstance(result, Failed)
    assert {field for field, _ in result.errors} == {"id", "title"}


def test_the_canonical_preset_gives_naive_times_the_zone_of_the_source(mapped):
    body = {"id": "1", "state": WITHDRAWN, "updated_at": "2025-06-06T10:00:00"}

    assert mapped("tellal", {}, body).article.updated_at == datetime(2025, 6, 6, 7, tzinfo=UTC)


SPAN = {"text": "Metin"}


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ([{"_type": "block", "children": [SPAN, {"text": "ler"}]}, {"_type": "image"}], "Metinler"),
        ({"root": {"children": [{"children": [SPAN]}, {"children": [SPAN]}]}}, "Metin\n\nMetin"),
        ({"type": "doc", "content": [{"type": "paragraph", "content": [SPAN]}]}, "Metin"),
        ({"children": "x"}, ""),
        (None, ""),
        (7, ""),
    ],
)
def test_rich_text_is_known_by_its_shape(tree, words):
    assert words_of(tree) == words


def test_a_tree_that_an_expression_doubled_again_and_again_is_refused_not_walked():
    tree = [{"children": [SPAN]}]
    for _ in range(30):
        tree = [tree, tree]

    with pytest.raises(TreeTooLargeError):
        words_of(tree)


def test_a_field_that_is_too_large_a_tree_is_dropped_with_a_warning(standard):
    found = standard(summary=[[{"children": [SPAN]}] * 20_000])

    assert found.article.summary == ""
    assert found.warnings == ("summary: too large a tree; dropped",)
