"""A day as events: a batch, not a letter, is what moves, so four million readers take seconds.

The rules are those of the code, and its own numbers are imported: how large a batch is, which of a
notification's batches pass others, how many threads of a worker one lane may have, how links are
shared and grow, how long a deferral, a closed lane and a relay that is away wait. What is left out:
the database's own waits, and whatever goes on within a batch.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from service.ledger.batches import FIRST
from service.ledger.lanes import (
    FIRST_CLOSURE,
    FIRST_LINKS,
    FORGIVEN_AFTER,
    LONGEST_CLOSURE,
    MOST_LINKS,
)
from service.ledger.layout import BATCH_SIZE, FILLED
from service.ledger.outcome import MAX_ATTEMPTS, backoff
from service.ledger.policy import STANDARD
from service.tasks import WORKERS, Priority
from tests.bench.scale.scenario import Article, Lane, Scenario
from workers.email.crew import LETTERS_PER_LINK
from workers.email.throttle import GROWS_AFTER, IN_A_ROW
from workers.recover import INTERVAL_S
from workers.turnstile import THREADS_OF_A_LANE

SLICE = 250  # letters after which a batch's speed is looked at again
FULL = round(BATCH_SIZE * FILLED)
EXPIRES_S = 24 * 3600.0  # news is not sent any more
DAY_S = 86_400.0


@dataclass(order=True, slots=True)
class Batch:
    """In its queue by priority, then by age."""

    rank: tuple[int, int]
    letters: int = field(compare=False)
    lane: int = field(compare=False)
    priority: str = field(compare=False)
    released: float = field(compare=False)
    attempts: int = field(compare=False, default=0)
    left: int = field(compare=False, default=0)
    later: int = field(compare=False, default=0)  # letters that were put off


@dataclass(slots=True)
class LaneNow:
    """What a lane has learned in the course of the day."""

    lane: Lane
    links: float
    senders: int = 0
    closed_until: float = 0.0
    closures: int = 0
    deferred: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))


class Delays:
    """Weighed seconds from the release to the answer, in classes of two in a hundred."""

    STEP = math.log(1.02)

    def __init__(self) -> None:
        self._classes: defaultdict[int, int] = defaultdict(int)
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float, letters: int) -> None:
        seconds = max(seconds, 0.01)
        self._classes[math.floor(math.log(seconds) / self.STEP)] += letters
        self.count += letters
        self.longest = max(self.longest, seconds)

    def percentile(self, part: float) -> float:
        """Seconds within which this part of the letters was answered for; 0 without any."""
        passed = 0
        for one in sorted(self._classes):
            passed += self._classes[one]
            if passed >= part * self.count:
                return min(math.exp((one + 0.5) * self.STEP), self.longest)
        return 0.0


class Day:
    """Runs one scenario once; two days of one seed are alike to the last letter."""

    def __init__(self, scenario: Scenario) -> None:
        self._it = scenario
        self._chance = np.random.default_rng(scenario.seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.now = 0.0
        links = scenario.first_links or FIRST_LINKS
        self.lanes = [LaneNow(lane, links) for lane in scenario.lanes]
        self._most_links = scenario.most_links or MOST_LINKS
        names = ("express", "email")
        # Of each kind of worker: its queues by lane, and what each process does for which lane.
        self._queues = {name: [[] for _ in self.lanes] for name in names}
        self._busy = {
            name: [[0] * len(self.lanes) for _ in range(scenario.processes)] for name in names
        }
        self._at_work = [0] * scenario.processes  # threads of a processor's core, of both kinds
        self._sending = 0
        self._planner_free = 0.0
        self.delays = {name: Delays() for name in ("transactional", "urgent", "normal", "digest")}
        self.expired = self.planned = 0
        self.events = 0

    def run(self) -> Day:
        """Until all is answered for, or is no news any more."""
        for article in self._it.articles:
            self._at(article.at, lambda a=article: self._plan(a))
        if self._it.digest_readers:
            self._at(self._it.digest_at, self._plan_digest)
        for number in range(self._it.sign_ups):
            self._at((number + 0.5) * DAY_S / self._it.sign_ups, self._sign_up)
        while self._events:
            self.now, _, happen = heapq.heappop(self._events)
            self.events += 1
            happen()
        return self

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), happen))

    def _plan(self, article: Article) -> None:
        self._fan_out(article.readers, "urgent" if article.is_urgent else "normal")

    def _plan_digest(self) -> None:
        self._fan_out(self._it.digest_readers, "digest")

    def _sign_up(self) -> None:
        lane = int(self._chance.choice(len(self.lanes), p=[one.lane.share for one in self.lanes]))
        self._queue(Batch((-1, next(self._numbers)), 1, lane, "transactional", self.now))
        self.planned += 1

    def _fan_out(self, readers: int, priority: str) -> None:
        """One planner, range by range; each range's batches are rung for at once."""
        shares = [one.lane.share for one in self.lanes]
        begin = max(self.now, self._planner_free)
        released, rung = self.now, 0
        for start in range(0, readers, FULL * len(shares)):
            count = min(FULL * len(shares), readers - start)
            begin += count * self._it.plan_s
            for lane, letters in enumerate(self._chance.multinomial(count, shares)):
                for first in range(0, int(letters), FULL):
                    size = min(FULL, int(letters) - first)
                    step = Priority.FIRST if rung < FIRST else Priority.BULK
                    rung += 1
                    batch = Batch((step, next(self._numbers)), size, lane, priority, released)
                    self._at(begin, lambda b=batch: self._queue(b))
        self._planner_free = begin
        self.planned += readers

    def _worker_of(self, batch: Batch) -> str:
        return "express" if batch.priority in ("transactional", "urgent") else "email"

    def _queue(self, batch: Batch) -> None:
        worker = self._worker_of(batch)
        batch.left = batch.left or batch.letters
        heapq.heappush(self._queues[worker][batch.lane], batch)
        self._employ(worker, self._at_work.index(min(self._at_work)))

    def _employ(self, worker: str, process: int) -> None:
        """Give a process's free threads the most pressing batch of a lane that has room."""
        threads, busy = WORKERS[worker][2], self._busy[worker][process]
        while sum(busy) < threads and (lane := self._choose(worker, busy)) is not None:
            batch = heapq.heappop(self._queues[worker][lane])
            busy[lane] += 1
            self._at_work[process] += 1
            self._begin(worker, process, batch)

    def _choose(self, worker: str, busy: list[int]) -> int | None:
        open_lanes = [
            (queue[0], lane)
            for lane, queue in enumerate(self._queues[worker])
            if queue and (busy[lane] < THREADS_OF_A_LANE or queue[0].priority == "transactional")
        ]
        return min(open_lanes)[1] if open_lanes else None

    def _begin(self, worker: str, process: int, batch: Batch) -> None:
        lane = self.lanes[batch.lane]
        is_single = batch.priority == "transactional"  # tried at any time
        if lane.closed_until > self.now and not is_single:
            self._put_off(worker, process, batch, lane.closed_until - self.now)
        elif not any(relay.is_up(self.now) for relay in self._it.relays):
            self._put_off(worker, process, batch, STANDARD.peer_wait_s)
        elif self._turns_away(lane):
            self._close(lane)
            self._put_off(worker, process, batch, lane.closed_until - self.now)
        else:
            lane.senders += 1
            self._sending += 1
            self._send_slice(worker, process, batch)

    def _turns_away(self, lane: LaneNow) -> bool:
        return any(begin <= self.now < end for begin, end in lane.lane.closed)

    def _close(self, lane: LaneNow) -> None:
        """After five answers in a row that ask for it; for longer than the time before."""
        is_repeated = self.now - lane.closed_until < FORGIVEN_AFTER.total_seconds()
        lane.closures = lane.closures + 1 if is_repeated else 1
        longest = LONGEST_CLOSURE.total_seconds()
        wait = FIRST_CLOSURE.total_seconds() * 2 ** min(lane.closures - 1, 8)
        lane.closed_until = self.now + min(wait, longest)
        lane.links = max(lane.links / 2**IN_A_ROW, 1)

    def _put_off(self, worker: str, process: int, batch: Batch, wait_s: float) -> None:
        self._leave(worker, process, batch)
        if self.now + wait_s - batch.released > EXPIRES_S:
            self.expired += batch.left
            return
        # The sweeper finds it, and rings with its own priority.
        again = self.now + wait_s + INTERVAL_S / 2
        self._at(again, lambda: self._queue(batch))

    def _leave(self, worker: str, process: int, batch: Batch) -> None:
        self._busy[worker][process][batch.lane] -= 1
        self._at_work[process] -= 1

    def _send_slice(self, worker: str, process: int, batch: Batch) -> None:
        lane, size = self.lanes[batch.lane], min(SLICE, batch.left)
        took = self._takes_s(lane, process, batch.letters - batch.left, size)
        self._at(self.now + took, lambda: self._sent(worker, process, batch, size, took))

    def _takes_s(self, lane: LaneNow, process: int, begun: int, size: int) -> float:
        """Seconds for so many letters of a batch of which so many have begun: what is slowest of
        the core, the relays and the provider's links."""
        core = self._it.letter_s * self._at_work[process]
        taking = sum(relay.rate_s for relay in self._it.relays if relay.is_up(self.now))
        relays = self._sending / taking if taking else 0.0
        links = max(lane.links // max(lane.senders, 1), 1)
        return max(size * core, size * relays, lane.lane.answer_s * rounds(links, begun, size))

    def _sent(self, worker: str, process: int, batch: Batch, size: int, took: float) -> None:
        lane = self.lanes[batch.lane]
        later = int(self._chance.binomial(size, lane.lane.defer))
        middle = self.now - took / 2 - batch.released
        self.delays[batch.priority].add(middle, size - later)
        batch.later += later
        lane.links = min(lane.links + (size - later) / GROWS_AFTER, self._most_links)
        batch.left -= size
        has_peer = any(relay.is_up(self.now) for relay in self._it.relays)
        if batch.left and has_peer and not self._turns_away(lane):
            self._send_slice(worker, process, batch)
            return
        lane.senders -= 1
        self._sending -= 1
        if batch.left:
            if self._turns_away(lane):
                self._close(lane)
            self._put_off(worker, process, batch, STANDARD.peer_wait_s)
        else:
            self._leave(worker, process, batch)
            if batch.later:
                self._defer(batch, batch.later)
        self._employ(worker, process)

    def _defer(self, batch: Batch, letters: int) -> None:
        """What is put off comes back together, as a batch of its own."""
        tries = batch.attempts + 1
        wait = backoff(STANDARD, tries).total_seconds()
        if tries >= MAX_ATTEMPTS or self.now + wait - batch.released > EXPIRES_S:
            self.expired += letters
            return
        again = replace(
            batch,
            rank=(Priority.BULK, next(self._numbers)),
            letters=letters,
            left=letters,
            later=0,
            attempts=tries,
        )
        self._at(self.now + wait + INTERVAL_S / 2, lambda: self._queue(again))


def rounds(links: float, begun: int, size: int) -> float:
    """How many answers one after the other so many letters take: a batch begins with one link, and
    has a further one for each so many letters that it has begun, until it has all."""
    growing = min(max(LETTERS_PER_LINK * (links - 1) - begun, 0), size)
    ramp = math.log((LETTERS_PER_LINK + begun + growing) / (LETTERS_PER_LINK + begun))
    return LETTERS_PER_LINK * ramp + (size - growing) / links


def parts(day: Day) -> dict[str, dict[str, float]]:
    """The percentiles of each priority that had letters, in seconds."""
    return {
        name: {
            "letters": of.count,
            **{f"p{part:g}": round(of.percentile(part / 100), 2) for part in (50, 90, 99, 99.9)},
            "last": round(of.longest, 1),
        }
        for name, of in day.delays.items()
        if of.count
    }
