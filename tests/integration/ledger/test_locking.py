"""Who waits for whom on PostgreSQL; SQLite has one writer, who waits for nobody."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from service.db import utcnow
from service.ledger import sweep
from service.ledger.approve import ApprovalError, approve
from service.ledger.labels import decide
from service.ledger.layout import Shares
from service.ledger.plan import begin_planning, plan_range
from service.ledger.publish import stop
from service.ledger.stories import link
from service.models import (
    Article,
    Batch,
    InboxEvent,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
    Staff,
    Verdict,
)

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
PLANNED = NotificationState.PLANNED
NEW, CORRECTION = NotificationKind.NEW, NotificationKind.CORRECTION


@pytest.fixture
def db(runtime):
    return runtime.db


@pytest.fixture
def article(town, db) -> int:
    """One whose news and two corrections are being planned."""
    article_id = town.article()
    for number, kind in enumerate((NEW, CORRECTION, CORRECTION)):
        with db.write() as session:
            session.add(
                Notification(
                    kind=kind,
                    state=NotificationState.PLANNING,
                    article_id=article_id,
                    revision_id=number,
                    release_at=utcnow(),
                    released_at=utcnow(),
                )
            )
    return article_id


def free(session) -> list[int]:
    """The notifications that nobody has locked."""
    found = session.scalars(select(Notification.id).with_for_update(skip_locked=True))
    return sorted(found)


def test_a_withdrawal_locks_the_notifications_of_its_article_in_one_order(article, town, db):
    first, second, third = sorted(row.id for row in town.all(Notification))
    with db.write() as session:  # a new version of the row, behind the others
        moved = update(Notification).where(Notification.id == first)
        session.execute(moved.values(rung_at=utcnow()))

    def withdraw() -> None:
        with db.write() as session:
            stop(session, session.get_one(Article, article, with_for_update=True), utcnow())

    thread = threading.Thread(target=withdraw)
    with db.write() as holder:
        holder.get_one(Notification, second, with_for_update=True)
        thread.start()
        _wait_for_a_waiter(db)
        with db.write() as session:
            assert free(session) == [third]
    thread.join()
    assert all(row.stopped_at for row in town.all(Notification))


def _wait_for_a_waiter(db) -> None:
    deadline = time.monotonic() + 10
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while time.monotonic() < deadline:
        with db.read() as session:
            if session.execute(waiting).scalar():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("who", ["link", "decide", "withdraw"])
def test_planning_and_a_change_of_its_article_wait_for_each_other_in_turn(
    town, db, who: str
) -> None:
    """The planner has the notification when the other one takes the article, then asks for it."""
    town.reader()
    planned, other, topic = town.article(), town.article(), town.topic("spor")
    notification = town.notification(planned)

    def change() -> None:
        with db.write() as session:
            article = session.get_one(Article, planned, with_for_update=True)
            if who == "link":
                link(session, other, planned, {}, utcnow())
            elif who == "decide":
                decide(session, planned, topic, LabelState.PUBLISHED, utcnow())
            else:
                stop(session, article, utcnow())

    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            begun = begin_planning(session, notification, utcnow())
            changed = pool.submit(change)
            _wait_for_a_waiter(db)
            plan_range(session, begun, Shares(), utcnow())
        changed.result(10)
    assert town.counts(notification).total() == 1


def test_an_approval_and_a_withdrawal_wait_for_each_other_in_turn(town, db) -> None:
    article_id = town.article()
    notification = town.notification(article_id)
    with db.write() as session:
        staff = Staff(email="ayse@example.org", fs_uniquifier="a")
        session.add(staff)
        session.execute(update(Notification).values(is_urgent=True, state=PLANNED))

    def give() -> None:
        with db.write() as session:
            approve(session, notification, staff.id, utcnow(), 2)

    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            article = session.get_one(Article, article_id, with_for_update=True)
            given = pool.submit(give)
            _wait_for_a_waiter(db)
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            stop(session, article, utcnow())
        with pytest.raises(ApprovalError, match="withdrawn"):
            given.result(10)


def test_two_withdrawals_of_one_story_wait_for_each_other_in_turn(town, db) -> None:
    """Each stops its own notification, and plans the other one's again."""
    first = town.article()
    second = town.article(story_id=town.get(Article, first).story_id)
    notifications = [town.notification(article_id) for article_id in (first, second)]

    def withdraw(article_id: int) -> None:
        with db.write() as session:
            stop(session, session.get_one(Article, article_id, with_for_update=True), utcnow())

    with ThreadPoolExecutor(2) as pool:
        with db.write() as holder:
            holder.get_one(Notification, notifications[0], with_for_update=True)
            stopped = [pool.submit(withdraw, article_id) for article_id in (second, first)]
            _wait_for_a_waiter(db)
            with db.write() as session:
                assert free(session) == [notifications[1]]
        for one in stopped:
            one.result(10)


@pytest.mark.parametrize(
    ("stage", "model"),
    [
        (sweep.waiting_plans, Notification),
        (sweep.waiting_batches, Batch),
        (sweep.waiting_revisions, Revision),
        (sweep.waiting_events, InboxEvent),
    ],
)
def test_a_sweep_passes_by_what_somebody_else_has(cms, town, db, stage, model):
    for number in range(2):
        cms.post(id=f"n-{number}", url=f"https://www.example.bel.tr/haber/{number}")
        town.reader()
        town.planned()
    with db.write() as session:
        session.execute(update(Revision).values(state=RevisionState.RECEIVED))
        session.execute(update(Notification).values(state=NotificationState.PLANNING))
        session.execute(update(InboxEvent).values(verdict=Verdict.PENDING, due_at=utcnow()))
        session.execute(update(InboxEvent).values(rung_at=utcnow()))
    later = utcnow() + timedelta(minutes=1)
    held, *others = sorted(row.id for row in town.all(model))
    with db.write() as holder:
        holder.get_one(model, held, with_for_update=True)
        with db.write() as session:
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            rung = {ring.row_id for ring in stage(session, later, later)}
    assert rung == set(others)
    assert others
