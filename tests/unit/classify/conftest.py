"""The shipped topics and places, and the two shipped sets of Turkish cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.classify import Classifier, PlaceRules, Topic, parse_places, parse_topics

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def topics() -> tuple[Topic, ...]:
    return parse_topics((ROOT / "config/topics.yaml").read_text("utf-8"), "config/topics.yaml")


@pytest.fixture(scope="session")
def place_rules() -> PlaceRules:
    return parse_places((ROOT / "config/places.yaml").read_text("utf-8"), "config/places.yaml")


@pytest.fixture(scope="session")
def classifier(topics: tuple[Topic, ...], place_rules: PlaceRules) -> Classifier:
    return Classifier(topics, place_rules)


@pytest.fixture(scope="session")
def seed_articles() -> dict[str, dict[str, Any]]:
    data = json.loads((ROOT / "tests/data/seed_articles.json").read_text("utf-8"))
    return {item["id"]: item for item in data["items"]}
