"""The ledger under every order of events that Hypothesis can think of (design, section 4).

MACHINE_EXAMPLES=1000 tries more of them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.integration.ledger.world import HOSTS, Plan, Worker, World

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "40"))
STEPS = 25

hosts = st.sampled_from(HOSTS)
which = st.integers(0, 5)
# Within what is fresh, beyond it, beyond the lease, beyond the wait of a deferred one.
moments = st.sampled_from((0.1, 0.3, 61.0, 400.0))
fates = st.sampled_from(
    ("accept", "accept", "accept", "refuse", "defer", "lost", "break", "away", "die early", "die")
)
events = st.one_of(
    st.tuples(st.just("wait"), moments),
    st.tuples(st.just("successor"), hosts),
    st.tuples(st.just("late successor"), hosts),
    st.tuples(st.just("sweep"), hosts),
    st.tuples(st.just("plan"), st.none()),
    st.tuples(st.just("begin"), hosts),
    st.tuples(st.just("leave"), st.sampled_from((0.0, 0.3))),
    st.tuples(st.just("unsubscribe"), which),
    st.tuples(st.just("resubscribe"), which),
    st.tuples(st.just("pause"), which),
    st.tuples(st.just("withdraw"), st.none()),
)
meanwhile = st.lists(events, min_size=1, max_size=4)
phases = st.sampled_from(("before", "at_line"))


class LedgerMachine(RuleBasedStateMachine):
    """Drives the real ledger; the world keeps the book."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @initialize(
        emails=st.integers(2, 8),
        channels=st.integers(0, 3),
        resends=st.integers(0, 2),
        is_stopped=st.sampled_from((False, False, False, True)),
    )
    def begin(self, emails: int, channels: int, resends: int, is_stopped: bool) -> None:
        self.world.begin(emails, channels, resends)
        self.may_be_stopped = is_stopped  # seldom: nothing much happens after it
        self.world.plan()

    @rule(number=which, wanted=st.lists(fates, min_size=1, max_size=3))
    def send(self, number: int, wanted: list[str]) -> None:
        for fate in wanted:
            if worker := self._worker(number):
                worker.step(Plan(fate))

    @rule(number=which, fate=fates, phase=phases, events=meanwhile)
    def stop_before_it_leaves(
        self, number: int, fate: str, phase: str, events: list[tuple[str, object]]
    ) -> None:
        """The worker stands still before its line in the journal, or right after it."""
        if worker := self._worker(number):
            worker.step(Plan(fate, **{phase: lambda: self._happen(events)}))

    @rule(number=which, fate=fates, events=meanwhile)
    def stop_on_the_wire(self, number: int, fate: str, events: list[tuple[str, object]]) -> None:
        if worker := self._worker(number):
            worker.step(Plan(fate, on_wire=lambda: self._happen(events)))

    @rule(number=which, fails=st.sampled_from(("", "", "before", "after")))
    def settle(self, number: int, fails: str) -> None:
        if worker := self._worker(number):
            worker.db.fails = fails
            worker.settler.settle()

    @precondition(lambda self: self.world.at_work())
    @rule(number=which, is_killed=st.booleans())
    def harm(self, number: int, is_killed: bool) -> None:
        """Kill -9, or a full disk."""
        worker = self._worker(number)
        if is_killed:
            worker.die()
        else:
            worker.journal.is_full = True

    @rule(events=meanwhile)
    def happen(self, events: list[tuple[str, object]]) -> None:
        self._happen(events)

    @invariant()
    def ledger_adds_up(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.finish()
        self.world.check()
        self.world.check_end()

    def _happen(self, events: list[tuple[str, object]]) -> None:
        for name, value in events:
            match name:
                case "successor" | "late successor":
                    if name == "late successor":
                        self.world.wait(self.world.policy.lease_s + 1)
                    while worker := self.world.claim(value):
                        worker.run()
                case "begin":
                    self.world.claim(value)
                case "plan":
                    self.world.plan()
                case "leave":
                    self.world.unsubscribe(self.world.current or self._reader(0))
                    self.world.wait(value)
                case "unsubscribe" | "resubscribe" | "pause":
                    getattr(self.world, name)(self._reader(value))
                case "withdraw":
                    if self.may_be_stopped:
                        self.world.withdraw()
                case _:
                    getattr(self.world, name)(value)

    def _worker(self, number: int) -> Worker | None:
        """One of those at work; where nobody is, one who begins."""
        workers = self.world.at_work()
        return workers[number % len(workers)] if workers else self.world.claim(HOSTS[0])

    def _reader(self, number: int) -> int:
        return self.world.readers[number % len(self.world.readers)]


def test_whatever_happens_in_whatever_order_each_is_told_once_or_it_is_said(runtime, monkeypatch):
    world = World(runtime, monkeypatch)

    run_state_machine_as_test(
        lambda: LedgerMachine(world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="MACHINE_EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )
