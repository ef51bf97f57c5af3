"""Resend exactly the missing, as a job: after a worker was killed, nobody gets two, none is left
out, and the unknown are listed."""

from __future__ import annotations

from collections import Counter
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.jobs import queue, resend
from service.jobs.running import run
from service.ledger.cancel import cancel
from service.ledger.outcome import Outcome
from service.ledger.publish import withhold
from service.ledger.readers import readers_page
from service.ledger.sweep import replay_journals
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Destination,
    HaltScope,
    Job,
    JobState,
    Notification,
    Staff,
)
from service.runtime import Runtime
from tests.integration.ledger.cancelling import settle_cancelled
from tests.integration.ledger.recorder import Recorder, end_lease
from tests.integration.ledger.test_dying import die_in_the_middle
from workers.deliver import deliver_batch
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
NO = Outcome(DeliveryState.REJECTED, "5.7.1", "550 not now")


@pytest.fixture
def start(runtime: Runtime) -> Any:
    """Starts a job about an article, and runs it to its end or its death."""

    def start(kind: str, article: int, **params: Any) -> Job:
        with runtime.db.write() as session:
            staff = session.scalar(select(Staff)) or Staff(
                email="s@tellal.example", fs_uniquifier="s"
            )
            session.add(staff)
            session.flush()
            job_id = queue.start(session, kind, staff.id, article=article, **params).id
        run(runtime, job_id)
        with runtime.db.read() as session:
            return session.get_one(Job, job_id)

    return start


def deliver(runtime: Runtime, town: Any, sender: Recorder | None = None) -> list[int]:
    sender = sender or Recorder()
    for batch in town.batches():
        deliver_batch(runtime, batch, sender)
    return sender.sent


def killed(town: Any, runtime: Runtime) -> tuple[int, list[int], int, list[int]]:
    """A worker died with one letter on the wire; the rest was then cancelled by mistake.

    Returns the notification, who was told, who may have been, and who was not.
    """
    town.readers(6)
    notification = town.planned()
    (batch,) = town.batches(notification)
    one, two, wire, *rest = sorted(town.states(notification))
    journals = runtime.settings.var_dir / "journal"
    die_in_the_middle(runtime, journals, batch, (one, two), wire)
    end_lease(runtime, batch)
    replay_journals(runtime.db, journals, utcnow())
    article = town.get(Notification, notification).article_id
    now = utcnow()
    with runtime.db.write() as session:
        cancel(session, HaltScope.ARTICLE, article, "Yanlış tuş", None, now)
    settle_cancelled(runtime, HaltScope.ARTICLE, article, now)
    assert deliver(runtime, town) == []
    states = town.states(notification)
    assert states[wire] == DeliveryState.UNKNOWN
    assert {states[one] for one in rest} == {DeliveryState.CANCELLED}
    return notification, [one, two], wire, rest


def test_after_a_killed_worker_nobody_gets_two_and_none_is_left_out(town, runtime, start):
    notification, told, wire, rest = killed(town, runtime)
    late = town.reader()
    article = town.get(Notification, notification).article_id

    counted = start("resend-count", article)
    job = start("resend", article, unknown=False)
    again = start("resend", article, unknown=False)

    assert counted.result == {"cancelled": len(rest), "unplanned": 1, "unknown": 1}
    assert (job.state, job.total, job.done) == (JobState.DONE, len(rest) + 1, len(rest) + 1)
    assert (again.state, again.done) == (JobState.DONE, 0)
    assert Counter(deliver(runtime, town)) == Counter([*rest, late])
    states = town.states(notification)
    assert {one for one, state in states.items() if state == DeliveryState.SENT} == {
        *told,
        *rest,
        late,
    }
    with runtime.db.read() as session:
        listed = readers_page(session, notification, DeliveryState.UNKNOWN, 0)
    assert [one.delivery.destination_id for one in listed.readers] == [wire]
    assert town.findings() == []


def test_the_unknown_get_it_once_more_where_that_is_asked_for(town, runtime, start):
    notification, _, wire, rest = killed(town, runtime)
    article = town.get(Notification, notification).article_id

    job = start("resend", article, unknown=True)

    assert job.total == job.done == len(rest) + 1
    assert Counter(deliver(runtime, town)) == Counter([wire, *rest])


def test_a_resend_that_dies_after_each_range_ends_the_same(town, runtime, start, monkeypatch):
    monkeypatch.setattr("service.ledger.plan.FIRST_RANGE_SIZE", 2)
    monkeypatch.setattr("service.ledger.plan.RANGE_SIZE", 2)
    readers = town.readers(6)
    notification = town.planned()
    article = town.get(Notification, notification).article_id
    deliver(runtime, town, Recorder(lambda *_: NO))
    stored, deaths = resend.ResendMissing.store, []

    def dying(self: Any, runtime: Runtime, session: Any, job: Job, piece: Any) -> None:
        if len(deaths) < 3 and not piece.is_first:
            deaths.append(piece)
            raise RuntimeError("killed")
        stored(self, runtime, session, job, piece)

    monkeypatch.setattr(resend.ResendMissing, "store", dying)
    job = start("resend", article, unknown=False)
    while job.state == JobState.FAILED:
        with runtime.db.write() as session:
            queue.resume(session, job.id, utcnow())
        run(runtime, job.id)
        job = town.get(Job, job.id)

    assert len(deaths) == 3
    assert Counter(deliver(runtime, town)) == Counter(readers)
    assert town.counts(notification) == {DeliveryState.SENT: 6}


def test_a_planner_beside_the_job_doubles_nobody(town, runtime, start, monkeypatch):
    readers = town.readers(4)
    notification = town.planned()
    deliver(runtime, town, Recorder(lambda *_: NO))
    begin, ran = resend.begin_planning, []
    planner = Mock(wait=lambda _seconds: plan_notification(runtime, notification))

    def after_a_planner(session: Any, notification_id: int, now: Any) -> Any:
        if not ran:
            ran.append(notification_id)
            raise resend.Overtaken(notification_id)
        return begin(session, notification_id, now)

    monkeypatch.setattr(resend, "begin_planning", after_a_planner)
    monkeypatch.setattr(resend, "Event", lambda: planner)
    job = start("resend", town.get(Notification, notification).article_id, unknown=False)

    assert (job.state, job.total) == (JobState.DONE, 4)
    assert Counter(deliver(runtime, town)) == Counter(readers)


def test_what_was_withdrawn_meanwhile_is_said(town, runtime, start):
    town.readers(2)
    notification = town.planned()
    article = town.get(Notification, notification).article_id
    with runtime.db.write() as session:
        withhold(session, session.get_one(Article, article), utcnow())
    for kind in ("resend", "resend-count"):
        job = start(kind, article, unknown=False)
        assert job.state == JobState.FAILED
        assert "withdrawn" in job.error


def test_who_may_not_be_told_any_more_is_not_missing(town, runtime, start):
    one, two = town.readers(2)
    notification = town.planned()
    deliver(runtime, town, Recorder(lambda *_: NO))
    with runtime.db.write() as session:
        session.execute(update(Destination).where(Destination.id == two).values(is_paused=True))
    job = start("resend", town.get(Notification, notification).article_id, unknown=False)
    assert (job.total, deliver(runtime, town)) == (1, [one])
    assert town.get(Delivery, (notification, two)).state == DeliveryState.REJECTED
