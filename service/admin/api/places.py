"""Districts for programs: read, change as a version, go back."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin import place_acts
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.refusals import problem_of
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.refused import Refused
from service.pages import runtime
from service.problems import Problem
from service.taxonomy.places import MAX_ALIASES, stored_places

api = APIBlueprint("admin_places", __name__, url_prefix="/v1/admin/places", tag="Districts")
Lines = Field(default_factory=list[str], max_length=MAX_ALIASES)


class PlaceIn(BaseModel):
    """What stands for a district, and why it is changed."""

    name: str = Field(min_length=1, max_length=100)
    aliases: list[str] = Lines
    neighbourhoods: list[str] = Lines
    is_on: bool = True
    position: int | None = Field(None, ge=0, le=10_000, description="0 is the first.")
    reason: str = Field(min_length=1, max_length=500)


class NewPlaceIn(PlaceIn):
    """A district that is not there yet."""

    slug: str = Field(max_length=64)


class PlaceOut(BaseModel):
    """A district as it is used now."""

    slug: str
    name: str
    aliases: list[str]
    neighbourhoods: list[str]
    is_on: bool


class PlacesOut(BaseModel):
    """All districts, in their order."""

    items: list[PlaceOut]


class BackIn(BaseModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=500)


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List districts", PlacesOut))
def list_places() -> dict[str, Any]:
    with runtime().db.read() as session:
        return {"items": stored_places(session, runtime().settings.config_dir)}


@api.get("/<slug>")
@needs(Power.SEE)
@api.doc(**described("Read a district", PlaceOut, 404, *VERSIONED))
def show(slug: str) -> Response:
    with runtime().db.read() as session:
        body = _entry(session, slug)
    return with_etag(jsonify(body), etag_of(body))


@api.post("")
@needs(Power.TOPICS)
@api.input(NewPlaceIn, arg_name="wanted")
@api.doc(**described("Add a district", PlaceOut, 409))
def add(wanted: NewPlaceIn) -> dict[str, Any]:
    return _saved(wanted.slug, wanted, is_new=True)


@api.put("/<slug>")
@needs(Power.TOPICS)
@api.input(PlaceIn, arg_name="wanted")
@api.doc(**described("Change a district", PlaceOut, 404, 409, 412, 428))
def edit(slug: str, wanted: PlaceIn) -> dict[str, Any]:
    """From the next article on, as a version."""
    return _saved(slug, wanted, is_new=False)


@api.post("/versions/<int:number>/roll-back")
@needs(Power.TOPICS)
@api.input(BackIn, arg_name="wanted")
@api.doc(**described("Go back to a version", PlacesOut, 404, 409))
def roll_back(number: int, wanted: BackIn) -> dict[str, Any]:
    """At once, as a new version."""
    held = runtime()
    folder = held.settings.config_dir
    try:
        with held.db.write() as session:
            place_acts.roll_back(session, held.vault, folder, me(), number, wanted.reason, utcnow())
            return {"items": stored_places(session, folder)}
    except Refused as error:
        raise problem_of(error) from error


def _saved(slug: str, wanted: PlaceIn, *, is_new: bool) -> dict[str, Any]:
    held = runtime()
    names = ("name", "aliases", "neighbourhoods", "is_on")
    place = {"slug": slug, **{name: getattr(wanted, name) for name in names}}
    folder = held.settings.config_dir
    try:
        with held.db.write() as session:
            if not is_new:
                require_match(etag_of(_entry(session, slug)))
            place_acts.save(
                *(session, held.vault, folder, me(), place, wanted.reason, utcnow()),
                position=wanted.position,
                is_new=is_new,
            )
            return _entry(session, slug)
    except Refused as error:
        raise problem_of(error) from error


def _entry(session: Session, slug: str) -> dict[str, Any]:
    for entry in stored_places(session, runtime().settings.config_dir):
        if entry["slug"] == slug:
            return entry
    raise Problem(404, "Not Found", "There is no such district.")
