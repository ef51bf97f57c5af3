"""Districts as staff change them: names, other names, neighbourhoods, order, on or off."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service.admin import place_acts
from service.admin.access import has_power, me, needs
from service.admin.powers import Power
from service.admin.topic_form import lines_of
from service.admin.versions import version_lines, version_page
from service.db import utcnow
from service.ledger.refused import Missing, Refused
from service.models import Place, Taxonomy
from service.pages import page_url, row_number, runtime
from service.taxonomy.checking import Mistaken
from service.taxonomy.places import stored_places
from service.taxonomy.versions import newest

KIND = Taxonomy.PLACES
EMPTY: dict[str, Any] = {"slug": "", "name": "", "aliases": [], "neighbourhoods": [], "is_on": True}
MAX_REASON = 500


def blueprint() -> Blueprint:
    """Everybody on the staff may look; editors change."""
    part = Blueprint("staff_places", __name__, url_prefix="/staff/districts")
    _add_views(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        with runtime().db.read() as session:
            listed = stored_places(session, runtime().settings.config_dir)
            ids = {place.slug: place.id for place in session.query(Place)}
            number = newest(session, KIND)
        return render_template(
            "staff/places.html",
            listed=listed,
            ids=ids,
            number=number,
            may_change=has_power(Power.TOPICS),
        )

    @part.get("/new")
    @needs(Power.TOPICS)
    def new() -> str:
        return _form(None, EMPTY)

    @part.get("/<int:place_id>")
    @needs(Power.SEE)
    def show(place_id: int) -> str:
        return _form(place_id, _stored(place_id))

    @part.get("/versions")
    @needs(Power.SEE)
    def versions() -> str:
        before = request.args.get("before", type=row_number)
        with runtime().db.read() as session:
            lines, older = version_lines(session, KIND, before)
        return render_template(
            "staff/versions.html", lines=lines, before=before, older=older, part="staff_places"
        )

    @part.get("/versions/<int:number>")
    @needs(Power.SEE)
    def one_version(number: int) -> str:
        return version_page(KIND, number, "staff_places")


def _add_acts(part: Blueprint) -> None:
    @part.post("")
    @needs(Power.TOPICS)
    def add() -> ResponseReturnValue:
        return _save(None, _typed(request.form.get("slug", "").strip()))

    @part.post("/<int:place_id>")
    @needs(Power.TOPICS)
    def edit(place_id: int) -> ResponseReturnValue:
        return _save(place_id, _typed(_stored(place_id)["slug"]))

    @part.post("/versions/<int:number>/roll-back")
    @needs(Power.TOPICS)
    def roll_back(number: int) -> ResponseReturnValue:
        held, reason = runtime(), _reason()
        if not reason:
            said = {"reason": gettext("Write a reason")}
            return version_page(KIND, number, "staff_places", said), 422
        try:
            with held.db.write() as session:
                folder = held.settings.config_dir
                made = place_acts.roll_back(
                    session, held.vault, folder, me(), number, reason, utcnow()
                )
        except Missing:
            abort(404)
        except Refused as error:
            said = {"reason": gettext(error.text, **error.values)}
            return version_page(KIND, number, "staff_places", said), 409
        return redirect(page_url("staff_places.one_version", number=made.number), 303)


def _save(place_id: int | None, place: dict[str, Any]) -> ResponseReturnValue:
    held, reason = runtime(), _reason()
    if not reason:
        return _form(place_id, place, {"reason": gettext("Write a reason")}), 422
    typed = request.form.get("position", type=row_number)
    try:
        with held.db.write() as session:
            made = place_acts.save(
                *(session, held.vault, held.settings.config_dir, me(), place, reason, utcnow()),
                position=None if typed is None else typed - 1,
                base=request.form.get("base", type=row_number),
                is_new=place_id is None,
            )
    except Mistaken as error:
        said = {name: gettext(text, **values) for name, (text, values) in error.mistakes.items()}
        return _form(place_id, place, said), 422
    except Refused as error:
        return _form(place_id, place, {"name": gettext(error.text, **error.values)}), 409
    return redirect(page_url("staff_places.one_version", number=made.number), 303)


def _typed(slug: str) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": " ".join(request.form.get("name", "").split()),
        "aliases": list(lines_of(request.form.get("aliases", ""))),
        "neighbourhoods": list(lines_of(request.form.get("neighbourhoods", ""))),
        "is_on": request.form.get("is_on") == "1",
    }


def _form(place_id: int | None, place: dict[str, Any], errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        base = newest(session, KIND)
        listed = stored_places(session, runtime().settings.config_dir)
    slugs = [one["slug"] for one in listed]
    at = slugs.index(place["slug"]) + 1 if place_id is not None else len(slugs) + 1
    return render_template(
        "staff/place.html",
        place_id=place_id,
        place=place,
        position=request.form.get("position", at),
        count=len(slugs) + (place_id is None),
        base=request.form.get("base", base),
        reason=request.form.get("reason", ""),
        may_change=has_power(Power.TOPICS),
        errors=errors or {},
    )


def _stored(place_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        row = session.get(Place, place_id) or abort(404)
        listed = stored_places(session, runtime().settings.config_dir)
    return next(one for one in listed if one["slug"] == row.slug)


def _reason() -> str:
    return " ".join(request.form.get("reason", "").split())[:MAX_REASON]
