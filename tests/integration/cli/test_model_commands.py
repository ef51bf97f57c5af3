"""`tellal model`: learned from decisions of the staff, used if no worse, one step leads back."""

from __future__ import annotations

import random
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, select

from service.classify import ArticleText
from service.cli import cli
from service.db import utcnow
from service.learning.current import current_classifier
from service.models import (
    Article,
    AuditEntry,
    LabelOrigin,
    LabelState,
    ModelState,
    ModelVersion,
    Revision,
    Staff,
    Topic,
    TopicLabel,
)
from service.settings import Settings
from workers.classify import classify_revision

EDITOR = "ayse@example.org"
SPORT, CULTURE = "spor", "kultur-sanat"
# Words that no term of these topics knows: only the model can tell them apart.
WORDS = {
    SPORT: ("salonda", "hakem", "düdük", "tribün", "forma", "rakip", "devre", "skor"),
    CULTURE: ("perde", "kulis", "dekor", "replik", "makyaj", "sufle", "seyirci", "tuluat"),
}


@pytest.fixture(autouse=True)
def _environment(settings: Settings, runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("TELLAL_LOG_LEVEL", "ERROR")
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        monkeypatch.setenv(f"TELLAL_{name.upper()}", getattr(settings, name).get_secret_value())
    with runtime.db.write() as session:
        session.add(Staff(email=EDITOR, fs_uniquifier=EDITOR))


def invoke(*words: str) -> Result:
    staff = ("--staff", EDITOR) if words[0] in ("promote", "rollback") else ()
    return CliRunner().invoke(cli, ("model", *words, *staff))


@pytest.fixture
def decided(town, runtime):
    """Articles that the staff have decided about: half are sport, half culture."""

    def decided(count: int, *, are_wrong: bool = False) -> None:
        dice = random.Random(count)
        topics = {slug: town.topic(slug) for slug in WORDS}
        for n in range(count):
            slug = (SPORT, CULTURE)[n % 2]
            text = " ".join(dice.choices(WORDS[slug], k=12)) + f" {n}"
            article_id = town.article(
                (), title=text, summary="", body_text=text, url=f"https://a.example/{n}"
            )
            revision_id = town.get(Article, article_id).shown_revision_id
            right = slug if not are_wrong else dice.choice((SPORT, CULTURE))
            with runtime.db.write() as session:
                session.execute(
                    insert(TopicLabel).values(
                        revision_id=revision_id,
                        topic_id=topics[right],
                        state=LabelState.PUBLISHED,
                        origin=LabelOrigin.STAFF,
                        score=0.1,
                        evidence=[],
                        decided_at=utcnow(),
                    )
                )

    return decided


def probability(runtime, text: str, slug: str) -> float:
    with runtime.db.read() as session:
        classifier = current_classifier(session, runtime.settings)
    found = classifier.classify(ArticleText(text, "", text))
    return next((label.score for label in found.topics if label.slug == slug), 0.0)


NEW_SPORT = "hakem düdük tribün forma skor"


def test_a_model_learns_what_no_term_knows_and_is_used(decided, town, runtime, cms):
    decided(80)
    assert probability(runtime, NEW_SPORT, SPORT) < 0.25

    result = invoke("train")

    assert "Model 1 is in use." in result.output, result.output
    assert probability(runtime, NEW_SPORT, SPORT) > 0.6
    assert invoke("list").stdout.startswith("1\tactive\t")
    report = invoke("report", "1").stdout
    assert "trained on 80 articles" in report
    assert "this one" in report

    answer = cms.post(title=NEW_SPORT, summary="", body_html=f"<p>{NEW_SPORT}</p>")
    classify_revision(runtime, answer.json["revision"])
    with runtime.db.read() as session:
        revision = session.get_one(Revision, answer.json["revision"])
        label = session.scalars(
            select(TopicLabel)
            .join(Topic, Topic.id == TopicLabel.topic_id)
            .where(TopicLabel.revision_id == revision.id, Topic.slug == SPORT)
        ).one()
    assert "text-" in revision.classifier  # which model said so
    assert {item["kind"] for item in label.evidence} == {"word"}
    assert {item["text"] for item in label.evidence} <= set(NEW_SPORT.split())


def test_with_too_few_decisions_nothing_is_trained(decided, town):
    decided(20)

    result = invoke("train")

    assert result.exit_code == 2
    assert "20 articles have decisions of the staff; training needs 50" in result.output
    assert town.count(ModelVersion) == 0
    assert "by terms alone" in invoke("list").stdout


def test_a_model_that_does_worse_on_later_decisions_is_kept_and_not_used(decided, town, runtime):
    decided(80)
    invoke("train")
    before = probability(runtime, NEW_SPORT, SPORT)
    decided(60, are_wrong=True)

    result = invoke("train")

    states = {row.id: row.state for row in town.all(ModelVersion)}
    if "not better" in result.output:
        assert states == {1: ModelState.ACTIVE, 2: ModelState.CANDIDATE}
        assert probability(runtime, NEW_SPORT, SPORT) == before
    else:
        assert states == {1: ModelState.RETIRED, 2: ModelState.ACTIVE}


def test_one_step_leads_back_and_the_first_one_to_terms_alone(decided, town, runtime):
    decided(60)
    invoke("train")
    invoke("train")
    assert invoke("promote", "2").output == "Model 2 is in use.\n"

    assert invoke("rollback").output == "Model 1 is in use.\n"
    assert invoke("rollback").output == "Terms alone are in use.\n"
    nothing = invoke("rollback")

    assert nothing.exit_code == 2
    assert "nothing to roll back" in nothing.output
    assert probability(runtime, NEW_SPORT, SPORT) < 0.25
    acts = [entry.act for entry in sorted(town.all(AuditEntry), key=lambda entry: entry.id)]
    assert acts == ["model.promote", "model.rollback", "model.rollback"]


def test_five_models_are_kept(decided, town):
    decided(60)
    for _ in range(7):
        assert invoke("train").exit_code == 0

    assert town.count(ModelVersion) == 5
    assert [row.state for row in town.all(ModelVersion)].count(ModelState.ACTIVE) == 1


def test_a_model_that_does_not_exist_is_named():
    assert "there is no model 9" in invoke("promote", "9").output
    assert "there is no model 9" in invoke("report", "9").output
