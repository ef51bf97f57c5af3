"""Asking a callback whether it wants what somebody asked for it (W3C WebSub, 5.3 and 5.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from service.db import utcnow
from service.feeds.hub_subscriptions import confirm, decline
from service.ledger.lease import Row
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.models import DeliveryState, HubMode, WebsubRequest, WebsubSubscription
from service.runtime import Runtime
from workers.calls import Caller, Reply
from workers.websub.calls import with_query, words_of
from workers.websub.press import Press

log = get_logger(__name__)

TRIES = 3  # a stranger who was never heard of is asked no more often
AGAIN_S = (15.0, 120.0)
OVER = Outcome(DeliveryState.CANCELLED, "over", "the request was answered before")


class Verifier:
    """Brings one request, or one refusal, to its callback."""

    def __init__(self, runtime: Runtime, press: Press, caller: Caller) -> None:
        self._runtime, self._press, self._caller = runtime, press, caller

    def verify(self, row: Row, request_id: int, on_wire: Callable[[], None]) -> Outcome:
        """Ask a callback with a challenge of this try alone; what it confirms is done."""
        with self._runtime.db.read() as session:
            request = session.get(WebsubRequest, request_id)
            found = session.get(WebsubSubscription, row["destination_id"])
        if request is None or found is None or request.settled_at is not None:
            return OVER
        feed = self._press.find(found.topic)
        if feed is None and request.mode == HubMode.SUBSCRIBE:
            self._decline(request_id, "topic gone")
            return self.deny(row, "The topic is gone.", on_wire)
        challenge = secrets.token_urlsafe(32)
        asked = {
            "hub.mode": str(request.mode),
            "hub.topic": self._topic(found),
            "hub.challenge": challenge,
        }
        if request.mode == HubMode.SUBSCRIBE:
            asked["hub.lease_seconds"] = str(request.lease_s)
        reply = self._ask(found, asked, on_wire)
        if reply.is_ok and secrets.compare_digest(reply.body, challenge.encode()):
            with self._runtime.db.write() as session:
                confirm(session, request_id, feed.pairs if feed else (), utcnow())
            log.info("hub request confirmed", mode=str(request.mode), host=found.host)
            words = f"the callback confirmed to {request.mode}"
            return Outcome(DeliveryState.SENT, reply.code, words)
        if reply.is_passing and row["attempts"] + 1 < TRIES:
            return _again(reply, row["attempts"])
        words = "another text than the challenge came back" if reply.is_ok else words_of(reply)
        self._decline(request_id, words)
        return Outcome(DeliveryState.REJECTED, reply.code, words)

    def deny(self, row: Row, reason: str, on_wire: Callable[[], None]) -> Outcome:
        """Tell a callback that it gets nothing (any more); what it answers changes nothing."""
        with self._runtime.db.read() as session:
            found = session.get(WebsubSubscription, row["destination_id"])
        if found is None:
            return OVER
        told = {"hub.mode": "denied", "hub.topic": self._topic(found), "hub.reason": reason}
        reply = self._ask(found, told, on_wire)
        if reply.is_ok:
            return Outcome(DeliveryState.SENT, reply.code, "the callback heard that it is denied")
        if reply.is_passing and row["attempts"] + 1 < TRIES:
            return _again(reply, row["attempts"])
        return Outcome(DeliveryState.REJECTED, reply.code, words_of(reply))

    def _ask(
        self, found: WebsubSubscription, parameters: dict[str, str], on_wire: Callable[[], None]
    ) -> Reply:
        callback = self._runtime.vault.decrypt(found.sealed_callback)
        on_wire()
        return self._caller.call("GET", with_query(callback, parameters))

    def _topic(self, found: WebsubSubscription) -> str:
        return f"{self._press.publisher.base_url}/feeds/{found.topic}.{found.format}"

    def _decline(self, request_id: int, words: str) -> None:
        with self._runtime.db.write() as session:
            decline(session, request_id, words, utcnow())


def _again(reply: Reply, attempts: int) -> Outcome:
    wait_s = max(AGAIN_S[min(attempts, len(AGAIN_S) - 1)], reply.retry_after_s or 0.0)
    return Outcome(DeliveryState.DEFERRED, reply.code or "timeout", words_of(reply), wait_s)
