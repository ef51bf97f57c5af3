"""A city with channels, through the whole ledger: plan, batches, the worker's function, settled."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select, update

from service.db import utcnow
from service.models import (
    Batch,
    BatchState,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    Subscription,
)
from service.runtime import Runtime
from tests.bench.ledger.scene import one_scene
from tests.integration.town import Town
from workers.chat import send_chat_batch
from workers.plan import plan_notification


class City:
    """One set of channels at a time."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self._town = runtime, Town(runtime)
        self._count, self._numbers = 0, itertools.count(1)

    def has(self, urls: Sequence[str]) -> None:
        """These channels, and no others."""
        now, topic = utcnow(), self._town.topic()
        with self.runtime.db.write() as session:
            session.execute(update(Subscription).values(ended_at=now))
            channels = [
                Channel(
                    name=f"Kanal {next(self._numbers)}",
                    scheme=url.partition(":")[0],
                    sealed_url=self.runtime.vault.encrypt(url),
                    masked_url="***",
                )
                for url in urls
            ]
            session.add_all(channels)
            session.flush()
            rooms = [
                Destination(
                    kind="chat",
                    channel_id=channel.id,
                    address_hash=f"bench{channel.id}",
                    lane=channel.scheme,
                    verified_at=now,
                )
                for channel in channels
            ]
            session.add_all(rooms)
            session.flush()
            session.add_all(
                Subscription(destination_id=room.id, topic_id=topic, frequency="instant")
                for room in rooms
            )
        self._count = len(urls)

    def news(self) -> int:
        """A released notification of a new article."""
        return self._town.notification(self._town.article())

    def plan(self, notification: int) -> list[int]:
        plan_notification(self.runtime, notification)
        return self._town.batches(notification)

    def ready(self) -> list[int]:
        """Batches that are due."""
        due = select(Batch.id).where(Batch.state == BatchState.READY, Batch.due_at <= utcnow())
        with self.runtime.db.read() as session:
            return list(session.scalars(due))

    def tell(self) -> float:
        """Seconds from the plan of an article to its last settled delivery."""
        notification = self.news()
        began = time.perf_counter()
        for batch in self.plan(notification):
            send_chat_batch(self.runtime, batch)
        took = time.perf_counter() - began
        states = self.states(notification)
        assert states[DeliveryState.SENT] >= self._count - 1, states
        return took

    def states(self, notification: int) -> Counter[int]:
        with self.runtime.db.read() as session:
            counted = select(Delivery.state, func.count()).group_by(Delivery.state)
            found = session.execute(counted.where(Delivery.notification_id == notification)).all()
        return Counter({row.state: row[1] for row in found})

    def rss_mb(self) -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@contextmanager
def city(**settings: object) -> Iterator[City]:
    """On SQLite, with a real Redis; its channels may stand on this machine."""
    with one_scene((1,)) as scene:
        changed = {"allow_private_hosts": ("127.0.0.1",), **settings}
        runtime = Runtime.start(scene.runtime.settings.model_copy(update=changed))
        try:
            yield City(runtime)
        finally:
            runtime.close()
