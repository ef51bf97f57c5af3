"""Suppressions for programs: how many and why, one by exact address, added, lifted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin import looking, people_acts
from service.admin.api.documented import described
from service.admin.api.entering import me, needs
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.subscribers import NO_ADDRESS, DoneOut, LookIn, looked_up
from service.admin.people_acts import NotNow
from service.admin.powers import Power
from service.ledger import suppressions
from service.models import Suppression
from service.pages import runtime
from service.problems import Problem
from service.subscriptions.addresses import AddressError, address_hash, normalise_email
from service.subscriptions.office import reason_of

api = APIBlueprint(
    "admin_suppressions", __name__, url_prefix="/v1/admin/suppressions", tag="People"
)


class SuppressionOut(BaseModel):
    """An address that is not written to, by the first letters of its keyed hash."""

    hash: str
    reason: str
    evidence: str
    at: datetime


class CountsOut(BaseModel):
    """How many are suppressed, by reason."""

    counts: dict[str, int]


class BounceOut(BaseModel):
    """What came back."""

    verdict: str
    status: str
    said: str
    at: datetime


class StateOut(BaseModel):
    """Whether an address is suppressed, and what came back from it."""

    suppression: SuppressionOut | None
    bounces: list[BounceOut]


class ActIn(LookIn):
    """An exact address, and why."""

    reason: str = Field(min_length=1, max_length=200)


@api.get("")
@needs(Power.PEOPLE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List suppressions", Page[SuppressionOut]))
def list_suppressions(page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    key = key_of(page.after, int, str)
    after = None
    if key is not None:
        after = (_moment(key[0]), key[1])
    with runtime().db.read() as session:
        rows = suppressions.newest(session, page.limit + 1, after)
    items = [
        SuppressionOut(
            hash=one.address_hash[:8], reason=one.reason, evidence=one.evidence, at=one.at
        )
        for one in rows[: page.limit]
    ]
    last = rows[page.limit - 1] if len(rows) > page.limit else None
    following = cursor(_number(last.at), last.address_hash) if last else None
    return Page[SuppressionOut](items=items, next=next_page(following)).model_dump(mode="json")


@api.get("/counts")
@needs(Power.PEOPLE)
@api.doc(**described("Count suppressions", CountsOut))
def counts() -> dict[str, Any]:
    with runtime().db.read() as session:
        return {"counts": dict(suppressions.counts_by_reason(session))}


@api.post("/lookup")
@needs(Power.PEOPLE)
@api.input(LookIn, arg_name="wanted")
@api.doc(**described("Look up a suppression", StateOut))
def lookup(wanted: LookIn) -> dict[str, Any]:
    """By the exact address alone; each look is recorded."""
    found = looked_up(wanted.address, looking.LOOK_SUPPRESSION)
    shown = _shown(found.suppression) if found.suppression else None
    bounces = [
        BounceOut(verdict=row.verdict, status=row.status, said=row.detail, at=row.at)
        for row in found.bounces
    ]
    return StateOut(suppression=shown, bounces=bounces).model_dump(mode="json")


@api.post("/add")
@needs(Power.PEOPLE)
@api.input(ActIn, arg_name="wanted")
@api.doc(**described("Suppress an address", DoneOut, 409))
def add(wanted: ActIn) -> dict[str, Any]:
    """Because its person asked the office for it."""
    return _do(people_acts.suppress, wanted)


@api.post("/lift")
@needs(Power.PEOPLE)
@api.input(ActIn, arg_name="wanted")
@api.doc(**described("Lift a suppression", DoneOut, 409))
def lift(wanted: ActIn) -> dict[str, Any]:
    return _do(people_acts.lift, wanted)


def _do(act: Callable[..., object], wanted: ActIn) -> dict[str, Any]:
    try:
        hashed = address_hash(runtime().vault, "email", normalise_email(wanted.address))
    except AddressError as error:
        raise Problem(422, "Unprocessable Entity", NO_ADDRESS) from error
    try:
        act(runtime(), me(), hashed, reason_of(wanted.reason) or "…")
    except NotNow as error:
        raise Problem(409, "Conflict", f"{error}.") from error
    return DoneOut().model_dump()


def _shown(one: Suppression) -> SuppressionOut:
    hashed = one.address_hash[:8]
    return SuppressionOut(hash=hashed, reason=one.reason, evidence=one.evidence, at=one.at)


def _number(at: datetime) -> int:
    """Microseconds since 1970: a cursor keeps a time whole."""
    return int((at - datetime.fromtimestamp(0, UTC)).total_seconds() * 1_000_000)


def _moment(number: int) -> datetime:
    try:
        return datetime.fromtimestamp(number / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        detail = "`after` is no cursor of ours: take `next` as it is."
        raise Problem(400, "Bad Request", detail) from error
