"""Channels for programs: everything that the staff's pages do. A stored URL is never shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, jsonify
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.batches import ring_batch
from service.ledger.hold import free_held
from service.models import Channel, HaltScope
from service.pages import runtime
from service.problems import Problem
from service.subscriptions import channel_acts, channels
from service.subscriptions.channel_tests import last_test, queue_test
from service.subscriptions.channels import ChannelError

api = APIBlueprint("admin_channels", __name__, url_prefix="/v1/admin/channels", tag="Channels")


class ChannelOut(BaseModel):
    """A public chat room or webhook of the city."""

    id: int
    name: str
    address: str = Field(description="Masked: the stored address is never shown.")
    public_url: str
    language: str
    topics: list[str] | None = Field(description="Slugs; null for all topics.")
    places: list[str] | None = Field(description="Slugs; null for the whole city.")
    paused: str | None = Field(description="Why it is paused; null where it is not.")
    created_at: datetime


class TestOut(BaseModel):
    """The newest test message. `took_s`: from the asking to the answer, in seconds."""

    at: datetime
    state: str = Field(description="`queued` until there is an answer.")
    code: str | None
    answer: str | None
    took_s: float | None


class PauseIn(BaseModel):
    """Why nothing more is sent there."""

    reason: str = Field(min_length=1, max_length=200)


class ChannelIn(BaseModel):
    """A new channel. No topics: all of them; no places: the whole city."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    url: str = Field(description="An Apprise URL: stored encrypted, never shown.", max_length=2000)
    topics: list[str] = Field([], max_length=200)
    places: list[str] = Field([], max_length=200)
    public_url: str = Field("", max_length=500)
    language: str = Field("", max_length=8, description="Empty: the city's first.")


class ChannelChange(BaseModel):
    """What is not given stays as it is. Empty lists: all topics, the whole city."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=100)
    url: str | None = Field(None, max_length=2000)
    topics: list[str] | None = Field(None, max_length=200)
    places: list[str] | None = Field(None, max_length=200)
    public_url: str | None = Field(None, max_length=500)
    language: str | None = Field(None, max_length=8)


class RemoveIn(BaseModel):
    """Its name once more, so that nobody removes another one by mistake."""

    confirmed: str = Field(max_length=100)
    reason: str = Field(min_length=1, max_length=200)


@api.get("")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List channels", Page[ChannelOut]))
def list_channels(page: PageQuery) -> dict[str, Any]:
    """Oldest first."""
    (after,) = key_of(page.after, int) or (0,)
    query = select(Channel).where(Channel.id > after, Channel.removed_at.is_(None))
    with runtime().db.read() as session:
        rows = session.scalars(query.order_by(Channel.id).limit(page.limit + 1)).all()
        paused = channels.paused(session)
        items = [shown(session, channel, paused) for channel in rows[: page.limit]]
    last = cursor(items[-1].id) if len(rows) > page.limit else None
    return Page[ChannelOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:channel_id>")
@needs(Power.SEE)
@api.doc(**described("Read a channel", ChannelOut, 404, *VERSIONED))
def show(channel_id: int) -> Response:
    with runtime().db.read() as session:
        body = _body(session, found(session, channel_id))
    return with_etag(jsonify(body), etag_of(body))


@api.post("")
@needs(Power.CHANNELS)
@api.input(ChannelIn, arg_name="wanted")
@api.doc(**described("Add a channel", ChannelOut, status=201))
def add(wanted: ChannelIn) -> tuple[dict[str, Any], int]:
    """Nothing is sent to it yet."""
    held = runtime()
    try:
        with held.db.write() as session:
            values = wanted.model_dump()
            channel = channel_acts.add(session, held.vault, held.settings, me(), **values)
            return _body(session, channel), 201
    except ChannelError as error:
        raise refused(error) from None


@api.patch("/<int:channel_id>")
@needs(Power.CHANNELS)
@api.input(ChannelChange, arg_name="wanted")
@api.doc(**described("Change a channel", ChannelOut, 404, 412, 428))
def change(channel_id: int, wanted: ChannelChange) -> Response:
    """What waits for it goes to the new address."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found(session, channel_id, lock=True)
            require_match(etag_of(_body(session, channel)))
            given = wanted.model_dump(exclude_unset=True)
            channel_acts.change(session, held.vault, held.settings, me(), channel, **given)
            session.flush()
            body = _body(session, channel)
    except ChannelError as error:
        raise refused(error) from None
    return with_etag(jsonify(body), etag_of(body))


@api.delete("/<int:channel_id>")
@needs(Power.CHANNELS)
@api.input(RemoveIn, arg_name="wanted")
@api.doc(**described("Remove a channel", ChannelOut, 404, 412, 428))
def remove(channel_id: int, wanted: RemoveIn) -> dict[str, Any]:
    """Nothing more is sent there, and its address is forgotten; what was sent stays in the ledger.
    Answers with what it was."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found(session, channel_id, lock=True)
            body = _body(session, channel)
            require_match(etag_of(body))
            given = wanted.model_dump()
            channel_acts.remove(session, held.vault, me(), channel, utcnow(), **given)
    except ChannelError as error:
        raise refused(error) from None
    return body


@api.post("/<int:channel_id>/pause")
@needs(Power.CHANNELS)
@api.input(PauseIn, arg_name="wanted")
@api.doc(**described("Pause a channel", ChannelOut, 404, 412, 428))
def pause(channel_id: int, wanted: PauseIn) -> dict[str, Any]:
    """What is unsent waits. A second pause changes nothing."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found(session, channel_id, lock=True)
            require_match(etag_of(_body(session, channel)))
            channel_acts.pause(session, held.vault, me(), channel, wanted.reason, utcnow())
            return _body(session, channel)
    except ChannelError as error:
        raise refused(error) from None


@api.post("/<int:channel_id>/resume")
@needs(Power.CHANNELS)
@api.doc(**described("Resume a channel", ChannelOut, 404))
def resume(channel_id: int) -> dict[str, Any]:
    """What waited is sent; nothing that was sent is sent again."""
    held = runtime()
    with held.db.write() as session:
        channel = found(session, channel_id, lock=True)
        channel_acts.resume(session, held.vault, me(), channel, utcnow())
        body = _body(session, channel)
    free_held(held.db, held.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    return body


@api.post("/<int:channel_id>/test")
@needs(Power.CHANNELS)
@api.doc(**described("Send a test message", TestOut, 404, status=202))
def test(channel_id: int) -> tuple[dict[str, Any], int]:
    """It is queued; ask for the answer with GET."""
    held = runtime()
    with held.db.write() as session:
        channel = found(session, channel_id)
        batch = queue_test(session, held.vault, me(), channel, g.get("request_id", ""))
    ring_batch(held.doorbell, batch)
    return test_shown(channel_id), 202


@api.get("/<int:channel_id>/test")
@needs(Power.SEE)
@api.doc(**described("Read the answer to the last test", TestOut, 404))
def last(channel_id: int) -> dict[str, Any]:
    return test_shown(channel_id)


def test_shown(channel_id: int) -> dict[str, Any]:
    """Raises Problem where it was never tested."""
    with runtime().db.read() as session:
        found(session, channel_id)
        test = last_test(session, channel_id)
    if test is None:
        raise Problem(404, "Not Found", f"Channel {channel_id} was never tested.")
    answer = test.answers[0] if test.answers else None
    return TestOut(
        at=test.entry.at,
        state=test.state,
        code=answer.code if answer else None,
        answer=answer.detail if answer else None,
        took_s=round(test.took.total_seconds(), 1) if test.took is not None else None,
    ).model_dump(mode="json")


def shown(session: Session, channel: Channel, paused: dict[int, str]) -> ChannelOut:
    """A channel as programs see it, which is also its version on the page."""
    topics, places = channels.choices_of(session, channel.id)
    destination = channels.destination_of(session, channel.id)
    return ChannelOut(
        id=channel.id,
        name=channel.name,
        address=channel.masked_url,
        public_url=channel.public_url,
        language=destination.language if destination else "",
        topics=None if topics is None else [topic.slug for topic in topics],
        places=None if places is None else [place.slug for place in places],
        paused=paused.get(channel.id),
        created_at=channel.created_at,
    )


def version_of(session: Session, channel: Channel) -> str:
    """What changes when anything of a channel does that is shown."""
    return etag_of(_body(session, channel))


def refused(error: ChannelError) -> Problem:
    """The field that is to be mended, by name."""
    errors = [{"field": error.field, "message": str(error)}]
    return Problem(422, "Unprocessable Content", str(error), errors=errors)


def _body(session: Session, channel: Channel) -> dict[str, Any]:
    return shown(session, channel, channels.paused(session)).model_dump(mode="json")


def found(session: Session, channel_id: int, *, lock: bool = False) -> Channel:
    """Raises Problem where there is none."""
    channel = channels.channel_of(session, channel_id, lock=lock)
    if channel is None:
        raise Problem(404, "Not Found", f"There is no channel {channel_id}.")
    return channel
