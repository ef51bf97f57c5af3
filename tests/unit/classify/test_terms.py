"""Term syntax, and which phrase wins where several match."""

import pytest

from service.classify.matcher import TermMatcher
from service.classify.terms import Mode, TermSyntaxError, parse_term
from service.classify.text import Field


def found(topics: dict[str, list[str]], text: str) -> list[tuple[str, str]]:
    return [(hit.topic, hit.term.text) for hit in TermMatcher(topics).find(Field(text))]


@pytest.mark.parametrize(
    ("spec", "weight", "is_mask", "modes"),
    [
        ("iklim", 1.0, False, [Mode.INFLECTED]),
        ("+toplu ulaşım", 2.0, False, [Mode.INFLECTED, Mode.INFLECTED]),
        ("~=su", 0.4, False, [Mode.EXACT]),
        ("-çevre il*", 0.0, True, [Mode.INFLECTED, Mode.PREFIX]),
        ("+AB", 2.0, False, [Mode.ACRONYM]),
        ("e-belediye", 1.0, False, [Mode.EXACT, Mode.INFLECTED]),
        ("8 mart", 1.0, False, [Mode.EXACT, Mode.INFLECTED]),
    ],
)
def test_term_is_read(spec: str, weight: float, is_mask: bool, modes: list[Mode]) -> None:
    term = parse_term(spec)

    assert (term.weight, term.is_mask) == (weight, is_mask)
    assert [word.mode for word in term.words] == modes


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "empty term"),
        ("+", "empty term"),
        ("toplu  ulaşım", "one space"),
        (" iklim", "one space"),
        ("++iklim", "is no word"),
        ("*", "is no word"),
        ("ikl*im", "is no word"),
        ("İzmir'in", "is no word"),
        ("=su*", "this form only"),
        ("a*", "two letters"),
    ],
)
def test_bad_term_is_refused_with_a_reason(spec: str, reason: str) -> None:
    with pytest.raises(TermSyntaxError, match=reason):
        parse_term(spec)


def test_longest_phrase_hides_its_words_from_topics_that_do_not_list_it() -> None:
    topics = {"climate": ["sera gazı", "gaz"], "farming": ["sera"], "report": ["sera gazı"]}

    assert found(topics, "Sera gazı envanteri") == [
        ("climate", "sera gazı"),
        ("report", "sera gazı"),
    ]
    assert found(topics, "Sera ve gaz") == [("farming", "sera"), ("climate", "gaz")]


def test_mask_hides_from_its_own_topic_only() -> None:
    topics = {"nature": ["çevre", "-çevre yolu"], "roads": ["yol"]}

    assert found(topics, "Çevre yolunda kaza") == [("roads", "yol")]
    assert found(topics, "Çevre ve yol") == [("nature", "çevre"), ("roads", "yol")]


def test_hyphenated_word_is_found_however_it_is_joined() -> None:
    topics = {"digital": ["e-belediye"]}

    assert found(topics, "E-belediye hizmeti") == [("digital", "e-belediye")]
    assert found(topics, "e belediyeden") == [("digital", "e-belediye")]


def test_acronym_is_found_in_any_capitals() -> None:
    topics = {"fair": ["İEF"]}

    assert found(topics, "İEF’te bugün") == [("fair", "İEF")]
    assert found(topics, "IEF ACILIYOR") == [("fair", "İEF")]
    assert found(topics, "ief") == []


def test_plain_letters_stand_for_turkish_ones_only_in_a_field_without_any() -> None:
    topics = {"waste": ["çöp"]}

    assert found(topics, "cop toplama") == [("waste", "çöp")]
    assert found(topics, "cop şirketi") == []


def test_hits_are_the_same_when_forms_come_from_the_cache() -> None:
    matcher = TermMatcher({"water": ["su", "içme suyu"]})
    field = Field("İçme suyu, su ve içme suyu")

    assert matcher.find(field) == matcher.find(field)
    assert [hit.first for hit in matcher.find(field)] == [0, 2, 4]
