"""The shipped files are sound, and every mistake is reported with its line."""

import pytest

from service.classify import PlaceRules, TaxonomyError, Topic, parse_places, parse_topics

GOOD_TOPIC = """\
topics:
  - slug: spor
    name_tr: Spor
    name_en: Sports
    terms: [+spor, maç]
"""


def mistakes_in(yaml_text: str, parse: object = parse_topics) -> list[str]:
    with pytest.raises(TaxonomyError) as caught:
        parse(yaml_text, "topics.yaml")  # type: ignore[operator]
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return [mistake.removeprefix("topics.yaml:") for mistake in caught.value.mistakes]


def test_shipped_topics_have_both_names_and_terms(topics: tuple[Topic, ...]) -> None:
    assert len(topics) == 24
    assert all(t.description_tr and t.description_en and t.terms for t in topics)


def test_shipped_places_are_the_thirty_districts(place_rules: PlaceRules) -> None:
    assert len(place_rules.places) == 30
    homonyms = {p.slug for p in place_rules.places if p.homonym.needs_evidence}
    assert {"konak", "cesme", "kiraz", "tire", "dikili"} <= homonyms


def test_topic_is_read() -> None:
    assert parse_topics(GOOD_TOPIC, "topics.yaml") == (
        Topic("spor", "Spor", "Sports", "", "", ("+spor", "maç")),
    )


@pytest.mark.parametrize("word", ["all", "my", "search", "topics"])
def test_a_word_of_the_feeds_is_no_topic(word: str) -> None:
    found = mistakes_in(GOOD_TOPIC.replace("slug: spor", f"slug: {word}"))
    assert found == [f"2: {word} cannot be a topic: feeds have it as a word"]


def test_every_mistake_is_listed_with_its_line() -> None:
    text = """\
topics:
  - slug: Spor Haber
    name_tr: Spor
    name_en: Sports
    terms:
      - +spor
      - ""
      - "+ spor"
      - ~spor
      - 112
    colour: red
    sections: [Spor, SPOR, "!"]
    publish: 0.3
    review: 0.5
  - slug: saglik
    name_tr: ""
    terms: sağlık
    publish: 60
    review: high
  - just a text
  - slug: saglik
    name_tr: [Sağlık]
    name_tr: Sağlık
    name_en: Health
"""
    assert mistakes_in(text) == [
        "2: bad slug 'Spor Haber': lower-case ASCII letters, digits and single hyphens, "
        "64 characters at most",
        "7: an entry of terms is empty",
        "8: '+ spor': one space between words, none around the term",
        "9: '~spor' is listed twice in this topic",
        "10: an entry of terms must be a text; put it in quotes",
        "11: unknown key 'colour'; known are description_en, description_tr, name_en, name_tr, "
        "publish, review, sections, slug, terms",
        "12: the section '!' has no letters",
        "12: the section 'SPOR' is listed twice in this topic",
        "14: review must not be above publish",
        "15: name_en is missing",
        "16: name_tr is empty",
        "17: terms must be a list",
        "18: publish must be a number from 0 to 1",
        "19: review must be a number from 0 to 1",
        "20: an entry of topics must be a mapping",
        "21: duplicate slug 'saglik'",
        "21: terms is missing",
        "23: the key 'name_tr' is given twice",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "1: the file must be a mapping with the keys topics"),
        ("- spor", "1: the file must be a mapping with the keys topics"),
        ("topics:\n  - slug: [", "2: no valid YAML"),
        ("tpoics: []", "1: topics is missing"),
        ("topics: {}", "1: topics must be a list"),
        ("topics: [\x00]", "1: no valid YAML"),
    ],
)
def test_file_that_is_no_taxonomy_is_refused(text: str, mistake: str) -> None:
    assert any(found.startswith(mistake) for found in mistakes_in(text))


def test_mistakes_of_places_are_listed_with_their_lines() -> None:
    text = """\
context_after: [ilçe, "İlçe", "(", \\Süt]
places:
  - slug: konak
    name: Konak
    aliases: [Alsancak, ""]
    homonym:
      needs_evidence: 1
      surname: yes
      not_after: otel
      meant: mansion
  - slug: buca
    name: ALSANCAK
    neighbourhoods: [Konak, "?!"]
    homonym: none
"""
    assert mistakes_in(text, parse_places) == [
        "1: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        "1: 'İlçe': write it in lower case",
        "5: an entry of aliases is empty",
        "7: needs_evidence must be true or false",
        "9: not_after must be a list",
        "10: unknown key 'meant'; known are first_name, meaning, needs_evidence, not_after, "
        "not_before, surname",
        "12: the name 'ALSANCAK' already stands for 'konak'",
        "13: the name '?!' has no letters",
        "13: the name 'Konak' already stands for 'konak'",
        "14: homonym must be a mapping",
    ]
