"""Every case of ``tests/data/pitfalls.json``; the known limits are recorded, not skipped."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.classify import ArticleText, Classifier
from service.classify.damage import encoding_damage
from service.classify.decide import Thresholds
from service.classify.matcher import TermMatcher
from service.classify.text import Field, display_key, match_key

PITFALLS = json.loads(
    (Path(__file__).parents[2] / "data/pitfalls.json").read_text(encoding="utf-8")
)

# What each kind still gets wrong, and what it gets right although it was thought out of reach. A
# change on either side is news: move the case, do not delete it.
OPEN_LIMITS = {
    "terms": {
        "dere: sıcaklık 40 derece",
        "hat: hatta bugün",
        "alev: Alevi dernekleri",
        "burs: Bursa",
        "oy: oyun",
        "taksi: Taksim",
        "koro: korona",
    },
}
SOLVED_LIMITS = {
    "normalise": {"Kur'an"},
    "sentences": {
        "Türkiye bu alanda yol kat etti",
        "Dizi bu akşam hangi kanalda",
    },
    "places": {
        "Tire Süt Kooperatifi’ne ziyaret",
        "Buca Barajı’nda su seviyesi düştü",
        "Belediye konak'ta etkinlik düzenledi",
    },
}


def label_of(case: dict[str, Any]) -> str:
    if "term" in case:
        return f"{case['term']}: {case['text']}"
    return str(case.get("input") or case.get("title") or case.get("text"))


def cases(kind: str) -> list[Any]:
    firm = [case for case in PITFALLS[kind] if "known_limit" not in case]
    return [pytest.param(case, id=label_of(case)) for case in firm]


def check_normalise(case: dict[str, Any], classifier: Classifier) -> bool:
    if "display_key" in case:
        return bool(display_key(case["input"]) == case["display_key"])
    return bool(match_key(case["input"]) == case["match_key"])


def check_term(case: dict[str, Any], classifier: Classifier) -> bool:
    hits = TermMatcher({"topic": [case["term"]]}).find(Field(case["text"]))
    return bool(hits) is case["match"]


def check_sentence(case: dict[str, Any], classifier: Classifier) -> bool:
    found = classifier.classify(ArticleText(case["title"], "", "")).topics
    scores = {label.slug: label.score for label in found}
    limits = Thresholds()
    return all(scores.get(slug, 0) >= limits.review for slug in case["must"]) and all(
        scores.get(slug, 0) < limits.publish for slug in case["must_not"]
    )


def check_place(case: dict[str, Any], classifier: Classifier) -> bool:
    found = classifier.classify(ArticleText(case["title"], "", "")).places
    return {label.slug for label in found} == set(case["districts"])


def check_encoding(case: dict[str, Any], classifier: Classifier) -> bool:
    return encoding_damage(case["text"]).refuse is case["refuse"]


CHECKS = {
    "normalise": check_normalise,
    "terms": check_term,
    "sentences": check_sentence,
    "places": check_place,
    "encoding": check_encoding,
}


@pytest.mark.parametrize("case", cases("normalise"))
def test_key_of(case: dict[str, Any], classifier: Classifier) -> None:
    assert check_normalise(case, classifier)


@pytest.mark.parametrize("case", cases("terms"))
def test_term_meets_text(case: dict[str, Any], classifier: Classifier) -> None:
    assert check_term(case, classifier)


@pytest.mark.parametrize("case", cases("sentences"))
def test_topics_of_title(case: dict[str, Any], classifier: Classifier) -> None:
    assert check_sentence(case, classifier)


@pytest.mark.parametrize("case", cases("places"))
def test_places_of_title(case: dict[str, Any], classifier: Classifier) -> None:
    assert check_place(case, classifier)


@pytest.mark.parametrize("case", cases("encoding"))
def test_damage_of_text(case: dict[str, Any], classifier: Classifier) -> None:
    assert check_encoding(case, classifier)


@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_known_limits_are_where_we_left_them(kind: str, classifier: Classifier) -> None:
    limits = [case for case in PITFALLS[kind] if "known_limit" in case]
    solved = {label_of(case) for case in limits if CHECKS[kind](case, classifier)}

    assert solved == SOLVED_LIMITS.get(kind, set())
    assert {label_of(case) for case in limits} - solved == OPEN_LIMITS.get(kind, set())
