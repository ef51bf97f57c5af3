"""Deliveries for programs: search, by address too, and pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import halt_acts, looking
from service.admin.api.documented import described
from service.admin.api.entering import me, needs
from service.admin.api.paging import Page, cursor, key_of, next_page
from service.admin.api.refusals import problem_of
from service.admin.api.subscribers import looked_up
from service.admin.article_acts import Doer
from service.admin.powers import Power
from service.ledger import pausing
from service.ledger.counts import outcome_counts
from service.ledger.finding import Wanted, find
from service.ledger.halts import live_pauses
from service.ledger.pausing import Target, TargetError
from service.ledger.refused import Refused
from service.models import DeliveryState, Halt, HaltKind, HaltScope
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint(
    "admin_deliveries", __name__, url_prefix="/v1/admin/deliveries", tag="Deliveries"
)
MOST = 2**63 - 1


class SearchQuery(BaseModel):
    """Which deliveries: of a notification or a reader, by outcome and time of it."""

    notification: int | None = Field(None, ge=1, le=MOST)
    reader: int | None = Field(None, ge=1, le=MOST)
    state: str | None = Field(None, description="An outcome, as in `queued` or `rejected`.")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    after: str | None = Field(None, description="The `next` of the page before.", max_length=500)


class AnswerOut(BaseModel):
    """What the other side said."""

    at: datetime
    code: str
    detail: str


class DeliveryOut(BaseModel):
    """One notification to one reader, who is named by number alone."""

    notification: int
    reader: int
    state: str
    is_sending: bool
    attempts: int
    settled_at: datetime | None
    due_at: datetime | None
    answers: list[AnswerOut]


class CountsOut(BaseModel):
    """The deliveries of an article by outcome: `planned` is the sum of the others."""

    counts: dict[str, int]
    counted_at: datetime | None = Field(
        description="When they were counted, while it is still being sent; null: just now."
    )


class AddressIn(BaseModel):
    """The exact address of a reader."""

    email: str = Field(max_length=254)


class ReaderOut(BaseModel):
    """The reader's number."""

    reader: int


class HaltIn(BaseModel):
    """What is stopped, and why. `of`: the article's number, the topic's slug, the channel's number
    or name, or the lane's name; empty for everything."""

    scope: HaltScope
    of: str = Field("", max_length=100)
    reason: str = Field(min_length=1, max_length=200)


class PauseOut(BaseModel):
    """A pause that holds."""

    id: int
    scope: HaltScope
    of: str
    reason: str
    at: datetime


class MetIn(BaseModel):
    """What would be stopped."""

    scope: HaltScope
    of: str = Field("", max_length=100)


class MetOut(BaseModel):
    """Open batches that it meets, each of up to 1,000 deliveries; counted to 1,000."""

    batches: int
    is_more: bool


class JobOut(BaseModel):
    """The job that settles what nobody has in hand."""

    job: int


@api.get("")
@needs(Power.SEE)
@api.input(SearchQuery, location="query", arg_name="wanted")
@api.doc(**described("Search deliveries", Page[DeliveryOut]))
def search(wanted: SearchQuery) -> dict[str, Any]:
    """A page looks at 20,000 rows at most: it may be empty and still have a `next`."""
    if wanted.notification is None and wanted.reader is None:
        raise Problem(422, "Unprocessable Content", "Name a `notification` or a `reader`.")
    if wanted.state and wanted.state not in {one.word for one in DeliveryState}:
        raise Problem(422, "Unprocessable Content", "`state` is no outcome of a delivery.")
    state = DeliveryState[wanted.state.upper()] if wanted.state else None
    asked = Wanted(wanted.notification, wanted.reader, state, wanted.since, wanted.until)
    (after,) = key_of(wanted.after, int) or (None,)
    with runtime().db.read() as session:
        found, further = find(session, asked, after)
    items = [
        DeliveryOut(
            notification=one.delivery.notification_id,
            reader=one.delivery.destination_id,
            state=DeliveryState(one.delivery.state).word,
            is_sending=one.is_sending,
            attempts=one.delivery.attempts,
            settled_at=one.delivery.settled_at,
            due_at=one.delivery.due_at,
            answers=[AnswerOut(at=a.at, code=a.code, detail=a.detail) for a in one.answers],
        )
        for one in found
    ]
    last = None if further is None else cursor(further)
    return Page[DeliveryOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/counts/<int:article_id>")
@needs(Power.SEE)
@api.doc(**described("Count an article's deliveries by outcome", CountsOut))
def counts(article_id: int) -> dict[str, Any]:
    """All zero for an article that nobody was to be told of."""
    with runtime().db.read() as session:
        found = outcome_counts(session, min(article_id, MOST))
    return CountsOut(counts=found, counted_at=found.as_of).model_dump(mode="json")


@api.post("/find")
@needs(Power.PEOPLE)
@api.input(AddressIn, arg_name="wanted")
@api.doc(**described("Find a reader's number by address", ReaderOut, 404, 429))
def find_reader(wanted: AddressIn) -> dict[str, Any]:
    """The look is recorded, the address is not."""
    reader = looked_up(wanted.email, looking.LOOK_DELIVERIES).destination_id
    if reader is None:
        raise Problem(404, "Not Found", "No reader has this address.")
    return ReaderOut(reader=reader).model_dump()


@api.get("/pauses")
@needs(Power.SEE)
@api.doc(**described("List what is paused", Page[PauseOut]))
def list_pauses() -> dict[str, Any]:
    with runtime().db.read() as session:
        items = [_paused(session, halt) for halt in live_pauses(session)]
    return Page[PauseOut](items=items).model_dump(mode="json")


@api.get("/met")
@needs(Power.SEE)
@api.input(MetIn, location="query", arg_name="wanted")
@api.doc(**described("Count what a pause or cancel would meet", MetOut, 404))
def met(wanted: MetIn) -> dict[str, Any]:
    with runtime().db.read() as session:
        found = pausing.met(session, _target(session, wanted.scope, wanted.of))
    return MetOut(batches=found.batches, is_more=found.is_more).model_dump()


@api.post("/pause")
@needs(Power.SEND)
@api.input(HaltIn, arg_name="wanted")
@api.doc(**described("Pause something", PauseOut, 403, 404, 409))
def pause(wanted: HaltIn) -> dict[str, Any]:
    """No new send after a few seconds; what is unsent waits."""
    with runtime().db.read() as session:
        target = _target(session, wanted.scope, wanted.of)
    with _refusals():
        halt_acts.pause(Doer(runtime(), me()), target, wanted.reason)
    with runtime().db.read() as session:
        halt = session.scalars(
            select(Halt)
            .where(Halt.scope == target.scope, Halt.object_id == target.object_id)
            .where(Halt.kind == HaltKind.PAUSE)
            .order_by(Halt.id.desc())
        ).first()
        assert halt is not None, "it was stored just now"
        return _paused(session, halt).model_dump(mode="json")


@api.post("/pauses/<int:halt_id>/resume")
@needs(Power.SEND)
@api.doc(**described("End a pause", PauseOut, 403, 404, 409))
def resume(halt_id: int) -> dict[str, Any]:
    """What waited is sent; nothing that was sent is sent again."""
    with runtime().db.read() as session:
        halt = session.get(Halt, halt_id) if halt_id <= MOST else None
        if halt is None or halt.kind != HaltKind.PAUSE:
            raise Problem(404, "Not Found", f"There is no pause {halt_id}.")
        if halt.ended_at is not None:
            raise Problem(409, "Conflict", "It has ended already.")
        target, shown = pausing.target_of(session, halt), _paused(session, halt)
    with _refusals():
        halt_acts.resume(Doer(runtime(), me()), target)
    return shown.model_dump(mode="json")


@api.post("/cancel")
@needs(Power.SEND)
@api.input(HaltIn, arg_name="wanted")
@api.doc(**described("Cancel what is unsent, for good", JobOut, 403, 404, 409))
def cancel(wanted: HaltIn) -> dict[str, Any]:
    """A lane can only be paused."""
    if wanted.scope == HaltScope.LANE:
        raise Problem(422, "Unprocessable Content", "A lane can be paused, not cancelled.")
    with runtime().db.read() as session:
        target = _target(session, wanted.scope, wanted.of)
    with _refusals():
        return JobOut(
            job=halt_acts.cancel(Doer(runtime(), me()), target, wanted.reason)
        ).model_dump()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise problem_of(error) from error


def _target(session: Session, scope: HaltScope, of: str) -> Target:
    try:
        return pausing.target(session, scope, of)
    except TargetError as error:
        raise Problem(404, "Not Found", str(error)) from error


def _paused(session: Session, halt: Halt) -> PauseOut:
    target = pausing.target_of(session, halt)
    return PauseOut(id=halt.id, scope=target.scope, of=target.name, reason=halt.reason, at=halt.at)
