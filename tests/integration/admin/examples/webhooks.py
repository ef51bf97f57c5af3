"""What staff do with webhooks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from service.db import utcnow
from service.models import Delivery, DeliveryState, WebhookKey
from service.runtime import Runtime
from service.subscriptions.channels import add_channel
from tests.integration.admin.examples import Example
from tests.integration.town import Town

URL = "http://127.0.0.1:9/hook"


def one(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        channel = add_channel(
            session, runtime.vault, runtime.settings, name="Kanca", url=URL, topic_slugs=[]
        )
    return {"channel_id": channel.id}


def told(runtime: Runtime) -> dict[str, Any]:
    """A webhook that has a secret and was sent an article."""
    values = one(runtime)
    Town(runtime).planned()
    with runtime.db.write() as session:
        sealed = runtime.vault.encrypt("whsec_" + "A" * 32)
        session.add(WebhookKey(channel_id=values["channel_id"], sealed=sealed))
        for row in session.scalars(select(Delivery)):
            row.state, row.settled_at, row.batch_id = DeliveryState.SENT, utcnow(), None
    return values


ANY = {"If-Match": "*"}
EXAMPLES = {
    "webhooks.make_secret": Example("channel.secret", {"version": "*"}, one),
    "webhooks.send_again": Example("channel.replay", {"since": "2026-01-31"}, told),
    "admin_webhooks.make_secret": Example("channel.secret", prepare=one, headers=ANY),
    "admin_webhooks.send_again": Example("channel.replay", {"since": "2026-01-31T00:00:00Z"}, told),
}
