"""Keys, tokens with offsets, and slugs."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.classify.text import (
    Field,
    clean,
    display_key,
    fold,
    fold_ascii,
    match_key,
    slugify,
    tokenise,
    tr_lower,
)

# Any text, and text dense in what Turkish news and broken editors contain.
TURKISH_TEXT = st.text("aıiIİşŞçÇcğgGöoüuâîzk 'ʼ’`.,-?\u0307\u0327\u0308\u00ad\u200b\u0092\u0081\n")
ANY_TEXT = st.one_of(st.text(), TURKISH_TEXT)


@given(ANY_TEXT)
def test_clean_is_idempotent_nfc_without_invisible_characters(text: str) -> None:
    cleaned = clean(text)

    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set(cleaned) & set("\u00ad\u200b\ufeff\u0307\u0092")


@given(TURKISH_TEXT)
def test_clean_does_not_care_how_letters_are_composed(text: str) -> None:
    assert clean(unicodedata.normalize("NFD", text)) == clean(text)


@given(ANY_TEXT)
@example("Î\u0300")
@example("Â\u0302\u0327")
@example("Ç\u0327")
def test_keys_are_idempotent(text: str) -> None:
    assert tr_lower(tr_lower(text)) == tr_lower(text)
    assert fold(fold(tr_lower(text))) == fold(tr_lower(text))
    assert display_key(display_key(text)) == display_key(text)
    assert match_key(match_key(text)) == match_key(text)


@given(ANY_TEXT)
@example("0\u0300\u200b")
@example("x\u0300\u1161")
def test_tokens_point_into_the_text_as_given(text: str) -> None:
    end = 0
    for token in tokenise(text):
        span = text[token.start : token.end]
        assert end <= token.start < token.end <= len(text)
        assert tokenise(span)[0].raw == token.raw
        assert len(token.raw) == len(token.shown) == len(token.folded)
        end = token.end


@given(ANY_TEXT)
def test_folded_field_keeps_the_length_of_the_cleaned_text(text: str) -> None:
    field = Field(text)

    assert len(field.folded) == len(field.cleaned)
    for token in field.tokens:
        assert field.cleaned[token.at : token.at + len(token.raw)] != ""
        assert token.stop <= len(field.cleaned)


def test_token_spans_leave_suffixes_and_invisible_characters_out() -> None:
    text = "\ufeffİz\u00admir\u200b’de c\u0327o\u0308p; 2030\u0092a"

    spans = [(text[t.start : t.end], t.shown, t.suffix) for t in tokenise(text)]

    assert spans == [
        ("İz\u00admir", "izmir", "de"),
        ("c\u0327o\u0308p", "çöp", ""),
        ("2030", "2030", "a"),
    ]


def test_capital_i_is_unsure_where_english_capitals_are_in_use() -> None:
    turkish, english = Field("İZMİR IŞIKLARI"), Field("IZMIR KIRALIK")

    assert [t.unsure for t in turkish.tokens] == [(), ()]
    assert [t.unsure for t in english.tokens] == [(0, 3), (1, 5)]


@pytest.mark.parametrize(
    ("text", "cased"),
    [("Konak'ta konser", True), ("KONAK'TA KONSER", False), ("konakta konser", False), ("", False)],
)
def test_casing_informs_only_where_it_is_mixed(text: str, cased: bool) -> None:
    assert Field(text).is_cased is cased


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("İklim ve Çevre", "iklim-ve-cevre"),
        ("IŞIK Güneş Öğün", "isik-gunes-ogun"),
        ("İzmir’in 30 ilçesi!", "izmirin-30-ilcesi"),
        ("  Kâğıt — Ağaç_lar  ", "kagit-agac-lar"),
        ("Café Zürich", "cafe-zurich"),
        ("c\u0327o\u0308p", "cop"),
        ("…", ""),
    ],
)
def test_slug_of(text: str, slug: str) -> None:
    assert slugify(text) == slug


@given(ANY_TEXT)
def test_slug_is_ascii_words_joined_by_single_hyphens(text: str) -> None:
    slug = slugify(text)

    assert slugify(slug) == slug
    assert all(part.isascii() and part.isalnum() for part in slug.split("-") if slug)
    assert fold_ascii(text).isascii()
