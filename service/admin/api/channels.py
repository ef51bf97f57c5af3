"""Channels for programs: list, read, test, pause, resume. A stored URL is never shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin.api.documented import described
from service.admin.api.entering import me, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.ledger import halts
from service.ledger.hold import free_held
from service.models import Channel, HaltScope
from service.pages import runtime
from service.problems import Problem
from service.subscriptions import channels

api = APIBlueprint("admin_channels", __name__, url_prefix="/v1/admin/channels", tag="Channels")


class ChannelOut(BaseModel):
    """A public chat room or webhook of the city."""

    id: int
    name: str
    address: str = Field(description="Masked: the stored address is never shown.")
    public_url: str
    paused: str | None = Field(description="Why it is paused; null where it is not.")
    created_at: datetime


class PauseIn(BaseModel):
    """Why nothing more is sent there."""

    reason: str = Field(min_length=1, max_length=200)


@api.get("")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List channels", Page[ChannelOut]))
def list_channels(page: PageQuery) -> dict[str, Any]:
    """Oldest first."""
    (after,) = key_of(page.after, int) or (0,)
    query = select(Channel).where(Channel.id > after).order_by(Channel.id).limit(page.limit + 1)
    with runtime().db.read() as session:
        found = session.scalars(query).all()
        paused = channels.paused(session)
    shown = found[: page.limit]
    last = cursor(shown[-1].id) if len(found) > page.limit else None
    items = [_shown(channel, paused) for channel in shown]
    return Page[ChannelOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:channel_id>")
@needs(Power.SEE)
@api.doc(**described("Read a channel", ChannelOut, 404))
def show(channel_id: int) -> Response:
    with runtime().db.read() as session:
        shown = _found(session, channel_id)
    body = shown.model_dump(mode="json")
    return with_etag(jsonify(body), etag_of(body))


@api.post("/<int:channel_id>/pause")
@needs(Power.CHANNELS)
@api.input(PauseIn, arg_name="wanted")
@api.doc(**described("Pause a channel", ChannelOut, 404, 412, 428))
def pause(channel_id: int, wanted: PauseIn) -> dict[str, Any]:
    """What is unsent waits. A second pause changes nothing."""
    with runtime().db.write() as session:
        require_match(etag_of(_found(session, channel_id).model_dump(mode="json")))
        who, now = me().staff_id, utcnow()
        if halts.pause(session, HaltScope.CHANNEL, channel_id, wanted.reason, who, now):
            record(session, "channel.pause", channel_id, reason=wanted.reason)
        return _found(session, channel_id).model_dump(mode="json")


@api.post("/<int:channel_id>/resume")
@needs(Power.CHANNELS)
@api.doc(**described("Resume a channel", ChannelOut, 404))
def resume(channel_id: int) -> dict[str, Any]:
    """What waited is sent; nothing that was sent is sent again."""
    with runtime().db.write() as session:
        _found(session, channel_id)
        if halts.resume(session, HaltScope.CHANNEL, channel_id, utcnow()):
            record(session, "channel.resume", channel_id)
        shown = _found(session, channel_id)
    free_held(runtime().db, runtime().doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    return shown.model_dump(mode="json")


def _found(session: Session, channel_id: int) -> ChannelOut:
    channel = session.get(Channel, channel_id)
    if channel is None:
        raise Problem(404, "Not Found", f"There is no channel {channel_id}.")
    return _shown(channel, channels.paused(session))


def _shown(channel: Channel, paused: dict[int, str]) -> ChannelOut:
    return ChannelOut(
        id=channel.id,
        name=channel.name,
        address=channel.masked_url,
        public_url=channel.public_url,
        paused=paused.get(channel.id),
        created_at=channel.created_at,
    )
