"""The five items of the municipality's page: the first promise that the classifier must keep."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from service.classify import ArticleText, Band, Classification, Classifier

IDS = ["seed-1", "seed-2", "seed-3", "seed-4", "seed-5"]
WITHOUT_TURKISH = str.maketrans("çğıöşüÇĞİÖŞÜâîû", "cgiosuCGIOSUaiu")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "turkish capitals": lambda text: text.replace("i", "İ").upper(),
    "english capitals": str.upper,
    "without turkish letters": lambda text: text.translate(WITHOUT_TURKISH),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "soft hyphens": lambda text: "\u00ad".join(text),
}


def published(result: Classification) -> set[str]:
    return {label.slug for label in result.topics if label.band is Band.PUBLISH}


def place_slugs(result: Classification) -> set[str]:
    return {label.slug for label in result.places}


def read(item: dict[str, Any], spell: Callable[[str], str] = str) -> ArticleText:
    return ArticleText(spell(item["title"]), spell(item["summary"]), spell(item["body"]))


@pytest.mark.parametrize("item_id", IDS)
def test_required_topics_are_published_and_extras_are_acceptable(
    item_id: str, classifier: Classifier, seed_articles: dict[str, Any]
) -> None:
    item = seed_articles[item_id]
    required, acceptable = set(item["topics_required"]), set(item["topics_acceptable"])

    result = classifier.classify(read(item))

    assert published(result) >= required
    assert published(result) <= required | acceptable
    assert place_slugs(result) == set(item["districts"])


def test_climate_article_publishes_exactly_its_two_topics(
    classifier: Classifier, seed_articles: dict[str, Any]
) -> None:
    result = classifier.classify(read(seed_articles["seed-1"]))

    assert published(result) == {"iklim-cevre", "dis-iliskiler-ab"}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("item_id", IDS)
def test_spelling_changes_neither_topics_nor_places(
    item_id: str, spelling: str, classifier: Classifier, seed_articles: dict[str, Any]
) -> None:
    item = seed_articles[item_id]

    plain = classifier.classify(read(item))
    spelt = classifier.classify(read(item, SPELLINGS[spelling]))

    assert published(spelt) == published(plain)
    assert place_slugs(spelt) == place_slugs(plain)


def test_summary_repeated_by_the_body_counts_once(
    classifier: Classifier, seed_articles: dict[str, Any]
) -> None:
    item = seed_articles["seed-5"]
    retyped = item["summary"].replace("’", "'").replace(" ", "\u00a0") + "\n\nDevamı yarın."

    once = classifier.classify(ArticleText(item["title"], "", retyped))
    repeated = classifier.classify(ArticleText(item["title"], item["summary"], retyped))

    assert repeated == once


def test_summary_cut_in_the_middle_of_a_word_counts_once_too(
    classifier: Classifier, seed_articles: dict[str, Any]
) -> None:
    item = seed_articles["seed-5"]
    cut = item["summary"][:60] + "…"

    once = classifier.classify(ArticleText(item["title"], "", item["summary"]))
    repeated = classifier.classify(ArticleText(item["title"], cut, item["summary"]))

    assert repeated == once
