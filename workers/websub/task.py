"""Sends a batch of our hub's calls: questions, refusals, pushes, and news to other hubs.

A batch is of one host. Few batches call at a time, and fewer of one host or of strangers, so that
chat, which has its threads in the same worker, and other hosts wait for no slow one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db import utcnow
from service.feeds.hub_subscriptions import DENIED, VERIFY, has_taken
from service.ledger.lease import Lease, Row
from service.ledger.outcome import Outcome
from service.models import Batch, BatchState, DeliveryState, DestinationKind, Notification
from service.runtime import Runtime
from workers.calls import Caller
from workers.courier import Courier, PeerAwayError
from workers.deliver import deliver_batch
from workers.one_by_one import OneByOne
from workers.websub.places import Places
from workers.websub.press import press_of
from workers.websub.pushing import Pusher
from workers.websub.verifying import Verifier

OF_A_HOST = 2  # batches of all processes
BUSY_S = 1.0
SLOW_S = 30.0  # how long a host is left alone that let us wait in vain
UNKNOWN_KIND = Outcome(DeliveryState.CANCELLED, "kind", "no call of the hub is of this kind")

_places = Places()


class HubSender(OneByOne):
    """Makes the calls of one batch, all of one kind and to one host."""

    def __init__(self, runtime: Runtime, lease: Lease) -> None:
        self._runtime, self._lease = runtime, lease
        press, settings = press_of(runtime), runtime.settings
        caller = Caller(settings, settings.websub_private_hosts)
        outside = Caller(settings, settings.allow_private_hosts)
        self._callers = (caller, outside)
        self._verifier = Verifier(runtime, press, caller)
        self._pusher = Pusher(runtime, press, caller, outside)
        self._payload: dict[str, Any] = {}

    def prepare(self, session: Session) -> int | None:
        notification = session.get_one(Notification, self._lease.notification_id)
        self._payload = notification.payload
        return None

    def send_all(self, courier: Courier) -> None:
        host, is_known = self._host()
        with _places.one(host, is_known) as has_place:
            if not has_place:
                raise PeerAwayError("as many calls as may be are under way", BUSY_S)
            if self._is_crowded():
                raise PeerAwayError("its host is being called by others", BUSY_S)
            try:
                super().send_all(courier)
            finally:
                _places.note(host, max(one.slowest_s for one in self._callers))

    def send(self, row: Row, on_wire: Callable[[], None]) -> Outcome:
        if self._pusher.is_slow:
            raise PeerAwayError("its host does not answer", SLOW_S)
        template = self._payload.get("template")
        if template == VERIFY:
            return self._verifier.verify(row, int(self._payload["request"]), on_wire)
        if template == DENIED:
            return self._verifier.deny(row, str(self._payload["reason"]), on_wire)
        if "seq" in self._payload:
            return self._pusher.push(row, int(self._payload["seq"]), on_wire)
        return UNKNOWN_KIND

    def close(self) -> None:
        """Every call hangs up by itself."""

    def _host(self) -> tuple[str, bool]:
        """Whom the batch calls, as its lane, and whether any of its subscribers took a push."""
        with self._runtime.db.read() as session:
            lane = session.get_one(Batch, self._lease.batch_id).lane
            return lane, has_taken(session, lane)

    def _is_crowded(self) -> bool:
        """Whether enough batches of this host were begun before this one."""
        with self._runtime.db.read() as session:
            lane = select(Batch.lane).where(Batch.id == self._lease.batch_id).scalar_subquery()
            before = session.scalar(
                select(func.count())
                .select_from(Batch)
                .where(Batch.state == BatchState.LEASED, Batch.due_at > utcnow())
                .where(Batch.kind == DestinationKind.WEBSUB, Batch.lane == lane)
                .where(Batch.id < self._lease.batch_id)
            )
        return (before or 0) >= OF_A_HOST


def send_websub_batch(runtime: Runtime, batch_id: int) -> None:
    """Make every call of a batch that is due."""
    deliver_batch(runtime, batch_id, HubSender)
