"""Given-up work for programs: list a kind, retry one or some, discard one for a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin.api.documented import described
from service.admin.api.entering import me, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.dead_letters import masked_input, ring_for
from service.admin.powers import Power
from service.admin.scope import OutOfScope, require_no_scope
from service.db import utcnow
from service.ledger import given_up
from service.ledger.given_up import Given, GivenUpError
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint(
    "admin_dead_letters", __name__, url_prefix="/v1/admin/dead-letters", tag="Given up"
)


class GivenUpOut(BaseModel):
    """Work past its last try."""

    kind: str
    id: int
    at: datetime
    error: str
    about: str
    article_id: int | None
    input: list[str] = Field(description="What an event held, field by field, without its texts.")


class BegunOut(BaseModel):
    """What was begun again."""

    begun: list[int]


class DiscardIn(BaseModel):
    """Why it is put away for good."""

    reason: str = Field(min_length=1, max_length=200)


class DoneOut(BaseModel):
    """Which one it was."""

    kind: str
    id: int


@api.get("/<kind>")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List what is given up of a kind", Page[GivenUpOut], 404))
def list_given_up(kind: str, page: PageQuery) -> dict[str, Any]:
    """Newest first. Kinds: `batch`, `text`, `plan`, `journal`, `event`."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        found = given_up.listed(session, _kind(kind), before, page.limit + 1)
        shown = found[: page.limit]
        items = [
            GivenUpOut(
                kind=one.kind,
                id=one.id,
                at=one.at,
                error=one.error,
                about=one.about,
                article_id=one.article_id,
                input=masked_input(session, runtime().vault, one),
            )
            for one in shown
        ]
    last = cursor(shown[-1].id) if len(found) > page.limit else None
    return Page[GivenUpOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.post("/<kind>/<int:number>/retry")
@needs(Power.SEND)
@api.doc(**described("Begin one again", DoneOut, 404, 409))
def retry(kind: str, number: int) -> dict[str, Any]:
    """With all its tries. A second call finds nothing to begin."""
    which = _kind(kind)
    try:
        with runtime().db.write() as session:
            _require_no_scope(session)
            ring = given_up.begin_again(session, which, _number(number), utcnow())
            record(session, f"{which.value}.retry", number)
    except GivenUpError as error:
        raise Problem(409, "Conflict", f"{error}.") from error
    ring_for(ring)
    return DoneOut(kind=kind, id=number).model_dump(mode="json")


@api.post("/<kind>/retry-all")
@needs(Power.SEND)
@api.doc(**described("Begin the oldest of a kind again, 100 at most", BegunOut, 404))
def retry_all(kind: str) -> dict[str, Any]:
    """Call it again until nothing is begun."""
    which = _kind(kind)
    with runtime().db.write() as session:
        _require_no_scope(session)
        begun = given_up.begin_some_again(session, which, utcnow())
        record(session, f"{which.value}.retry-all", ids=[number for number, _ in begun])
    for _, ring in begun:
        ring_for(ring)
    return BegunOut(begun=[number for number, _ in begun]).model_dump(mode="json")


@api.post("/<kind>/<int:number>/discard")
@needs(Power.SEND)
@api.input(DiscardIn, arg_name="wanted")
@api.doc(**described("Put one away for good", DoneOut, 404, 409))
def discard(kind: str, number: int, wanted: DiscardIn) -> dict[str, Any]:
    """Who was not told is not told; what was not read is not read."""
    which = _kind(kind)
    try:
        with runtime().db.write() as session:
            _require_no_scope(session)
            given_up.discard(session, which, _number(number), wanted.reason, utcnow())
            record(session, f"{which.value}.discard", number, reason=wanted.reason)
    except GivenUpError as error:
        raise Problem(409, "Conflict", f"{error}.") from error
    return DoneOut(kind=kind, id=number).model_dump(mode="json")


def _require_no_scope(session: Session) -> None:
    try:
        require_no_scope(session, me().staff_id)
    except OutOfScope as error:
        raise Problem(403, "Forbidden", str(error)) from error


def _kind(text: str) -> Given:
    if text not in set(Given):
        raise Problem(404, "Not Found", f"Nothing of the kind {text[:32]!r} is ever given up.")
    return Given(text)


def _number(number: int) -> int:
    if number >= 2**63:
        raise Problem(404, "Not Found", "There is no such number.")
    return number
