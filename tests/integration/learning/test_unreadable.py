"""A stored model that cannot be read: an alarm, and no more than that."""

from __future__ import annotations

import pytest
from structlog.testing import CapturingLogger

from service.db import utcnow
from service.models import ModelState, ModelVersion, Revision, RevisionState, TopicLabel
from tests.integration.deciding import NEW_SPORT, SPORT, probability
from workers.classify import classify_revision


@pytest.fixture
def damaged(runtime):
    """Stores a model whose bytes are none, as a broken disk or an older Tellal leaves it."""

    def store(state: ModelState) -> int:
        row = ModelVersion(
            state=state,
            content=b"junk",
            fingerprint="junk",
            examples=1,
            report={},
            trained_at=utcnow(),
            promoted_at=None if state == ModelState.CANDIDATE else utcnow(),
        )
        with runtime.db.write() as session:
            session.add(row)
        return row.id

    return store


def test_articles_are_classified_by_terms_alone_and_the_log_has_an_error(
    damaged, cms, town, runtime, monkeypatch
):
    log = CapturingLogger()
    monkeypatch.setattr("service.learning.current.log", log)
    model_id = damaged(ModelState.ACTIVE)
    answer = cms.post()

    classify_revision(runtime, answer.json["revision"])

    (revision,) = town.all(Revision)
    assert revision.state == RevisionState.CLASSIFIED
    assert "text-" not in revision.classifier
    assert [label.topic_id for label in town.all(TopicLabel)] == [town.topic()]
    assert {(call.method_name, call.kwargs["model_id"]) for call in log.calls} == {
        ("error", model_id)
    }


def test_it_is_not_promoted(damaged, tellal, town):
    model_id = damaged(ModelState.CANDIDATE)

    result = tellal("promote", str(model_id))

    assert result.exit_code == 2
    assert f"model {model_id} cannot be read" in result.output
    assert [row.state for row in town.all(ModelVersion)] == [ModelState.CANDIDATE]


def test_no_step_leads_back_to_it(damaged, editors, tellal, town, runtime):
    before = damaged(ModelState.RETIRED)
    editors.decide(80)
    tellal("train")
    assert probability(runtime, NEW_SPORT, SPORT) > 0.6

    result = tellal("rollback")

    assert result.exit_code == 2
    assert f"model {before} cannot be read" in result.output
    assert probability(runtime, NEW_SPORT, SPORT) > 0.6
