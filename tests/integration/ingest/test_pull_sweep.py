"""Polls need no scheduler: the sweeper rings for what is due, and polls aside without a broker."""

from __future__ import annotations

import threading

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from service.ingest.pulling import leasing, setting
from service.models import Pull, PullKind, PullState
from service.runtime import Runtime
from service.tasks import Queue, Task
from workers.hands import Hands
from workers.recover import Sweeper, sweep_once
from workers.stages import STAGES


@pytest.fixture
def rung(runtime, monkeypatch):
    """The polls that the sweeper rang for."""
    rings: list[tuple[Task, int, Queue | None]] = []

    def ring(task: Task, row_id: int, queue: Queue | None = None) -> bool:
        rings.extend([(task, row_id, queue)] if task is Task.PULL_SOURCE else [])
        return True

    monkeypatch.setattr(runtime.doorbell, "ring", ring)
    return rings


def test_a_due_source_is_rung_for_once_a_minute_until_somebody_polls(pulled, rung, runtime):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    ring = (Task.PULL_SOURCE, pulled.source_id, Queue.PULL)
    for _ in range(5):
        sweep_once(runtime)
    assert rung == [ring]

    pulled.clock.advance(seconds=61)
    sweep_once(runtime)
    assert rung == [ring, ring]
    pulled.poll(seconds=61)
    sweep_once(runtime)
    assert rung == [ring, ring]
    pulled.clock.advance(minutes=12)
    sweep_once(runtime)
    assert rung == [ring, ring, ring]


@pytest.mark.parametrize("how", ["paused", "source paused", "asking", "polled now"])
def test_nobody_rings_for_a_source_that_must_not_be_polled(pulled, rung, runtime, how):
    pulled.configure(PullKind.FEED, "/rss", is_paused=how == "source paused")
    with runtime.db.write() as session:
        if how == "paused":
            setting.pause(session, pulled.source_id)
        elif how == "asking":
            session.execute(update(Pull).values(state=PullState.ASKING))
        elif how == "polled now":
            assert leasing.take(session, pulled.source_id, pulled.clock())
    sweep_once(runtime)

    assert rung == []


def test_without_a_broker_a_hand_beside_the_sweep_polls(pulled, settings):
    pulled.feed(1, 2)
    pulled.configure(PullKind.FEED, "/rss")
    nowhere = SecretStr("redis://127.0.0.1:1/0")
    deaf = Runtime.start(settings.model_copy(update={"redis_url": nowhere}))
    hands = Hands(deaf, STAGES)
    sweeper = Sweeper(deaf, hands.take)
    go_on = threading.Event()
    real = pulled.site.pages
    pulled.site.pages = _Held(real, go_on)
    sweeper.sweep()

    sweeper.sweep()  # goes on although the site does not answer
    go_on.set()
    assert hands.wait(30)
    assert hands.close(30)
    deaf.close()

    assert len(pulled.articles) == 2
    assert pulled.site.paths() == ["/rss"]


class _Held(dict):
    """Pages that are not served before somebody says so."""

    def __init__(self, pages, go_on) -> None:
        super().__init__(pages)
        self._go_on = go_on

    def get(self, key, default=None):
        assert self._go_on.wait(30)
        return super().get(key, default)


def test_a_task_of_the_queue_polls(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    STAGES[Task.PULL_SOURCE](pulled.runtime, pulled.source_id)

    assert len(pulled.articles) == 1
