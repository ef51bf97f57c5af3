"""Kinds of municipal events, each met once: a change of terms must not lose one."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.classify import ArticleText, Band, Classifier

ITEMS = json.loads(
    (Path(__file__).parents[2] / "data/municipal_own.json").read_text(encoding="utf-8")
)["items"]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item["id"]))
def test_event_has_its_topics_and_places(item: dict[str, Any], classifier: Classifier) -> None:
    required, acceptable = set(item["topics_required"]), set(item["topics_acceptable"])

    result = classifier.classify(ArticleText(item["title"], item["summary"], item["body"]))
    published = {label.slug for label in result.topics if label.band is Band.PUBLISH}

    assert required <= published <= required | acceptable
    assert {label.slug for label in result.places} == set(item["districts"])
