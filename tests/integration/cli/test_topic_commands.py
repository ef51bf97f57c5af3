"""`tellal topic export` and `apply`: the terms of the database are staff's to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from service.classify import parse_topics
from service.cli import cli
from service.models import AuditEntry, Topic
from service.taxonomy import topics_of
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")

CLIMATE, SPORT = "iklim-cevre", "spor"
DOG_NEWS = {"title": "Barınakta sahiplendirme günü", "summary": "Kedi.", "body_html": None}


@pytest.fixture
def topics() -> dict[str, dict[str, Any]]:
    """What `export` prints, by slug, to be changed and applied."""
    listed = yaml.safe_load(invoke("export").stdout)["topics"]
    return {topic["slug"]: topic for topic in listed}


@pytest.fixture
def apply(tmp_path: Path):
    def apply(topics: dict[str, dict[str, Any]], staff: str = EDITOR) -> Result:
        path = tmp_path / "topics.yaml"
        path.write_text(yaml.safe_dump({"topics": list(topics.values())}), encoding="utf-8")
        return invoke("apply", str(path), "--staff", staff)

    return apply


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("topic", *words))


def slugs(town) -> list[str]:
    return [row.slug for row in sorted(town.all(Topic), key=lambda row: row.position)]


def test_what_is_exported_is_what_there_is_and_changes_nothing(settings, tmp_path, town):
    exported = invoke("export").stdout
    path = tmp_path / "topics.yaml"
    path.write_text(exported, encoding="utf-8")

    result = invoke("apply", str(path), "--staff", EDITOR)

    assert parse_topics(exported, "exported") == topics_of(settings.config_dir)
    assert result.stdout == "Nothing changes.\n"
    assert town.all(AuditEntry) == []


def test_a_new_topic_and_new_terms_are_used_from_the_next_article_on(
    topics, apply, cms, town, work, clock, client
):
    new = {"slug": "barinak", "name_tr": "Barınak", "name_en": "Shelter", "terms": ["+barınak"]}
    climate = {**topics[CLIMATE], "publish": 0.7, "sections": ["Doğa"], "name_en": "Climate"}
    terms = [*topics[SPORT]["terms"][1:], "+sahiplendirme", "bocce"]

    before = slugs(town)
    result = apply(
        {"barinak": new, **topics, CLIMATE: climate, SPORT: {**topics[SPORT], "terms": terms}}
    )
    cms.post(**DOG_NEWS)
    work()
    clock.advance(hours=1)
    work()

    assert result.stdout.splitlines() == [
        "+barinak",
        "iklim-cevre: name_en, sections (1 added, 5 removed), publish as all → 0.7",
        "spor: terms (2 added, 1 removed)",
        "Used from the next article on.",
    ]
    assert DOG_NEWS["title"] in client.get("/feeds/barinak.rss").text
    assert slugs(town) == [*before, "barinak"]
    stored = next(row for row in town.all(Topic) if row.slug == CLIMATE)
    assert (stored.publish, stored.sections) == (0.7, ["Doğa"])
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.detail["added"]) == ("topic.apply", ["barinak"])
    assert set(entry.detail["changed"]) == {CLIMATE, SPORT}


def test_a_topic_in_use_is_never_removed_and_an_unused_one_is(topics, apply, town):
    town.reader(SPORT)
    town.article((CLIMATE,))
    del topics[SPORT], topics[CLIMATE], topics["ulasim"]

    result = apply(topics)

    assert "-ulasim" in result.stdout.splitlines()
    assert "spor is not listed, yet stays as it is: 1 subscriptions refer to it" in result.stdout
    assert "iklim-cevre is not listed, yet stays as it is: 1 labels refer to it" in result.stdout
    assert {SPORT, CLIMATE} <= set(slugs(town))
    assert "ulasim" not in slugs(town)


def test_a_mistake_is_named_with_its_line_and_nothing_changes(topics, apply, town):
    topics[SPORT]["publish"] = 7

    result = apply(topics)

    assert result.exit_code == 2
    assert "publish must be a number from 0 to 1" in result.output
    assert "topics.yaml:" in result.output
    assert town.all(AuditEntry) == []


def test_nobody_but_staff_changes_topics(topics, apply, town):
    before = slugs(town)
    del topics[SPORT]

    result = apply(topics, staff="kim@example.org")

    assert "nobody of the staff" in result.output
    assert slugs(town) == before
