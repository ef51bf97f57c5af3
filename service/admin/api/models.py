"""Models for programs: list, report, train, promote, roll back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin import model_acts
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.admin.scope import OutOfScope
from service.db import utcnow
from service.learning import runs
from service.learning.versions import active_id, all_versions
from service.ledger.refused import Refused
from service.pages import runtime
from service.problems import Problem
from service.tasks import Task

api = APIBlueprint("admin_models", __name__, url_prefix="/v1/admin/models", tag="Models")


class ModelOut(BaseModel):
    """A model, and how it did."""

    id: int
    state: str
    fingerprint: str
    examples: int
    trained_at: datetime
    promoted_at: datetime | None
    report: dict[str, Any]


class ModelsOut(BaseModel):
    """All that are kept, newest first, and how learning stands."""

    items: list[ModelOut]
    active: int | None = Field(description="Null: terms alone.")
    is_held: bool
    asked_at: datetime | None


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List models", ModelsOut, *VERSIONED))
def list_models() -> Response:
    with runtime().db.read() as session:
        body = _all(session)
    return with_etag(jsonify(body), etag_of(body))


@api.post("/train")
@needs(Power.TOPICS)
@api.doc(**described("Train now", ModelsOut, 409))
def train() -> dict[str, Any]:
    """A worker trains as soon as it can."""
    held = runtime()
    try:
        with held.db.write() as session:
            model_acts.ask_for_training(session, held.vault, me(), utcnow())
            body = _all(session)
    except Refused as error:
        raise _problem(error) from error
    held.doorbell.ring_chore(Task.REFIT_MODEL)
    return body


@api.post("/<int:model_id>/promote")
@needs(Power.TOPICS)
@api.doc(**described("Use a model", ModelsOut, 409, 412, 428))
def promote(model_id: int) -> dict[str, Any]:
    """`If-Match` is the ETag of the list."""
    held = runtime()
    try:
        with held.db.write() as session:
            require_match(etag_of(_all(session)))
            model_acts.promote(session, held.vault, me(), model_id, utcnow())
            return _all(session)
    except Refused as error:
        raise _problem(error) from error


@api.post("/roll-back")
@needs(Power.TOPICS)
@api.doc(**described("Use the model before", ModelsOut, 409, 412, 428))
def roll_back() -> dict[str, Any]:
    """From then on new models are promoted by staff alone."""
    held = runtime()
    try:
        with held.db.write() as session:
            require_match(etag_of(_all(session)))
            model_acts.roll_back(session, held.vault, me())
            return _all(session)
    except Refused as error:
        raise _problem(error) from error


def _problem(error: Refused) -> Problem:
    if isinstance(error, OutOfScope):
        return Problem(403, "Forbidden", str(error))
    return Problem(409, "Conflict", str(error))


def _all(session: Session) -> dict[str, Any]:
    learning = runs.state(session)
    return ModelsOut(
        items=[
            ModelOut(**{name: getattr(row, name) for name in ModelOut.model_fields})
            for row in all_versions(session)
        ],
        active=active_id(session),
        is_held=bool(learning and learning.is_held),
        asked_at=learning.asked_at if learning else None,
    ).model_dump(mode="json")
