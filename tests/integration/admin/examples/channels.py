"""What staff do with channels."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from service.db import utcnow
from service.ledger import halts
from service.ledger.channel_pause import pause_itself
from service.models import Channel, Delivery, DeliveryState, HaltScope
from service.runtime import Runtime
from service.subscriptions.channel_tests import ask
from service.subscriptions.channels import add_channel
from tests.integration.admin.examples import Example

URL = "json://127.0.0.1:9/room"
NEW_URL = "json://127.0.0.1:9/room-new"


def one(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        channel = add_channel(
            session, runtime.vault, runtime.settings, name="Oda", url=URL, topic_slugs=[]
        )
    return {"channel_id": channel.id}


def paused(runtime: Runtime) -> dict[str, Any]:
    values = one(runtime)
    with runtime.db.write() as session:
        halts.pause(session, HaltScope.CHANNEL, values["channel_id"], "Bakım", None, utcnow())
    return values


def broken(runtime: Runtime) -> dict[str, Any]:
    values = one(runtime)
    with runtime.db.write() as session:
        channel = session.get_one(Channel, values["channel_id"])
        pause_itself(session, channel.id, channel.sealed_url, "404", utcnow())
    return values


def offered(runtime: Runtime) -> dict[str, Any]:
    """One with a new address, whose test was sent."""
    values = one(runtime)
    with runtime.db.write() as session:
        channel = session.get_one(Channel, values["channel_id"])
        channel.next_sealed_url = runtime.vault.encrypt(NEW_URL)
        channel.next_masked_url = "json://127.0.0.1/***"
        channel.next_test_id = ask(session, channel, "", is_of_next=True).notification_id
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT))
    return values


ANY = {"If-Match": "*"}
EXAMPLES = {
    "channels.add": Example("channel.add", {"name": "Oda", "url": URL, "topics": "all"}),
    "channels.change": Example(
        "channel.change",
        {"name": "Yeni oda", "topics": "all", "places": "konak", "version": "*"},
        one,
    ),
    "channels.remove": Example(
        "channel.remove", {"confirmed": "Oda", "reason": "Kapandı"}, prepare=one
    ),
    "admin_channels.add": Example("channel.add", {"name": "Oda", "url": URL}),
    "admin_channels.change": Example("channel.change", {"name": "Yeni oda"}, one, ANY),
    "admin_channels.remove": Example(
        "channel.remove", {"confirmed": "Oda", "reason": "Kapandı"}, one, ANY
    ),
    "admin_channels.test": Example("channel.test", prepare=one),
    "channels.test": Example("channel.test", prepare=one),
    "channels.pause": Example("channel.pause", {"reason": "Bakım"}, one),
    "channels.resume": Example("channel.resume", prepare=paused),
    "admin_channels.pause": Example("channel.pause", {"reason": "Bakım"}, one, ANY),
    "admin_channels.resume": Example("channel.resume", prepare=paused),
    "channels.try_again": Example("channel.try-again", prepare=broken),
    "admin_channels.try_again": Example("channel.try-again", prepare=broken),
    "channel_address.offer": Example("channel.offer", {"url": NEW_URL}, one),
    "channel_address.test": Example("channel.test", prepare=offered),
    "channel_address.swap": Example("channel.swap", prepare=offered),
    "channel_address.drop": Example("channel.drop", prepare=offered),
    "admin_channel_address.offer": Example("channel.offer", {"url": NEW_URL}, one, ANY),
    "admin_channel_address.test": Example("channel.test", prepare=offered),
    "admin_channel_address.swap": Example("channel.swap", {}, offered, ANY),
    "admin_channel_address.drop": Example("channel.drop", prepare=offered),
}
