"""What staff say about a model stands: no training overrules it."""

from __future__ import annotations

import pytest

from service.db import utcnow
from service.learning import training, versions
from service.models import ModelState, ModelVersion


@pytest.fixture
def meanwhile(runtime, monkeypatch):
    """Staff do something while the next model is trained."""
    real = training.train

    def meanwhile(act):
        def train(*given, **named):
            monkeypatch.setattr(training, "train", real)
            with runtime.db.write() as session:
                act(session)
            return real(*given, **named)

        monkeypatch.setattr(training, "train", train)

    return meanwhile


@pytest.fixture
def active(town):
    """The numbers of the models in use."""
    return lambda: [row.id for row in town.all(ModelVersion) if row.state == ModelState.ACTIVE]


def test_after_a_step_back_only_staff_put_a_model_to_use(editors, tellal, active):
    editors.decide(80)
    tellal("train")
    tellal("rollback")
    editors.decide(40)

    refused = tellal("train")
    held = active()
    tellal("promote", "2")
    editors.decide(40)
    trained = tellal("train")

    assert "Model 2 is kept, not used: staff rolled back" in refused.output
    assert held == []
    assert "Model 3 is in use." in trained.output
    assert active() == [3]


def test_a_step_back_while_a_model_is_trained_stands(editors, tellal, active, meanwhile):
    editors.decide(80)
    tellal("train")
    editors.decide(40)
    meanwhile(versions.roll_back)

    assert "not used: staff rolled back" in tellal("train").output
    assert active() == []


def test_a_promotion_while_a_model_is_trained_stands(editors, tellal, active, meanwhile):
    editors.decide(80)
    tellal("train")
    tellal("train")
    assert active() == [1]
    editors.decide(40)
    meanwhile(lambda session: versions.promote(session, 2, utcnow()))

    assert "Model 3 is kept, not used: another model was put to use" in tellal("train").output
    assert active() == [2]
    assert "another model was put to use" in tellal("report", "3").stdout
