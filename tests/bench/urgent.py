"""`make bench-urgent`: how soon urgent news leaves while ten articles go to everybody.

A whole Tellal, its processes, Redis and an SMTP sink on this machine, with 100,000 subscribers of
one topic (QUICK=1: 10,000). Ten articles are posted at once, and an urgent one last, from the same
source and for the same subscribers: in one run while the last of the ten are being planned and the
first mail has arrived, in another one when a thousand batches wait to be sent.

`urgent_first_s_…`: from its 202 until the sink has its first message whole; the worse of both runs.
`batch_s_…`: the median that a full batch of the ten took from its claim to its end, as the worker
says in its log (`batch done`, `took_s`); of those that had ended when the urgent one came, because
its mail slows the others down. `urgent_vs_batch`: the worse ratio of the two; the aim is 1 or less.
Prints a table on stderr and one JSON line on stdout. PostgreSQL runs without fsync, as in the chaos
runs.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from service.db import utcnow
from service.ledger.layout import BATCH_SIZE
from service.models import Batch, BatchState, Notification, NotificationState, Revision
from tests.chaos.city import City
from tests.chaos.postgres import Postgres

SUBSCRIBERS = 10_000 if os.environ.get("QUICK") == "1" else 100_000
BULK = [f"bulk-{number}" for number in range(1, 11)]
URGENT = "urgent-1"
FULL = BATCH_SIZE // 2  # deliveries: a batch is laid out with some room left
BATCHES = 4  # of the ten that must have ended, so that there is a median
FLOW_S, FIRST_S = 150.0, 60.0  # how long each step is waited for


@dataclass(frozen=True)
class Run:
    """What one city has shown; seconds, those of the urgent article from its 202."""

    planning: int  # of the ten, those not planned to their end when the urgent article came
    waiting: int  # batches that nobody had claimed by then
    batch_s: tuple[float, ...]  # what each full batch took that had ended by then
    classified_s: float
    released_s: float
    first_s: float


@dataclass(frozen=True)
class Found:
    """Of one database."""

    first_s: float
    batch_s: float

    @property
    def ratio(self) -> float:
        return self.first_s / self.batch_s


def measure(name: str, *, is_sqlite: bool) -> Found:
    """One run with planning under way, one with batches that have ended."""
    runs = []
    for batches in (0, BATCHES):
        with nullcontext() if is_sqlite else Postgres() as server:
            runs.append(run(server, batches))
        report(name, runs[-1])
    return Found(max(one.first_s for one in runs), statistics.median(runs[-1].batch_s))


def run(postgres: Postgres | None, batches: int) -> Run:
    """Post the ten, then the urgent one when so many batches have ended; stop at its first mail."""
    with City(postgres, mailboxes=SUBSCRIBERS, channels=0) as city:
        with ThreadPoolExecutor(len(BULK)) as clients:
            list(clients.map(city.post, BULK))
        city.wait(lambda: _all_flow(city, batches), FLOW_S, "the ten are not being delivered")
        planning, waiting = _backlog(city)
        times = _batch_times(city)
        city.post(URGENT, is_urgent=True)
        taken, taken_at = time.monotonic(), utcnow()
        city.wait(lambda: bool(_arrived(city, URGENT)), FIRST_S, "nothing urgent arrives")
        classified_at, released_at = _moments(city)
        return Run(
            planning=planning,
            waiting=waiting,
            batch_s=times,
            classified_s=(classified_at - taken_at).total_seconds(),
            released_s=(released_at - taken_at).total_seconds(),
            first_s=_arrived(city, URGENT)[0] - taken,
        )


def _all_flow(city: City, batches: int) -> bool:
    """Whether the planning of all ten has begun, mail arrives, and so many batches were sent."""
    with city.db.read() as session:
        begun = session.scalar(
            select(func.count()).select_from(Notification).where(Notification.planned > 0)
        )
    has_mail = any(_arrived(city, mark) for mark in BULK)
    return begun == len(BULK) and has_mail and len(_batch_times(city)) >= batches


def _arrived(city: City, mark: str) -> list[float]:
    city.tapes.read()
    return city.tapes.arrived[mark].times["mail"]


def _backlog(city: City) -> tuple[int, int]:
    """How many notifications are not planned to their end, and how many batches are not claimed."""
    with city.db.read() as session:
        planning = session.scalar(
            select(func.count())
            .select_from(Notification)
            .where(Notification.state == NotificationState.PLANNING)
        )
        waiting = session.scalar(
            select(func.count()).select_from(Batch).where(Batch.state == BatchState.READY)
        )
    return planning or 0, waiting or 0


def _batch_times(city: City) -> tuple[float, ...]:
    """How long each full batch took; those of the urgent article are another worker's."""
    found = []
    for line in (city.var / "log" / "email.log").read_text("utf-8").splitlines():
        if '"batch done"' in line:
            said = json.loads(line)
            found += [said["took_s"]] if said["deliveries"] >= FULL else []
    return tuple(found)


def _moments(city: City) -> tuple[datetime, datetime]:
    """When the urgent article was classified and released."""
    with city.db.read() as session:
        return session.execute(
            select(Revision.classified_at, Notification.released_at)
            .join(Notification, Notification.article_id == Revision.article_id)
            .where(Notification.is_urgent)
        ).one()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def row(*cells: object) -> str:
    name, *numbers = cells
    return f"{name!s:11}" + "".join(f"{number!s:>11}" for number in numbers)


def report(name: str, one: Run) -> None:
    steps = (f"{seconds:.2f}" for seconds in (one.classified_s, one.released_s, one.first_s))
    batch = f"{statistics.median(one.batch_s):.2f}" if one.batch_s else "-"
    say(row(name, one.planning, one.waiting, *steps, batch))


def main() -> None:
    say(f"an urgent article behind {len(BULK)} others, {SUBSCRIBERS:,} subscribers each; seconds")
    say(row("", "planning", "waiting", "classified", "released", "first", "batch"))
    sqlite = measure("sqlite", is_sqlite=True)
    postgresql = measure("postgresql", is_sqlite=False)
    found = {
        "urgent_first_s_sqlite": round(sqlite.first_s, 2),
        "batch_s_sqlite": round(sqlite.batch_s, 2),
        "urgent_first_s_postgresql": round(postgresql.first_s, 2),
        "batch_s_postgresql": round(postgresql.batch_s, 2),
        "urgent_vs_batch": round(max(sqlite.ratio, postgresql.ratio), 2),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
