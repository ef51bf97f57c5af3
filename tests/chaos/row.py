"""One row of the table: an article goes to everybody while a city is hurt, and is counted after.

Recovery is measured for each strike: the seconds from its end (the last frozen process goes on, the
killed one is dead) to the first delivery that an end accepts after that, on the slower way of mail
and chat. What was on the wire already (0.25 s) does not count, nor does a strike that another one
follows before anything arrives. Where nothing more was to arrive after the last one, it is the time
until the notification is done. The row has the worst.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from tests.chaos import digests
from tests.chaos.city import City
from tests.chaos.faults import Fault, Scene, Undo
from tests.chaos.verdict import Verdict, is_done, judge, read_ledger

EARLY_S = 1.5  # an article is classified and planned in about this time
FIRST_SHARE, LAST_SHARE = 0.02, 0.85  # afterwards there is too little left to be hurt
DRAIN_S = 0.25
STALL_S = 20.0  # longer than a restart: nothing arrives, so the next strike comes all the same
PATIENCE_S = 480.0  # then somebody's hand is needed, and that is a failure
LATE_S = 1.0  # for a copy that somebody who was stopped might still send
LOOK_EVERY_S = 0.02
DONE_EVERY_S = 0.2


@dataclass(frozen=True)
class Strike:
    """When a fault strikes: after so many seconds, else at a share of its end's deliveries."""

    fault: Fault
    share: float = 0.0
    after_s: float | None = None


@dataclass(frozen=True)
class Run:
    """What a row has seen."""

    verdict: Verdict
    is_done: bool
    in_doubt_limit: int
    recovery_s: float
    total_s: float
    strikes: int


def run(city: City, mark: str, faults: Sequence[Fault], chance: random.Random) -> Run:
    """Post an article, strike, heal, wait until it is done, and judge."""
    return _Row(city, mark, faults, chance).run()


class _Row:
    def __init__(
        self, city: City, mark: str, faults: Sequence[Fault], chance: random.Random
    ) -> None:
        self._city, self._mark, self._faults = city, mark, faults
        is_urgent = any(fault.is_urgent for fault in faults)
        self._scene = Scene(city, mark, chance, is_urgent)
        self._strikes = plan(faults, chance)
        self._is_digest = any(fault.is_digest for fault in faults)
        self._healing: list[tuple[float, Undo]] = []
        self._spans: list[tuple[float, float]] = []  # begin and end of each strike
        self._limit = 0
        expected = len(city.expected)
        mail = sum("@" in name for name in city.expected)
        self._of = {"mail": mail or 1, "chat": expected - mail or 1}

    def run(self) -> Run:
        self._city.tapes.read()
        self._city.tapes.forget()
        began = time.monotonic()
        undone = [fault.before(self._scene) for fault in self._faults]
        try:
            if self._is_digest:
                digests.tell_in_the_morning(self._city, self._mark)
            else:
                self._city.post(self._mark, is_urgent=self._scene.is_urgent)
            self._disturb(time.monotonic())
            done_at = self._wait_until_done()
        finally:
            self._heal(time.monotonic() + 1e9)
            for undo in filter(None, undone):
                undo()
            if self._is_digest:
                digests.tell_at_once(self._city)
        total_s = time.monotonic() - began
        time.sleep(LATE_S)
        self._city.tapes.read()
        arrived = self._city.tapes.arrived[self._mark]
        ended = done_at or time.monotonic()
        return Run(
            verdict=self._judge(is_done=done_at is not None),
            is_done=done_at is not None,
            in_doubt_limit=self._limit + self._city.tapes.in_doubt,
            recovery_s=recovery(self._spans, arrived.times.values(), ended),
            total_s=total_s,
            strikes=len(self._spans),
        )

    def _disturb(self, posted: float) -> None:
        strikes = list(self._strikes)
        while strikes or self._healing:
            self._city.tapes.read()
            self._heal(time.monotonic())
            if strikes and self._is_due(strikes[0], posted):
                self._strike(strikes.pop(0).fault)
            time.sleep(LOOK_EVERY_S)

    def _is_due(self, strike: Strike, posted: float) -> bool:
        now = time.monotonic()
        if strike.after_s is not None:
            return now >= posted + strike.after_s
        seen = len(self._city.tapes.arrived[self._mark].times[strike.fault.of])
        quiet_since = max([self._city.tapes.grew, posted, *(end for _, end in self._spans)])
        is_stalled = now - quiet_since > STALL_S and not self._healing
        return seen >= strike.share * self._of[strike.fault.of] or is_stalled

    def _strike(self, fault: Fault) -> None:
        if fault.is_alone:
            self._heal(time.monotonic() + 1e9)
        began = time.monotonic()
        undo = fault.hurt(self._scene)
        self._limit += fault.in_doubt
        now = time.monotonic()
        self._spans.append((began, now + (fault.lasts_s if undo else 0)))
        if undo:
            self._healing.append((now + fault.lasts_s, undo))

    def _heal(self, now: float) -> None:
        due = [undo for at, undo in self._healing if at <= now]
        self._healing = [(at, undo) for at, undo in self._healing if at > now]
        for undo in due:
            undo()

    def _wait_until_done(self) -> float | None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(SQLAlchemyError), self._city.db.read() as session:
                if is_done(session, self._mark, is_digest=self._is_digest):
                    return time.monotonic()
            time.sleep(DONE_EVERY_S)
        return None

    def _judge(self, *, is_done: bool) -> Verdict:
        with self._city.db.read() as session:
            ledger = read_ledger(session, self._mark, self._city.who)
        return judge(
            [one for one in self._city.expected if "@" in one or not self._is_digest],
            self._city.tapes.arrived[self._mark].ids,
            ledger,
            self._city.tapes.refused,
            is_done=is_done,
            is_in_feed=self._city.told_by_feed(self._mark) == 1,
        )


def plan(faults: Sequence[Fault], chance: random.Random) -> list[Strike]:
    """All strikes of a row in their order: first the early ones, then by share."""
    early = [
        Strike(fault, after_s=chance.uniform(0, EARLY_S))
        for fault in faults
        for _ in range(fault.early)
    ]
    later = [
        Strike(fault, share=chance.uniform(FIRST_SHARE, LAST_SHARE))
        for fault in faults
        for _ in range(fault.strikes)
    ]
    early.sort(key=lambda strike: strike.after_s or 0.0)
    return early + sorted(later, key=lambda strike: strike.share)


def recovery(
    spans: Sequence[tuple[float, float]], ways: Iterable[Sequence[float]], done: float
) -> float:
    """The worst of all strikes, in seconds; see the module for what is measured."""
    ways = [way for way in ways if way]
    begins = [begin for begin, _ in spans]
    worst = 0.0
    for _, end in spans:
        following = min((begin for begin in begins if begin > end), default=None)
        next_ones = [min((at for at in way if at > end + DRAIN_S), default=None) for way in ways]
        firsts = [at for at in next_ones if at is not None and at <= (following or at)]
        if not firsts and following is None and not any(next_ones):
            firsts = [done]
        worst = max([worst, *(first - end for first in firsts)])
    return worst
