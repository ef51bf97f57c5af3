"""Channels for programs: everything that the staff's pages do. A stored URL is never shown."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, jsonify
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin.api.channel_models import (
    ChannelChange,
    ChannelIn,
    ChannelOut,
    PauseIn,
    RemoveIn,
    TestOut,
)
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
from service.subscriptions import channel_acts, channel_removal, channels
from service.subscriptions.channel_tests import LastTest, last_test, queue_test
from service.subscriptions.channels import ChannelError

api = APIBlueprint("admin_channels", __name__, url_prefix="/v1/admin/channels", tag="Channels")


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
        body = body_of(session, found_channel(session, channel_id))
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
            return body_of(session, channel), 201
    except ChannelError as error:
        raise refused(error) from None


@api.patch("/<int:channel_id>")
@needs(Power.CHANNELS)
@api.input(ChannelChange, arg_name="wanted")
@api.doc(**described("Change a channel", ChannelOut, 404, 412, 428))
def change(channel_id: int, wanted: ChannelChange) -> Response:
    """What waits for it goes to the new address. To test that first, see `…/address`."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found_channel(session, channel_id, lock=True)
            require_match(etag_of(body_of(session, channel)))
            given = wanted.model_dump(exclude_unset=True)
            channel_acts.change(session, held.vault, held.settings, me(), channel, **given)
            session.flush()
            body = body_of(session, channel)
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
            channel = found_channel(session, channel_id, lock=True)
            body = body_of(session, channel)
            require_match(etag_of(body))
            given = wanted.model_dump()
            channel_removal.remove(session, held.vault, me(), channel, utcnow(), **given)
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
            channel = found_channel(session, channel_id, lock=True)
            require_match(etag_of(body_of(session, channel)))
            channel_acts.pause(session, held.vault, me(), channel, wanted.reason, utcnow())
            return body_of(session, channel)
    except ChannelError as error:
        raise refused(error) from None


@api.post("/<int:channel_id>/resume")
@needs(Power.CHANNELS)
@api.doc(**described("Resume a channel", ChannelOut, 404))
def resume(channel_id: int) -> dict[str, Any]:
    """What waited is sent; nothing that was sent is sent again."""
    held = runtime()
    with held.db.write() as session:
        channel = found_channel(session, channel_id, lock=True)
        channel_acts.resume(session, held.vault, me(), channel, utcnow())
        body = body_of(session, channel)
    free_held(held.db, held.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    return body


@api.post("/<int:channel_id>/try-again")
@needs(Power.CHANNELS)
@api.doc(**described("Resume a channel and test it", ChannelOut, 404))
def try_again(channel_id: int) -> dict[str, Any]:
    """For one that paused itself: where the test is refused too, it does so again."""
    held = runtime()
    with held.db.write() as session:
        channel = found_channel(session, channel_id, lock=True)
        asked = (session, held.vault, me(), channel, g.get("request_id", ""))
        batch = channel_acts.try_again(*asked, utcnow())
        session.refresh(channel)
        body = body_of(session, channel)
    ring_batch(held.doorbell, batch)
    free_held(held.db, held.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    return body


@api.post("/<int:channel_id>/test")
@needs(Power.CHANNELS)
@api.doc(**described("Send a test message", TestOut, 404, status=202))
def test(channel_id: int) -> tuple[dict[str, Any], int]:
    """It is queued; ask for the answer with GET."""
    held = runtime()
    with held.db.write() as session:
        channel = found_channel(session, channel_id)
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
        found_channel(session, channel_id)
        found = last_test(session, channel_id)
    if found is None:
        raise Problem(404, "Not Found", f"Channel {channel_id} was never tested.")
    return tested(found)


def tested(found: LastTest) -> dict[str, Any]:
    """A test as programs see it."""
    answer = found.answers[0] if found.answers else None
    return TestOut(
        at=found.found.asked_at,
        state=found.state,
        code=answer.code if answer else None,
        answer=answer.detail if answer else None,
        said=found.found.said or None,
        message_id=found.found.message_id or None,
        took_s=round(found.took.total_seconds(), 1) if found.took is not None else None,
        answered_in_s=found.answered_in.total_seconds() if found.answered_in else None,
    ).model_dump(mode="json")


def shown(session: Session, channel: Channel, paused: dict[int, str]) -> ChannelOut:
    """A channel as programs see it, which is also its version on the page."""
    topics, places = channels.choices_of(session, channel.id)
    return ChannelOut(
        id=channel.id,
        name=channel.name,
        address=channel.masked_url,
        public_url=channel.public_url,
        **channels.options_of_channel(session, channel.id).as_json(),
        topics=None if topics is None else [topic.slug for topic in topics],
        places=None if places is None else [place.slug for place in places],
        next_address=channel.next_masked_url or None,
        paused=paused.get(channel.id),
        paused_itself_at=channel.paused_at if channel.is_paused else None,
        created_at=channel.created_at,
    )


def version_of(session: Session, channel: Channel) -> str:
    """What changes when anything of a channel does that is shown."""
    return etag_of(body_of(session, channel))


def refused(error: ChannelError) -> Problem:
    """The field that is to be mended, by name."""
    errors = [{"field": error.field, "message": str(error)}]
    return Problem(422, "Unprocessable Content", str(error), errors=errors)


def body_of(session: Session, channel: Channel) -> dict[str, Any]:
    """A channel in JSON."""
    return shown(session, channel, channels.paused(session)).model_dump(mode="json")


def found_channel(session: Session, channel_id: int, *, lock: bool = False) -> Channel:
    """Raises Problem where there is none."""
    channel = channels.channel_of(session, channel_id, lock=lock)
    if channel is None:
        raise Problem(404, "Not Found", f"There is no channel {channel_id}.")
    return channel
