"""Models as staff see them: which is in use, how well each did, train, promote, roll back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from service.admin import model_acts, words
from service.admin.access import has_power, me, needs
from service.admin.powers import Power
from service.db import utcnow
from service.learning import runs
from service.learning.examples import count_decided
from service.learning.training import LEAST
from service.learning.versions import all_versions
from service.ledger.refused import Refused
from service.models import ModelVersion
from service.pages import page_url, runtime
from service.tasks import Task

MEASURES = {
    "micro_f1": _("Right labels (micro-F1)"),
    "precision": _("Of what it publishes, right"),
    "recall": _("Of what is right, published"),
}
BAR, ROW, LEFT, WIDE = 18, 76, 8, 560  # pixels of the drawing


@dataclass(frozen=True)
class Bar:
    """One bar of the drawing; `share` is null where nothing was published."""

    measure: str
    is_new: bool
    share: float | None
    y: int
    width: int


def blueprint() -> Blueprint:
    """Everybody on the staff may look; editors act."""
    part = Blueprint("models", __name__, url_prefix="/staff/models")
    _add_views(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _index()

    @part.get("/<int:model_id>")
    @needs(Power.SEE)
    def show(model_id: int) -> str:
        return _show(model_id)


def _add_acts(part: Blueprint) -> None:
    @part.post("/train")
    @needs(Power.TOPICS)
    def train() -> ResponseReturnValue:
        held = runtime()

        def ask(session: Session) -> None:
            model_acts.ask_for_training(session, held.vault, me(), utcnow())

        answer = _act(ask)
        held.doorbell.ring_chore(Task.REFIT_MODEL)
        return answer

    @part.post("/<int:model_id>/promote")
    @needs(Power.TOPICS)
    def promote(model_id: int) -> ResponseReturnValue:
        def use(session: Session) -> None:
            model_acts.promote(session, runtime().vault, me(), model_id, utcnow())

        return _act(use)

    @part.post("/roll-back")
    @needs(Power.TOPICS)
    def roll_back() -> ResponseReturnValue:
        def leave(session: Session) -> None:
            model_acts.roll_back(session, runtime().vault, me())

        return _act(leave)


def _act(change: Callable[[Session], None]) -> ResponseReturnValue:
    try:
        with runtime().db.write() as session:
            change(session)
    except Refused as error:
        return _index({"models": gettext(error.text, **error.values)}), 409
    return redirect(page_url("models.index"), 303)


def _index(errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        return render_template(
            "staff/models.html",
            rows=all_versions(session),
            learning=runs.state(session),
            decided=count_decided(session),
            least=LEAST,
            may_change=has_power(Power.TOPICS),
            errors=errors or {},
            words=words,
        )


def _show(model_id: int) -> str:
    with runtime().db.read() as session:
        row = next((one for one in all_versions(session) if one.id == model_id), None) or abort(404)
    return render_template(
        "staff/model.html",
        row=row,
        measures=MEASURES,
        bars=bars_of(row),
        height=ROW * len(MEASURES),
        wide=WIDE + 2 * LEFT + 56,
        left=LEFT,
        bar=BAR,
        may_change=has_power(Power.TOPICS),
        words=words,
    )


def bars_of(row: ModelVersion) -> list[Bar]:
    """The drawing of a report: for each measure what was in use, and this model below it."""
    report: dict[str, Any] = row.report
    if not report.get("articles"):
        return []
    found = []
    for number, measure in enumerate(MEASURES):
        for is_new in (False, True):
            share = report["new" if is_new else "old"][measure]
            y = ROW * number + 22 + (BAR + 2) * is_new
            found.append(Bar(measure, is_new, share, y, round(WIDE * (share or 0))))
    return found
