"""Texts and terms that nobody writes in earnest. Each must end, and soon: see the time limit.

What took quadratic time once would take hours here.
"""

import random
from itertools import product

import pytest

from service.classify import ArticleText, Classifier, PlaceRules, TermSyntaxError, Topic
from service.classify.engine import MAX_EVIDENCE
from service.classify.terms import parse_term
from service.classify.text import clean, tokenise

pytestmark = pytest.mark.timeout(60)
MB = 1_000_000
MARKS = "\u0301\u0316\u0327\u0345\u05b0\u3099"

TEXTS = {
    "one word": "a" * MB,
    "one word of capital I": "I" * MB,
    "one word and lost letters": "a" * MB + " b?c d?e",
    "question marks": "a" + "?" * MB + "b",
    "dots before a question": "a." * (MB // 2) + "? x?y z?w",
    "apostrophes": "a'" * (MB // 2),
    "spaces between places": "Konak" + " " * MB + "Buca",
    "places in a line": "Konak, " * (MB // 20),
    "words before a title": "Konak " + "eski " * (MB // 10),
    "brackets": "(" * MB + "Konak)",
    "marks in the wrong order": "a" + "\u0316\u0301" * (MB // 10),
    "marks at random": "a" + "".join(random.Random(1).choices(MARKS, k=MB // 5)),
    "invisible": "a\u200b\u00ad" * (MB // 10),
    "hangul": "\u1100\u1161\u11a8" * (MB // 10),
    "right to left": "\u202eمرحبا بالعالم " * (MB // 40),
    "emoji": "🚲👩‍👩‍👧🇹🇷" * (MB // 20),
    "lone surrogates": "\ud800 iklim \udfff" * (MB // 40),
    "first halves of phrases": "çevre " * (MB // 30),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_classified(name: str, classifier: Classifier) -> None:
    text = TEXTS[name]

    article = ArticleText("Duyuru", text[:100], text)

    for label in classifier.classify(article).topics:
        assert 0 <= label.score <= 1
        for found in label.evidence:
            assert getattr(article, found.field)[found.start : found.end] == found.text


def test_book_is_classified_and_its_evidence_is_short(classifier: Classifier) -> None:
    book = "Konak’ta iklim krizi konuşuldu, belediye bugün duyurdu ki toplantı sürecek. " * 66_000

    result = classifier.classify(ArticleText("İklim", "", book))

    assert len(book) > 5 * MB
    assert result.topics[0].slug == "iklim-cevre"
    assert {len(label.evidence) for label in (*result.topics, *result.places)} == {MAX_EVIDENCE}


def test_ten_thousand_terms_are_compiled_and_found() -> None:
    terms = tuple("k" + "".join(letters) for letters in product("abcdefghij", repeat=4))
    classifier = Classifier((Topic("all", "", "", "", "", terms),), PlaceRules(()))

    (label,) = classifier.classify(ArticleText("kabcd", "", " ".join(terms))).topics

    assert len(terms) == 10_000
    assert (label.evidence[0].term, label.evidence[0].field) == ("kabcd", "title")
    assert len(label.evidence) == MAX_EVIDENCE


@pytest.mark.parametrize(
    "spec", ["(a+)+$", ".*", "a|b", "[iı]klim", "su{9}", "\\w+", "^yol", "a\x00b"]
)
def test_term_is_no_regular_expression(spec: str) -> None:
    with pytest.raises(TermSyntaxError):
        parse_term(spec)


@pytest.mark.parametrize("name", ["marks in the wrong order", "marks at random"])
def test_tower_of_marks_is_cut_once(name: str) -> None:
    cleaned = clean(TEXTS[name])

    assert len(cleaned) < 100
    assert clean(cleaned) == cleaned
    assert tokenise(TEXTS[name])
