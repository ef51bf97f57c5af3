"""Pushing a feed to its subscribers, and telling other hubs which feeds have changed.

A push brings the whole feed as it is by then. So of a burst of changes whoever has been pushed a
later document needs no other: its delivery is settled by that, and nothing leaves for it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from service.db import utcnow
from service.feeds.formats import Format
from service.feeds.hub_outside import addresses, changed_feeds
from service.feeds.hub_subscriptions import deny, end
from service.ledger.batches import ring_batch
from service.ledger.lease import Row
from service.ledger.outcome import CLOSED, Outcome, backoff
from service.ledger.policy import Policy
from service.logs import get_logger
from service.models import DeliveryState, WebsubEnd, WebsubSubscription
from service.runtime import Runtime
from workers.calls import TOTAL_S, Caller, Reply
from workers.websub.calls import outcome_of
from workers.websub.press import Press, Printed

log = get_logger(__name__)

TURN = timedelta(seconds=2 * TOTAL_S)  # longer than any push takes
TURN_WAIT_S = 2.0
NEARLY = 0.9  # of a wait: what rests is over when the delivery itself is due
MOST_FAILURES = 1_000
ENDED = Outcome(DeliveryState.SUPPRESSED, "ended", "it is not subscribed any more")
HAS_IT = Outcome(DeliveryState.SENT, "", "a later document had been pushed before")


class Pusher:
    """Pushes to one subscriber at a time, and to each of them in turn."""

    def __init__(self, runtime: Runtime, press: Press, caller: Caller, outside: Caller) -> None:
        """`outside`: calls the hubs that the operator named, and no stranger."""
        self._runtime, self._press = runtime, press
        self._caller, self._outside = caller, outside
        self._policy = Policy.of(runtime.settings)
        self.is_slow = False  # somebody of this host let us wait in vain

    def push(self, row: Row, seq: int, on_wire: Callable[[], None]) -> Outcome:
        """Push the feed to a subscriber, unless it has a document of change `seq` or later."""
        destination_id = row["destination_id"]
        turn = utcnow() + TURN
        found = self._take_turn(destination_id, seq, turn)
        if isinstance(found, Outcome):
            return found
        try:
            if found.is_outside:
                reply, told = self._ping(found, on_wire)
                return self._settled(found, turn, reply, told)
            printed = self._press.print(found.topic, Format(found.format))
            if printed is None:
                self._end(destination_id, WebsubEnd.TOPIC, "The topic is gone.")
                return ENDED
            callback = self._runtime.vault.decrypt(found.sealed_callback)
            headers = self._headers(found, printed)
            on_wire()
            reply = self._caller.call("POST", callback, headers=headers, body=printed.body)
            return self._settled(found, turn, reply, printed.seq)
        finally:
            self._end_turn(destination_id, turn)

    def _take_turn(
        self, destination_id: int, seq: int, turn: datetime
    ) -> WebsubSubscription | Outcome:
        """The subscription, which is nobody else's to push to now; or why it is not pushed to."""
        now = utcnow()
        with self._runtime.db.write(is_durable=False) as session:
            found = session.get(WebsubSubscription, destination_id, with_for_update=True)
            if found is None or found.ended_at is not None:
                return ENDED
            if found.pushed_seq >= seq:
                return HAS_IT
            if found.turn_until is not None and found.turn_until > now:
                return _later(TURN_WAIT_S)
            if found.rest_until is not None and found.rest_until > now:
                return _later((found.rest_until - now).total_seconds())
            found.turn_until = turn
        return found

    def _headers(self, found: WebsubSubscription, printed: Printed) -> dict[str, str]:
        hub_url = self._press.publisher.hub_url
        headers = {
            "Content-Type": printed.content_type,
            "Link": f'<{hub_url}>; rel="hub", <{printed.url}>; rel="self"',
        }
        if found.sealed_secret:
            secret = self._runtime.vault.decrypt(found.sealed_secret).encode()
            signature = hmac.new(secret, printed.body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={signature}"
        return headers

    def _ping(self, found: WebsubSubscription, on_wire: Callable[[], None]) -> tuple[Reply, int]:
        """Tell another hub each feed that has changed since it was told; stops where it fails."""
        url = self._runtime.vault.decrypt(found.sealed_callback)
        state = self._press.state()
        changed = changed_feeds(state, found.pushed_seq)
        on_wire()
        reply = Reply(204, was_sent=True)
        for topic in addresses(self._press.publisher.base_url, changed):
            form = {"hub.mode": "publish", "hub.url": topic, "hub.topic": topic}
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            reply = self._outside.call("POST", url, headers=headers, body=urlencode(form).encode())
            if not reply.is_ok:
                break
        return reply, state.seq

    def _settled(
        self, found: WebsubSubscription, turn: datetime, reply: Reply, seq: int
    ) -> Outcome:
        outcome, now = outcome_of(reply), utcnow()
        self.is_slow = reply.status is None and not reply.is_blocked
        if reply.status == 410 and not found.is_outside:
            self._end(found.destination_id, WebsubEnd.GONE)
            return Outcome(DeliveryState.REJECTED, reply.code, "the callback says that it is gone")
        values: dict[str, Any] = {"tried_at": now, "last_answer": reply.code or "no answer"}
        if reply.is_ok:
            values |= {"pushed_seq": seq, "failures": 0, "rest_until": None}
        else:
            failures = min(found.failures + 1, MOST_FAILURES)
            values |= {"failures": failures, "rest_until": now + self._rest(outcome, failures)}
        with suppress(SQLAlchemyError):  # the answer counts more; the next push notes it again
            self._note(found.destination_id, turn, values)
        return outcome

    def _rest(self, outcome: Outcome, failures: int) -> timedelta:
        """How long nothing else is tried either: until the delivery that failed is due again."""
        is_first_doubt = outcome.state == DeliveryState.UNKNOWN and failures == 1
        asked_s = self._policy.unknown_delay_s if is_first_doubt else outcome.retry_after_s
        return NEARLY * backoff(self._policy, failures, asked_s)

    def _end_turn(self, destination_id: int, turn: datetime) -> None:
        with suppress(SQLAlchemyError):  # it ends by itself
            self._note(destination_id, turn, {"turn_until": None})

    def _note(self, destination_id: int, turn: datetime, values: dict[str, Any]) -> None:
        """Of whose turn it still is."""
        with self._runtime.db.write(is_durable=False) as session:
            session.execute(
                update(WebsubSubscription)
                .where(WebsubSubscription.destination_id == destination_id)
                .where(WebsubSubscription.turn_until == turn)
                .values(**values)
            )

    def _end(self, destination_id: int, reason: WebsubEnd, told: str = "") -> None:
        with self._runtime.db.write() as session:
            is_ended = end(session, destination_id, reason, utcnow())
            batch = deny(session, destination_id, told) if is_ended and told else None
        if batch is not None:
            ring_batch(self._runtime.doorbell, batch)
        if is_ended:
            log.info("hub subscription ended", destination_id=destination_id, reason=str(reason))


def _later(wait_s: float) -> Outcome:
    return Outcome(DeliveryState.DEFERRED, CLOSED, retry_after_s=wait_s)
