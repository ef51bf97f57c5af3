"""Webhooks of developers: one signed POST an event, under a number that stays the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.lease import Lease, Row
from service.ledger.outcome import NUMBERED_LANES, Outcome
from service.messages.story import Story, tell
from service.messages.webhook_event import article_event, test_event
from service.models import (
    Article,
    ArticleState,
    DeliveryState,
    Notification,
    NotificationKind,
    WebhookKey,
)
from service.runtime import Runtime
from service.subscriptions.chat_schemes import PLAIN_WEBHOOK, WEBHOOK, WEBHOOKS
from service.subscriptions.webhook_keys import signatures
from service.subscriptions.webhook_replay import REPLAY
from workers.calls import Caller
from workers.chat.answers import words_of
from workers.chat.providers.provider import Receipt, receipt_of

KEYLESS = Outcome(DeliveryState.DEFERRED, "secret", "its signing secret has not been made yet")
GONE = Outcome(DeliveryState.CANCELLED, "withdrawn", "the article was withdrawn meanwhile")
MOVED = Outcome(DeliveryState.DEFERRED, "moved", "its address is of another kind by now", 1.0)
NO_LIST = Outcome(DeliveryState.SUPPRESSED, "moved", "a list is not told to a program")
NO_WEBHOOK = Outcome(DeliveryState.CANCELLED, "moved", "its address is no webhook any more")
_WEB = {WEBHOOK: "https", PLAIN_WEBHOOK: "http"}


class Webhooks:
    """Sends what a batch tells to the webhooks among its channels."""

    def __init__(self, runtime: Runtime, lease: Lease, caller: Caller) -> None:
        self._runtime, self._lease, self._caller = runtime, lease, caller
        self._keys: dict[int, WebhookKey] = {}
        self._event: dict[str, Any] = {}
        self._first_id = lease.notification_id  # of the event, also where it is repeated
        self._is_replay = self._is_gone = False

    def prepare(
        self, session: Session, notification: Notification, story: Story | None
    ) -> int | None:
        """Read the secrets and the event; returns the revision that a replay tells."""
        self._keys = {key.channel_id: key for key in session.scalars(select(WebhookKey))}
        for key in self._keys.values():
            session.expunge(key)
        original = notification
        if notification.payload.get("template") == REPLAY:
            original = session.get_one(Notification, int(notification.payload["of"]))
            self._is_replay, self._first_id = True, original.id
            story = tell(session, original)
        at = original.released_at or original.created_at
        if story is None:
            self._event = test_event(at)
            return None
        article = session.get_one(Article, story.article_id)
        is_withdrawal = story.kind == NotificationKind.WITHDRAWAL
        self._is_gone = article.state == ArticleState.WITHDRAWN and not is_withdrawal
        base_url = self._runtime.settings.public_url
        self._event = article_event(story, at, base_url, urgent=article.is_urgent)
        return story.revision_id if self._is_replay else None

    def elsewhere(self, scheme: str) -> Outcome | None:
        """What becomes of a delivery whose address is a chat's by now; null: it goes there.

        What has a number may be sent twice, another chat's message not: it waits for a batch of its
        own.
        """
        if self._is_replay:
            return NO_WEBHOOK
        was_numbered = self._lease.lane in NUMBERED_LANES
        return MOVED if was_numbered and scheme not in NUMBERED_LANES else None

    def send(self, row: Row, url: str, on_wire: Callable[[], None]) -> Receipt:
        """POST the event to one webhook."""
        key = self._keys.get(row["channel_id"])
        if key is None:
            return Receipt(KEYLESS)
        if self._is_replay and self._is_gone:
            return Receipt(GONE)
        if "letter" in row:  # it was planned for the chat whose address this was
            return Receipt(NO_LIST)
        body = orjson.dumps(self._event)
        number = f"{self._first_id}-{row['destination_id']}"
        on_wire()
        headers = signatures(self._runtime.vault, key, number, body, utcnow())
        scheme, _, rest = url.partition("://")
        began = time.monotonic()
        reply = self._caller.call(
            "POST",
            f"{_WEB[scheme]}://{rest}",
            headers={**headers, "Content-Type": "application/json"},
            body=body,
        )
        took_s = round(time.monotonic() - began, 3)
        return Receipt(replace(receipt_of(reply).outcome, took_s=took_s), said=words_of(reply.body))


def is_webhook(url: str) -> bool:
    """Whether a stored address is a developer's."""
    return url.partition("://")[0] in WEBHOOKS
