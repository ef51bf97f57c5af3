"""A small world for the state machine: the real ledger, driven step by step by one thread.

Hosts, workers and the peer are made up; a clock of our own stands behind every clock of Tellal. The
book says what left and what is known of it, and complains where a promise is broken.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

import service.db
from service.db import Base
from service.ledger import lease as leases
from service.ledger.claim import claim
from service.ledger.journal import Journal, JournalError
from service.ledger.layout import Shares
from service.ledger.lease import LeaseLost, finish, postpone
from service.ledger.outcome import Outcome
from service.ledger.plan import Overtaken, begin_planning, plan_range
from service.ledger.policy import Policy
from service.ledger.publish import withdraw
from service.ledger.sweep import close_finished, due_deferrals, replay_journals
from service.models import (
    Article,
    Batch,
    BatchState,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    Notification,
    NotificationState,
    Subscription,
)
from service.runtime import Runtime
from tests.integration.ledger.ranges import in_ranges_of
from tests.integration.town import Town
from workers.courier import Courier, PeerAwayError
from workers.one_by_one import send_next
from workers.parcel import FRESH_S
from workers.settling import Settler

HOSTS = ("ada", "bora")
OPEN, KNOWN, DOUBT, PUT_OFF = "on the wire", "answered", "in doubt", "put off"
SETTLED = {
    DeliveryState.SENT: set(),
    DeliveryState.REJECTED: set(),
    DeliveryState.SUPPRESSED: set(),
    DeliveryState.CANCELLED: set(),
    DeliveryState.UNKNOWN: {DeliveryState.SENT, DeliveryState.REJECTED},
}
KEPT = {"topic", "place", "feed_clock"}


class Died(BaseException):
    """kill -9: nothing catches it."""


@dataclass
class Plan:
    """What the peer does with one delivery, and what happens elsewhere meanwhile."""

    fate: str = "accept"
    before: Callable[[], None] = lambda: None
    at_line: Callable[[], None] = lambda: None
    on_wire: Callable[[], None] = lambda: None


@dataclass
class Letter:
    """One that left."""

    batch_id: int
    status: str = OPEN
    was_accepted: bool = False


@dataclass
class Book:
    """What left to whom, in order, and since when somebody may not be told any more."""

    letters: dict[int, list[Letter]] = field(default_factory=lambda: defaultdict(list))
    assumed: set[int] = field(default_factory=set)  # unknown because a host was lost
    ended: dict[int, float] = field(default_factory=dict)
    ever_ended: set[int] = field(default_factory=set)
    stopped: float | None = None

    def leave(self, reader: int, kind: str, batch_id: int, now: float, resends: int) -> Letter:
        """Write down what leaves; it must be allowed to."""
        before = self.letters[reader]
        doubts = [one for one in before if one.status == DOUBT]
        assert all(one.status in (DOUBT, PUT_OFF) for one in before), (reader, before)
        assert len(doubts) <= (resends if kind == DestinationKind.EMAIL else 0), (reader, before)
        for since in (self.ended.get(reader), self.stopped):
            assert since is None or now - since <= FRESH_S, f"{reader} is told after the end"
        letter = Letter(batch_id)
        before.append(letter)
        return letter


class FlakyDatabase:
    """The database of one worker; `fails` once: before the commit, or after it."""

    def __init__(self, db: Any) -> None:
        self._db, self.fails = db, ""

    @contextmanager
    def write(self) -> Iterator[Any]:
        fails, self.fails = self.fails, ""
        if fails == "before":
            raise OperationalError("", None, Exception("gone"))
        with self._db.write() as session:
            yield session
        if fails == "after":
            raise OperationalError("", None, Exception("gone"))

    def read(self) -> Any:
        return self._db.read()


class Alone(Settler):
    """Settles when there is no room, as no other thread does it."""

    def wait_for_room(self) -> None:
        if self.is_full or self.is_stalled:
            self.settle()
        super().wait_for_room()


class Paper(Journal):
    """A journal on a disk that may be full, of a worker that may be stopped after a line."""

    is_full = False
    at_line: Callable[[], None] = staticmethod(lambda: None)

    def _write(self, *line: object) -> None:
        if self.is_full:
            raise JournalError("no space left")
        super()._write(*line)

    def wire(self, destination_id: int) -> None:
        super().wire(destination_id)
        self.at_line()


class Worker:
    """One claimed batch; also the sender that it uses."""

    def __init__(self, world: World, host: str, lease: leases.Lease) -> None:
        self.world, self.host, self.lease = world, host, lease
        self.db = FlakyDatabase(world.runtime.db)
        self.journal = Paper(world.folder(host), lease.token, lease.batch_id)
        self.settler = Alone(self.db, lease)
        self.courier = Courier(world.runtime.db, lease, self.journal, self.settler, self)
        self._plan = Plan()
        self.is_at_work = True

    def prepare(self, session: Any) -> int:
        notification = session.get_one(Notification, self.lease.notification_id)
        return session.get_one(Article, notification.article_id).shown_revision_id

    def send(self, row: Any, on_wire: Callable[[], None]) -> Outcome:
        plan, reader = self._plan, row["destination_id"]
        self.world.current = reader
        plan.before()
        if plan.fate == "die early":
            raise Died
        if plan.fate == "away":
            raise PeerAwayError("gone")
        self.journal.at_line = lambda: self._stand_still(reader, plan.at_line)
        on_wire()
        world = self.world
        letter = world.book.leave(
            reader, self.lease.kind, self.lease.batch_id, world.now, world.policy.unknown_resends
        )
        self._letter = letter
        letter.was_accepted = plan.fate in ("accept", "die", "lost", "break")
        plan.on_wire()
        if plan.fate == "die":
            raise Died
        if plan.fate == "break":
            raise ValueError("broken on the wire")
        return {
            "accept": Outcome(DeliveryState.SENT, "2.0.0"),
            "refuse": Outcome(DeliveryState.REJECTED, "5.1.1"),
            "defer": Outcome(DeliveryState.DEFERRED, "4.2.0"),
            "lost": Outcome(DeliveryState.UNKNOWN),
        }[plan.fate]

    def close(self) -> None:
        pass

    def _stand_still(self, reader: int, meanwhile: Callable[[], None]) -> None:
        """The line is written, and nothing has left: who looks now cannot tell."""
        self.world.at_line.add(reader)
        meanwhile()
        self.world.at_line.discard(reader)

    def step(self, plan: Plan) -> None:
        """One delivery, and what `workers.deliver` does when something ends there."""
        self._plan, self._letter = plan, None
        wait_s = None
        status = DOUBT
        try:
            is_more = send_next(self.courier, self.send)
            known = {"defer": PUT_OFF, "accept": KNOWN, "refuse": KNOWN}
            status = known.get(plan.fate, DOUBT)
            if is_more:
                return
        except (PeerAwayError, JournalError):
            wait_s = self.world.policy.peer_wait_s
        except Died:
            self.die()
            return
        except LeaseLost:
            self.die()
            return
        finally:
            if self._letter is not None and self._letter.status == OPEN:
                self._letter.status = status
        self._end(wait_s)

    def _end(self, wait_s: float | None) -> None:
        try:
            self.settler.drain()
        except LeaseLost:
            self.die()
            return
        with self.db.write() as session:
            if wait_s is None:
                finish(session, self.lease, self.world.utcnow())
            else:
                postpone(session, self.lease, self.world.utcnow() + timedelta(seconds=wait_s))
        self.journal.close()
        self.is_at_work = False

    def run(self) -> None:
        """To the end of the batch, with a peer that takes everything."""
        while self.is_at_work:
            self.step(Plan())

    def die(self) -> None:
        """Its file is closed, as the kernel does it."""
        self.journal.abandon()
        self.is_at_work = False


class World:
    """One article, some readers, two hosts."""

    def __init__(self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runtime, self.town = runtime, Town(runtime)
        self.policy = Policy()
        self.now, self._began = 0.0, datetime.now(UTC)
        self._host = HOSTS[0]
        monkeypatch.setattr("socket.gethostname", lambda: self._host)
        monkeypatch.setattr("workers.courier.time.monotonic", lambda: self.now)
        for real, ours in ((service.db.utcnow, self.utcnow), (leases.boot_clock, self.boot_clock)):
            for name, module in list(sys.modules.items()):
                if name.partition(".")[0] in ("service", "workers", "tests"):
                    for attribute in ("utcnow", "boot_clock"):
                        if getattr(module, attribute, None) is real:
                            monkeypatch.setattr(module, attribute, ours)
        # Small, so that few readers make several of each.
        in_ranges_of(5, monkeypatch)
        monkeypatch.setattr("service.ledger.batches.BATCH_SIZE", 5)
        monkeypatch.setattr("workers.courier.SLICE", 2)
        monkeypatch.setattr(leases, "WINDOW", dict.fromkeys(DestinationKind, 2))

    def utcnow(self) -> datetime:
        return self._began + timedelta(seconds=self.now)

    def boot_clock(self) -> float:
        return self.now

    def folder(self, host: str) -> Path:
        return self.runtime.settings.var_dir / host

    def begin(self, emails: int, channels: int, resends: int) -> None:
        """A new world on the same database."""
        self.now, self._began = 0.0, datetime.now(UTC)
        self.policy = Policy(unknown_resends=resends)
        self.book, self.workers, self.states = Book(), [], {}
        self.at_line: set[int] = set()
        self.current: int | None = None  # whose delivery was begun last
        for path in self.runtime.settings.var_dir.glob("*/*.journal"):
            path.unlink()
        with self.runtime.db.write() as session:
            session.execute(update(Article).values(revision_id=None, shown_revision_id=None))
            for table in reversed(Base.metadata.sorted_tables):
                if table.name not in KEPT:
                    session.execute(delete(table))
        self.readers = [self.town.reader() for _ in range(emails)]
        self.readers += [self.town.channel(f"json://127.0.0.1:1/{n}") for n in range(channels)]
        self.article = self.town.article()
        self.notification = self.town.notification(self.article)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def plan(self) -> None:
        """Plan one range."""
        try:
            with self.runtime.db.write() as session:
                notification = begin_planning(session, self.notification, self.utcnow())
                if notification is not None:
                    plan_range(session, notification, Shares(), self.utcnow())
        except Overtaken:
            raise AssertionError("nobody else plans") from None

    def claim(self, host: str) -> Worker | None:
        """A worker of a host takes the first batch that it can have."""
        self._host = host
        with self.runtime.db.read() as session:
            open_ = select(Batch).where(Batch.state < BatchState.DONE).order_by(Batch.id)
            batches = list(session.scalars(open_))
        for batch in batches:
            queued = self._queued(batch.id)
            with self.runtime.db.write() as session:
                lease = claim(session, batch.id, self.utcnow(), self.folder(host), self.policy)
            if lease is not None:
                if batch.lease:
                    self._note_take_over(batch, host, queued)
                worker = Worker(self, host, lease)
                self.workers.append(worker)
                return worker
        return None

    def _queued(self, batch_id: int) -> set[int]:
        with self.runtime.db.read() as session:
            statement = select(Delivery.destination_id).where(Delivery.batch_id == batch_id)
            return set(session.scalars(statement.where(Delivery.state == DeliveryState.QUEUED)))

    def _note_take_over(self, batch: Batch, host: str, queued: set[int]) -> None:
        """What was on the wire is in doubt; from another host, so is all that was not settled."""
        is_far = not batch.lease.startswith(f"{host}-")
        for reader in queued:
            for letter in self.book.letters[reader]:
                if letter.batch_id == batch.id and (letter.status == OPEN or is_far):
                    letter.status = DOUBT
        judged = queued - self._queued(batch.id)
        self.book.assumed |= judged if is_far else judged & self.at_line

    def at_work(self) -> list[Worker]:
        self.workers = [worker for worker in self.workers if worker.is_at_work]
        return self.workers

    def sweep(self, host: str) -> None:
        self._host = host
        now = self.utcnow()
        replay_journals(self.runtime.db, self.folder(host), now, self.policy)
        with self.runtime.db.write() as session:
            due_deferrals(session, now, now)
        with self.runtime.db.write() as session:
            close_finished(session, now)

    def unsubscribe(self, reader: int) -> None:
        self.town.unsubscribe(reader)
        self.book.ended.setdefault(reader, self.now)
        self.book.ever_ended.add(reader)

    def resubscribe(self, reader: int) -> None:
        with self.runtime.db.write() as session:
            session.execute(
                update(Subscription)
                .where(Subscription.destination_id == reader)
                .values(ended_at=None, end_reason=None)
            )
            channel = select(Destination.channel_id).where(Destination.id == reader)
            session.execute(
                update(Channel)
                .where(Channel.id == channel.scalar_subquery())
                .values(is_paused=False)
            )
        self.book.ended.pop(reader, None)

    def pause(self, reader: int) -> None:
        """Pause the channel of a chat reader; a reader of email pauses all mail."""
        with self.runtime.db.write() as session:
            channel_id = session.get_one(Destination, reader).channel_id
            if channel_id is None:
                return
            session.execute(update(Channel).where(Channel.id == channel_id).values(is_paused=True))
        self.book.ended.setdefault(reader, self.now)
        self.book.ever_ended.add(reader)

    def withdraw(self) -> None:
        with self.runtime.db.write() as session:
            article = session.get_one(Article, self.article, with_for_update=True)
            if article.withdrawn_at is None:
                withdraw(session, article, self.utcnow())
        if self.book.stopped is None:
            self.book.stopped = self.now

    def finish(self) -> None:
        """Let everything run to its end: nobody fails any more."""
        for worker in self.at_work():
            worker.die()
        for _ in range(30):
            with self.runtime.db.read() as session:
                state = session.get_one(Notification, self.notification).state
            if state in (NotificationState.DONE, NotificationState.CANCELLED):
                return
            self.plan()
            for host in HOSTS:
                self.sweep(host)
            while worker := self.claim(HOSTS[0]):
                worker.run()
            self.wait(3600)
        raise AssertionError("it does not end")

    def check(self) -> None:
        """What holds at any time."""
        assert self.town.findings() == []
        states = self.town.states(self.notification)
        for reader, before in self.states.items():
            after = states[reader]
            is_legal = after == before or after in SETTLED.get(before, set(DeliveryState))
            assert is_legal, f"{reader}: {before!r} became {after!r}"
        self.states = states

    def check_end(self) -> None:
        """Each was told once, or the ledger says why not, or that nobody knows."""
        states = self.town.states(self.notification)
        for reader in self.readers:
            state, letters = states.get(reader), self.book.letters[reader]
            is_doubted = any(one.status == DOUBT for one in letters)
            accepted = sum(one.was_accepted for one in letters)
            said = (reader, state, letters)
            assert accepted <= 1 or is_doubted, said
            if state == DeliveryState.SENT:
                assert accepted >= 1, said
            elif state == DeliveryState.UNKNOWN:
                assert is_doubted or reader in self.book.assumed, said
            elif state == DeliveryState.REJECTED:
                assert letters, said
            elif state in (DeliveryState.SUPPRESSED, None):
                assert reader in self.book.ever_ended or self.book.stopped is not None, said
                assert accepted == 0, said
            else:
                assert state == DeliveryState.CANCELLED, said
                assert self.book.stopped is not None, said
                assert accepted == 0, said
