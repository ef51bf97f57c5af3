"""`tellal model`: learned from decisions of the staff, used if no worse, one step leads back."""

from __future__ import annotations

from click.testing import CliRunner
from sqlalchemy import select

from service.cli import cli
from service.models import AuditEntry, ModelState, ModelVersion, Revision, Topic, TopicLabel
from tests.integration.deciding import NEW_SPORT, SPORT, probability
from workers.classify import classify_revision


def test_a_model_learns_what_no_term_knows_and_is_used(editors, tellal, town, runtime, cms):
    editors.decide(80)
    assert probability(runtime, NEW_SPORT, SPORT) < 0.25

    result = tellal("train")

    assert "Model 1 is in use." in result.output, result.output
    assert probability(runtime, NEW_SPORT, SPORT) > 0.6
    assert tellal("list").stdout.startswith("1\tactive\t")
    report = tellal("report", "1").stdout
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


def test_with_too_few_decisions_nothing_is_trained(editors, tellal, town):
    editors.decide(20)

    result = tellal("train")

    assert result.exit_code == 2
    assert "20 articles have decisions of the staff; training needs 50" in result.output
    assert town.count(ModelVersion) == 0
    assert "by terms alone" in tellal("list").stdout


def test_one_step_leads_back_and_the_first_one_to_terms_alone(editors, tellal, town, runtime):
    editors.decide(60)
    tellal("train")
    tellal("train")
    assert tellal("promote", "2").output == "Model 2 is in use.\n"

    assert tellal("rollback").output == "Model 1 is in use.\n"
    assert tellal("rollback").output == "Terms alone are in use.\n"
    nothing = tellal("rollback")

    assert nothing.exit_code == 2
    assert "nothing to roll back" in nothing.output
    assert probability(runtime, NEW_SPORT, SPORT) < 0.25
    acts = [entry.act for entry in sorted(town.all(AuditEntry), key=lambda entry: entry.id)]
    assert acts == [
        "model.train",
        "model.train",
        "model.promote",
        "model.rollback",
        "model.rollback",
    ]


def test_five_models_are_kept(editors, tellal, town):
    editors.decide(60)
    for _ in range(7):
        assert tellal("train").exit_code == 0

    assert town.count(ModelVersion) == 5
    assert [row.state for row in town.all(ModelVersion)].count(ModelState.ACTIVE) == 1


def test_a_model_that_does_not_exist_is_named(tellal):
    assert "there is no model 9" in tellal("promote", "9").output
    assert "there is no model 9" in tellal("report", "9").output


def test_nobody_unknown_trains(tellal, editors, town):
    editors.decide(60)

    result = CliRunner().invoke(cli, ("model", "train", "--staff", "x@example.org"))

    assert result.exit_code == 2
    assert "nobody of the staff" in result.output
    assert town.count(ModelVersion) == 0
