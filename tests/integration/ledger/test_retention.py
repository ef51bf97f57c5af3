"""Retention: rows go, counts stay, and the ledger adds up wherever a run dies."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, text, update

from service.db import utcnow
from service.ledger import clearing
from service.ledger.approve import ApprovalError, approve
from service.ledger.audit import audit
from service.ledger.counts import outcome_counts
from service.ledger.days import sums
from service.ledger.followup import follow
from service.ledger.followup import told as followed_up
from service.ledger.plan import plan_again
from service.ledger.retention import Retention
from service.ledger.tallying import count_due
from service.models import (
    Article,
    Batch,
    BatchState,
    Consent,
    ConsentAct,
    Delivery,
    DeliveryAnswer,
    DeliveryDay,
    DeliveryState,
    Notification,
    NotificationKind,
    NotificationState,
    Staff,
)
from workers.plan import plan_notification
from workers.retain import forget_expired

pytestmark = pytest.mark.usefixtures("full_audit")
SENT, REJECTED, SUPPRESSED = DeliveryState.SENT, DeliveryState.REJECTED, DeliveryState.SUPPRESSED
ZONE = ZoneInfo("Europe/Istanbul")
OLD = timedelta(days=91)


@pytest.fixture
def retention(runtime) -> Retention:
    return Retention.of(runtime.db, runtime.settings)


@pytest.fixture
def run(retention, clock):
    """Does it all; returns the steps."""
    return lambda: list(retention.steps(clock()))


@pytest.fixture
def ended(runtime, town):
    """Ends a planned notification: the last delivery is rejected, the others that wait are sent."""

    def end(notification_id: int, *, is_over: bool = True, **values: object) -> int:
        article_id = town.get(Notification, notification_id).article_id
        revision_id = article_id and town.get(Article, article_id).revision_id
        queued = [one for one, state in town.states(notification_id).items() if state == 0]
        with runtime.db.write() as session:
            own = Delivery.notification_id == notification_id
            session.execute(
                update(Delivery)
                .where(own, Delivery.state == DeliveryState.QUEUED)
                .values(state=SENT, revision_id=revision_id, settled_at=utcnow())
            )
            if len(queued) > 1:
                last = Delivery.destination_id == max(queued)
                session.execute(update(Delivery).where(own, last).values(state=REJECTED))
                answer = {"notification_id": notification_id, "destination_id": max(queued)}
                session.execute(insert(DeliveryAnswer), [{**answer, "state": REJECTED}])
            session.execute(
                update(Batch)
                .where(Batch.notification_id == notification_id)
                .values(state=BatchState.DONE)
            )
            state = {"state": NotificationState.DONE, "done_at": utcnow()} if is_over else {}
            session.execute(
                update(Notification)
                .where(Notification.id == notification_id)
                .values(**state, **values)
            )
        return notification_id

    return end


def rows_of(town, notification_id: int) -> int:
    return len(town.states(notification_id))


def counts(runtime, article_id: int) -> dict[str, int]:
    with runtime.db.read() as session:
        return outcome_counts(session, article_id)


def days(runtime, clock) -> dict[tuple[date, str, int], int]:
    """The sums of the days around now, by day, kind and outcome."""
    today = clock().astimezone(ZONE).date()
    count_due(runtime.db, ZONE, clock(), is_all=True)
    with runtime.db.read() as session:
        found = sums(session, today - timedelta(days=400), today)
    return {(cell.day, cell.kind, cell.state): count for cell, count in found.items()}


def test_rows_go_and_counts_stay(runtime, town, ended, run, clock):
    town.readers(5)
    town.reader(is_paused=True)
    told = ended(town.planned())
    article = town.get(Notification, told).article_id
    before, sums_before = counts(runtime, article), days(runtime, clock)
    clock.advance(days=89)
    assert run() == []
    clock.advance(days=2)
    run()
    clock.advance(days=9)
    run()

    row = town.get(Notification, told)
    assert row.final_counts == {"sent": 4, "rejected": 1, "suppressed": 1}
    assert counts(runtime, article) == before
    assert before["planned"] == 6
    assert days(runtime, clock) == sums_before
    assert [town.count(model) for model in (Delivery, DeliveryAnswer, Batch)] == [0, 0, 0]
    assert row.cleared_at is not None


def test_a_run_that_dies_anywhere_is_gone_on_with(runtime, town, ended, retention, clock):
    town.readers(4)
    told = [ended(town.planned()) for _ in range(3)]
    ended(town.message(town.reader(None)))
    articles = [town.get(Notification, one).article_id for one in told]
    before = [counts(runtime, article) for article in articles]
    sums_before = days(runtime, clock)
    clock.advance(days=100)
    died = 0
    while any(retention.look(clock()).__dict__[what] for what in ("notifications", "waiting")):
        if not list(islice(retention.steps(clock()), 1)):  # one commit, and then it dies
            clock.advance(days=9)
        died += 1

        assert died < 50
        assert town.findings() == []
        assert [counts(runtime, article) for article in articles] == before
        assert days(runtime, clock) == sums_before

    assert town.count(Delivery) == town.count(Batch) == town.count(DeliveryAnswer) == 0
    assert town.count(Notification) == 4


def test_two_runs_at_once_count_nothing_twice(runtime, town, ended, retention, clock):
    town.readers(3)
    for _ in range(8):
        ended(town.planned())
    sums_before = days(runtime, clock)
    clock.advance(days=100)
    start = threading.Barrier(2)

    def once() -> None:
        start.wait()
        for _ in retention.steps(clock()):
            pass

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(once) for _ in range(2)]:
            future.result()

    assert retention.look(clock()).notifications == 0
    assert days(runtime, clock) == sums_before
    assert sum(row.count for row in town.all(DeliveryDay)) == 24


def test_what_changes_while_it_is_counted_is_not_archived(
    runtime, town, ended, retention, clock, monkeypatch
):
    town.readers(2)
    told = ended(town.planned())
    clock.advance(days=100)
    count_cells = "service.ledger.days.count_cells"
    real = retention.steps.__globals__["days"].count_cells

    def count_and_be_overtaken(*arguments):
        counted = real(*arguments)
        with runtime.db.write() as session:
            plan_again(session, told, clock())
        return counted

    monkeypatch.setattr(count_cells, count_and_be_overtaken)
    for _ in retention.steps(clock()):
        pass

    assert town.get(Notification, told).archived_at is None
    assert rows_of(town, told) == 2
    assert town.count(DeliveryDay) == 0


def test_what_is_not_over_stays_and_so_does_what_its_article_still_needs(
    runtime, town, ended, run, clock
):
    town.readers(2)
    article = town.article()
    told = ended(town.planned(article))
    other = ended(town.planned())
    going_on = town.planned()
    clock.advance(days=50)
    with runtime.db.write() as session:
        correction = Notification(
            kind=NotificationKind.CORRECTION,
            state=NotificationState.HELD,
            article_id=article,
            release_at=clock(),
            created_at=clock(),
        )
        session.add(correction)
    clock.advance(days=50 - 9)
    run()
    clock.advance(days=9)
    run()

    assert [rows_of(town, one) for one in (told, other, going_on)] == [2, 0, 2]
    assert town.get(Notification, told).archived_at is None

    clock.advance(days=60)  # what is held for so long keeps them no more
    run()
    clock.advance(days=9)
    run()

    assert [rows_of(town, one) for one in (told, other, going_on)] == [0, 0, 2]


def test_a_notification_that_does_not_add_up_is_left_to_the_audit(
    runtime, town, ended, run, clock, monkeypatch
):
    town.readers(2)
    told = ended(town.planned(), planned=3)
    clock.advance(days=100)
    run()

    assert town.get(Notification, told).archived_at is None
    assert [one.partition(":")[0] for one in town.findings()] == [
        "planned is not the sum of the outcomes of notification"
    ]
    with runtime.db.write() as session:
        session.execute(update(Notification).values(planned=2))


def test_a_cancelled_notification_goes_too(town, ended, run, clock):
    town.readers(2)
    told = ended(town.planned(), is_over=False, state="cancelled", stopped_at=utcnow())
    clock.advance(days=91)
    run()

    assert town.get(Notification, told).final_counts == {"sent": 1, "rejected": 1}


@pytest.mark.parametrize(
    ("released", "day"),
    [
        (datetime(2026, 3, 1, 20, 59, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 1, 21, 0, 0, tzinfo=UTC), date(2026, 3, 2)),
    ],
)
def test_a_day_ends_at_the_city_s_midnight(runtime, town, ended, run, clock, released, day):
    town.readers(2)
    told = ended(town.planned(), released_at=released)

    def on(first: date) -> int:
        count_due(runtime.db, ZONE, clock(), is_all=True)
        with runtime.db.read() as session:
            return sums(session, first, first).total()

    around = [day - timedelta(days=1), day, day + timedelta(days=1)]
    assert [on(one) for one in around] == [0, 2, 0]
    clock.advance(days=100)
    run()

    assert town.get(Notification, told).archived_at is not None
    assert {row.day for row in town.all(DeliveryDay)} == {day}
    assert [on(one) for one in around] == [0, 2, 0]


def test_sums_tell_lanes_apart_and_forget_nobody_who_was_erased(runtime, town, ended, run, clock):
    gone = town.reader(lane="gmail")
    town.reader(lane="outlook")
    ended(town.planned())
    with runtime.db.write() as session:
        for table in ("subscription", "destination"):
            column = "id" if table == "destination" else "destination_id"
            session.execute(text(f"DELETE FROM {table} WHERE {column} = {gone}"))
    clock.advance(days=91)
    run()

    assert {(row.destination_kind, row.lane, row.count) for row in town.all(DeliveryDay)} == {
        ("", "", 1),
        ("email", "outlook", 1),
    }


def test_letters_of_the_service_keep_nothing_that_leads_to_a_person(
    runtime, town, ended, run, clock
):
    letter = ended(
        town.message(town.reader(None)),
        payload={"template": "confirm", "token_id": 7, "language": "en"},
    )
    correction = ended(town.planned(), payload={"note": "Saat yanlıştı.", "original": 1})
    clock.advance(days=91)
    run()

    assert town.get(Notification, letter).payload == {"template": "confirm"}
    assert town.get(Notification, correction).payload["note"] == "Saat yanlıştı."


def test_proof_of_consent_is_kept(runtime, town, ended, clock):
    town.readers(2)
    ended(town.planned())
    with runtime.db.write() as session:
        session.add(
            Consent(
                address_hash="h", act=ConsentAct.CONFIRMED, text_hash="t", language="tr", origin="x"
            )
        )
    proof = [vars(row) | {"_sa_instance_state": 0} for row in town.all(Consent)]
    clock.advance(days=2_000)
    for _ in range(2):
        forget_expired(runtime)
        clock.advance(days=9)

    assert town.count(Delivery) == 0
    assert [vars(row) | {"_sa_instance_state": 0} for row in town.all(Consent)] == proof
    assert town.count(Article) == town.count(Notification) == 1


def test_many_rows_go_in_small_steps(runtime, town, ended, retention, clock):
    number = 50_000
    told = ended(town.planned())
    with runtime.db.write() as session:
        session.execute(
            text("""
                INSERT INTO delivery (notification_id, destination_id, state, attempts)
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
                SELECT :told, i, 5, 0 FROM n
            """),
            {"told": told, "number": number},
        )
        session.execute(
            text("""
                INSERT INTO delivery_answer
                    (notification_id, destination_id, state, code, detail, at)
                SELECT notification_id, destination_id, 3, '', '', :now FROM delivery
            """),
            {"now": utcnow()},
        )
        session.execute(update(Notification).values(planned=number))
    clock.advance(days=91)
    at_once = [step.count for step in retention.steps(clock()) if step.what == "deleted"]
    clock.advance(days=9)
    deleted = [step.count for step in retention.steps(clock()) if step.what == "deleted"]
    deleted += at_once

    assert town.count(Delivery) == town.count(DeliveryAnswer) == 0
    assert sum(deleted) == 2 * number
    assert max(deleted) <= clearing.STEP


def test_a_correction_of_old_news_finds_nobody(runtime, town, ended, run, clock):
    """Else those alone would hear of it whose rows happen to be there still."""
    town.readers(2)
    article = town.article()
    original = ended(town.planned(article))
    clock.advance(days=91)
    run()
    with runtime.db.write() as session:
        row = session.get_one(Article, article, with_for_update=True)
        made = follow(session, row, NotificationKind.WITHDRAWAL, "", clock(), "")
        later = Notification(id=original + 10, kind="correction", article_id=article)

        assert made is None
        assert followed_up(session, later) == []


def test_a_story_that_was_told_long_ago_is_told_to_nobody_again(runtime, town, ended, run, clock):
    town.readers(2)
    first = town.article()
    ended(town.planned(first))
    clock.advance(days=91)
    run()
    again = town.article(story_id=town.get(Article, first).story_id)
    late = town.notification(again)
    plan_notification(runtime, late)

    assert town.states(late) == {}
    assert town.get(Notification, late).state == NotificationState.DONE


def test_what_is_archived_is_neither_planned_again_nor_approved(
    runtime, town, ended, run, clock, editor
):
    town.readers(2)
    told = ended(town.planned(), is_urgent=True)
    clock.advance(days=91)
    run()
    with runtime.db.write() as session:
        staff = session.scalars(select(Staff.id)).one()

        assert not plan_again(session, told, clock())
        with pytest.raises(ApprovalError, match="too old"):
            approve(session, told, staff, clock(), 2)


HALF = {
    "planned is not the sum of the final counts": "UPDATE notification SET planned = planned + 1",
    "final counts without an end": "UPDATE notification SET final_counts = NULL",
    "rows of what is archived": "UPDATE notification SET cleared_at = archived_at",
    "batches of what is cleared": "UPDATE notification SET cleared_at = archived_at",
    "the sums of all days": "DELETE FROM delivery_day",
}


def test_the_audit_finds_each_half_of_a_retention(runtime, town, ended, retention, clock, subtests):
    town.readers(2)
    ended(town.planned())
    clock.advance(days=91)
    next(retention.steps(clock()))
    assert town.findings() == []

    for rule, breakage in HALF.items():
        with subtests.test(rule), runtime.db.write() as session:
            session.execute(text(breakage))
            found = audit(session)
            session.rollback()
            assert rule in {one.rule[: len(rule)] for one in found}
