"""Subscribers for programs: looked up by exact address, then helped under a short-lived token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from service.admin import looking, people_acts
from service.admin.api.documented import described
from service.admin.api.entering import me, needs
from service.admin.looking import TooManyLooks
from service.admin.people_acts import NotNow
from service.admin.powers import Power
from service.pages import runtime
from service.problems import Problem
from service.subscriptions import office
from service.subscriptions.addresses import AddressError
from service.subscriptions.office import Found

api = APIBlueprint("admin_subscribers", __name__, url_prefix="/v1/admin/subscribers", tag="People")

NO_ADDRESS = "This is no address; it looks like name@example.com."
OVER = "This token is none of yours, or its quarter of an hour is over: look the person up again."


class LookIn(BaseModel):
    """A person's exact address."""

    address: str = Field(min_length=3, max_length=254)


class SubscriptionOut(BaseModel):
    """What somebody asked for; a null topic is all topics, a null place the whole city."""

    id: int
    topic: str | None
    place: str | None
    frequency: str
    since: datetime
    ended_at: datetime | None


class PersonOut(BaseModel):
    """A person, under a token for what follows."""

    person: str = Field(description="Names this person to your key for 15 minutes.")
    verified_at: datetime | None
    suppressed: str | None = Field(description="Why nobody writes to them; null where they do.")
    subscriptions: list[SubscriptionOut]


class ActIn(BaseModel):
    """Whom it is about, and why."""

    person: str = Field(max_length=200)
    reason: str = Field(min_length=1, max_length=200)


class EndIn(ActIn):
    """Which subscriptions end; null: all."""

    subscriptions: list[int] | None = Field(None, max_length=1000)


class DoneOut(BaseModel):
    """It is done."""

    done: bool = True


@api.post("/lookup")
@needs(Power.PEOPLE)
@api.input(LookIn, arg_name="wanted")
@api.doc(**described("Look up a subscriber", PersonOut, 404))
def lookup(wanted: LookIn) -> dict[str, Any]:
    """By the exact address alone. Each look is recorded, also of an address that is not known."""
    found = looked_up(wanted.address, looking.LOOK)
    with runtime().db.read() as session:
        person = office.person(session, found.destination_id or 0)
    if found.destination_id is None or person is None:
        raise Problem(404, "Not Found", "Nobody is known under this address.")
    own = next(one for one in person.addresses if one.id == found.destination_id)
    return PersonOut(
        person=looking.token_for(runtime().vault, me(), found.destination_id),
        verified_at=own.verified_at,
        suppressed=found.suppression.reason if found.suppression else None,
        subscriptions=[
            SubscriptionOut(
                id=one.id,
                topic=topic.slug if topic else None,
                place=place.slug if place else None,
                frequency=one.frequency,
                since=one.created_at,
                ended_at=one.ended_at,
            )
            for one, topic, place in person.subscriptions
        ],
    ).model_dump(mode="json")


@api.post("/resend")
@needs(Power.PEOPLE)
@api.input(ActIn, arg_name="wanted")
@api.doc(**described("Send the confirmation again", DoneOut, 409))
def resend(wanted: ActIn) -> dict[str, Any]:
    return _do(people_acts.resend, wanted)


@api.post("/sign-in-link")
@needs(Power.PEOPLE)
@api.input(ActIn, arg_name="wanted")
@api.doc(**described("Send a sign-in link", DoneOut, 409))
def send_sign_in(wanted: ActIn) -> dict[str, Any]:
    return _do(people_acts.send_sign_in, wanted)


@api.post("/end")
@needs(Power.PEOPLE)
@api.input(EndIn, arg_name="wanted")
@api.doc(**described("End subscriptions", DoneOut, 409))
def end(wanted: EndIn) -> dict[str, Any]:
    return _do(people_acts.end, wanted, only=wanted.subscriptions)


@api.post("/export")
@needs(Power.PEOPLE)
@api.input(ActIn, arg_name="wanted")
@api.doc(**described("Export all data of a person", DoneOut, 409))
def export(wanted: ActIn) -> Response:
    """The document of docs/my-data.md, for the person themselves."""
    destination_id, reason = _whom(wanted)
    try:
        made = people_acts.export(runtime(), me(), destination_id, reason)
    except NotNow as error:
        raise Problem(409, "Conflict", f"{error}.") from error
    return Response(made.as_json(), mimetype="application/json")


@api.post("/erase")
@needs(Power.PEOPLE)
@api.input(ActIn, arg_name="wanted")
@api.doc(**described("Erase a person", DoneOut, 409))
def erase(wanted: ActIn) -> dict[str, Any]:
    """At once and for good."""
    return _do(people_acts.erase, wanted)


def looked_up(address: str, act: str, object_id: int | None = None) -> Found:
    """What is known under an address, recorded.

    Raises:
        Problem: no address, or too many looks.
    """
    try:
        return looking.look_up(runtime(), me(), address, act, object_id)
    except AddressError as error:
        raise Problem(422, "Unprocessable Entity", NO_ADDRESS) from error
    except TooManyLooks as error:
        detail = "At most 60 looks an hour; wait a while."
        raise Problem(429, "Too Many Requests", detail) from error


def _do(act: Callable[..., object], wanted: ActIn, **options: Any) -> dict[str, Any]:
    destination_id, reason = _whom(wanted)
    try:
        act(runtime(), me(), destination_id, reason, **options)
    except NotNow as error:
        raise Problem(409, "Conflict", f"{error}.") from error
    return DoneOut().model_dump()


def _whom(wanted: ActIn) -> tuple[int, str]:
    found = looking.person_behind(runtime().vault, me(), wanted.person)
    if found is None:
        raise Problem(409, "Conflict", OVER)
    return found, office.reason_of(wanted.reason) or "…"
