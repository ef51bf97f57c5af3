"""Another address for a channel, by program: offered, tested, and put in place of the old one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, jsonify
from sqlalchemy.orm import Session

from service.admin.api.channel_models import AddressIn, ChannelOut, TestOut
from service.admin.api.channels import body_of, found_channel, refused, tested
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.batches import ring_batch
from service.ledger.hold import free_held
from service.models import Batch, Channel, HaltScope
from service.pages import runtime
from service.problems import Problem
from service.subscriptions import channel_swap
from service.subscriptions.channel_tests import test_of_next
from service.subscriptions.channels import ChannelError

ROOT = "/v1/admin/channels/<int:channel_id>/address"
api = APIBlueprint("admin_channel_address", __name__, url_prefix=ROOT, tag="Channels")


@api.post("")
@needs(Power.CHANNELS)
@api.input(AddressIn, arg_name="wanted")
@api.doc(**described("Offer another address", TestOut, 404, 412, 428, status=202))
def offer(channel_id: int, wanted: AddressIn) -> tuple[dict[str, Any], int]:
    """It is kept beside the old one, which stays in use, and a test is sent there."""
    held = runtime()

    def act(session: Session, channel: Channel) -> Batch:
        require_match(etag_of(body_of(session, channel)))
        asked = (session, held.vault, held.settings, me(), channel, wanted.url)
        return channel_swap.offer(*asked, g.get("request_id", ""))

    return _asked(channel_id, act)


@api.post("/test")
@needs(Power.CHANNELS)
@api.doc(**described("Test the address that is to follow", TestOut, 404, status=202))
def test(channel_id: int) -> tuple[dict[str, Any], int]:
    """Ask for the answer with GET."""

    def act(session: Session, channel: Channel) -> Batch:
        asked = (session, runtime().vault, me(), channel)
        return channel_swap.test_next(*asked, g.get("request_id", ""))

    return _asked(channel_id, act)


@api.get("/test")
@needs(Power.SEE)
@api.doc(**described("Read the answer to that test", TestOut, 404))
def last(channel_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        found = test_of_next(session, found_channel(session, channel_id))
    if found is None:
        raise Problem(404, "Not Found", f"Channel {channel_id} has no address to follow.")
    return tested(found)


@api.post("/swap")
@needs(Power.CHANNELS)
@api.doc(**described("Use the tested address", ChannelOut, 404, 412, 428, *VERSIONED))
def swap(channel_id: int) -> Response:
    """Only after its test was sent: what waits goes there, and the old address is forgotten."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found_channel(session, channel_id, lock=True)
            require_match(etag_of(body_of(session, channel)))
            asked = (session, held.vault, held.settings, me(), channel)
            channel_swap.swap(*asked, utcnow())
            session.flush()
            body = body_of(session, channel)
    except ChannelError as error:
        raise refused(error) from None
    free_held(held.db, held.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    return with_etag(jsonify(body), etag_of(body))


@api.delete("")
@needs(Power.CHANNELS)
@api.doc(**described("Drop the address that is to follow", ChannelOut, 404))
def drop(channel_id: int) -> dict[str, Any]:
    """The old one stays. A second time changes nothing."""
    with runtime().db.write() as session:
        channel = found_channel(session, channel_id, lock=True)
        channel_swap.drop(session, runtime().vault, me(), channel)
        return body_of(session, channel)


def _asked(channel_id: int, act: Callable[[Session, Channel], Batch]) -> tuple[dict[str, Any], int]:
    """Do what queues a test, ring for it, and answer with its state."""
    try:
        with runtime().db.write() as session:
            batch = act(session, found_channel(session, channel_id, lock=True))
    except ChannelError as error:
        raise refused(error) from None
    ring_batch(runtime().doorbell, batch)
    return last(channel_id), 202
