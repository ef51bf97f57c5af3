"""What staff do with channels."""

from __future__ import annotations

from typing import Any

from service.db import utcnow
from service.ledger import halts
from service.models import HaltScope
from service.runtime import Runtime
from service.subscriptions.channels import add_channel
from tests.integration.admin.examples import Example

URL = "json://127.0.0.1:9/room"


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
}
