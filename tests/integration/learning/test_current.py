"""The model at hand is the one of the database that is asked."""

from __future__ import annotations

from typing import Any

import pytest

from service.classify.store import dump
from service.classify.train import train
from service.db import utcnow
from service.learning import current
from service.learning.current import model_of
from service.learning.versions import keep
from service.models import ModelVersion
from tests.unit.classify.invented import TOPICS, archive


@pytest.fixture(scope="module")
def models():
    return [train(archive(30, seed), TOPICS, terms="terms") for seed in range(3)]


def test_a_number_of_another_database_is_another_model(models, runtime):
    with runtime.db.write() as session:
        row = keep(session, models[0], {}, utcnow())
        assert model_of(session, row.id).version == models[0].version
    with runtime.db.write() as session:  # as if it were another database
        stored = session.get_one(ModelVersion, row.id)
        stored.content, stored.fingerprint = dump(models[1]), models[1].version

    with runtime.db.read() as session:
        assert model_of(session, row.id).version == models[1].version


def test_a_thread_that_clears_the_cache_takes_no_model_from_another(models, runtime, monkeypatch):
    class Forgetful(dict[str, Any]):
        """Another thread clears it right after each time something was stored."""

        def __setitem__(self, key: str, value: object) -> None:
            super().__setitem__(key, value)
            self.clear()

    monkeypatch.setattr(current, "_models", Forgetful())
    with runtime.db.write() as session:
        row = keep(session, models[2], {}, utcnow())

    with runtime.db.read() as session:
        assert model_of(session, row.id).version == models[2].version
