"""What staff do with models."""

from __future__ import annotations

from typing import Any

from service.classify.train import Example as Lesson
from service.classify.train import train
from service.db import utcnow
from service.learning.versions import keep, promote
from service.runtime import Runtime
from tests.integration.admin.examples import Example
from tests.integration.deciding import CULTURE, SPORT, Editors
from tests.integration.town import Town

SCORE = {"micro_f1": 0.8, "precision": 0.9, "recall": 0.7, "published": 12}
REPORT = {
    "articles": 20,
    "corrections": 40,
    "old": {**SCORE, "precision": None, "micro_f1": 0.6},
    "new": SCORE,
    "kept_because": "",
}


def decided(runtime: Runtime) -> dict[str, Any]:
    """Enough to learn from."""
    Editors(Town(runtime), runtime).decide(50)
    return {}


def trained(runtime: Runtime) -> dict[str, Any]:
    """A candidate."""
    lessons = [
        Lesson({"top": 1.0, "gol": 1.0}, {SPORT: 0.2, CULTURE: 0.1}, {SPORT: True, CULTURE: False}),
        Lesson({"sahne": 1.0}, {SPORT: 0.1, CULTURE: 0.2}, {SPORT: False, CULTURE: True}),
    ]
    model = train(lessons, [CULTURE, SPORT], terms="t")
    with runtime.db.write() as session:
        return {"model_id": keep(session, model, REPORT, utcnow()).id}


def used(runtime: Runtime) -> dict[str, Any]:
    """One that is in use."""
    values = trained(runtime)
    with runtime.db.write() as session:
        promote(session, values["model_id"], utcnow())
    return {}


ANY = {"If-Match": "*"}
EXAMPLES = {
    "models.train": Example("model.train", {}, decided),
    "models.promote": Example("model.promote", {}, trained),
    "models.roll_back": Example("model.rollback", {}, used),
    "admin_models.train": Example("model.train", {}, decided),
    "admin_models.promote": Example("model.promote", {}, trained, ANY),
    "admin_models.roll_back": Example("model.rollback", {}, used, ANY),
}
