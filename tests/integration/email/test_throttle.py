"""A provider that has had enough is left alone, and nobody else waits for it."""

from __future__ import annotations

import email
import threading
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from service.bounces import Complained
from service.db import utcnow
from service.ledger.alarms import clear_by_id
from service.ledger.bounces import record_report
from service.ledger.claim import claim
from service.models import (
    Alarm,
    AlarmKind,
    Batch,
    BatchState,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    MailLane,
)
from service.runtime import Runtime
from service.tasks import Queue, Task
from workers.courier import PeerAwayError
from workers.email import send_email_batch
from workers.email.throttle import IN_A_ROW, Throttle
from workers.turnstile import Entry, Turnstile

SENT, DEFERRED, QUEUED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.QUEUED
REJECTED = DeliveryState.REJECTED
SLOW_DOWN = "451 4.7.1 too many messages"
UNWELCOME = "550 5.7.26 unauthenticated mail"
NO_SENDER = "553 5.1.8 the domain of the sender does not resolve"
SECONDS = timedelta(seconds=20)


def never() -> None:
    raise AssertionError("nobody waits for this one")


def readers(town, count: int, domain: str, lane: str) -> list[int]:
    return [town.reader(address=f"okur{n}@{domain}", lane=lane) for n in range(count)]


@pytest.fixture
def lanes(runtime):
    """What is known of the lanes, by name."""

    def lanes() -> dict[str, MailLane]:
        with runtime.db.read() as session:
            return {lane.name: lane for lane in session.scalars(select(MailLane))}

    return lanes


@pytest.fixture
def wary(peer, monkeypatch):
    """One link at a time, so that answers come in a row."""
    monkeypatch.setattr("workers.email.throttle.MOST_LINKS", 1)
    monkeypatch.setattr("service.ledger.lanes.FIRST_LINKS", 1)


@pytest.mark.usefixtures("wary")
@pytest.mark.parametrize(
    ("answer", "state"),
    [(SLOW_DOWN, DEFERRED), (UNWELCOME, REJECTED), (NO_SENDER, REJECTED)],
)
def test_five_such_answers_in_a_row_close_the_lane_and_leave_its_other_readers_untouched(
    peer, town, send, clock, lanes, answer, state
):
    many = readers(town, 20, "gmail.com", "gmail")
    other = town.reader(address="okur@example.org")
    notification = town.planned()
    for number in range(20):
        peer.answers[f"okur{number}@gmail.com"] = answer

    send(notification)

    counts = town.counts(notification)
    assert counts[state] == IN_A_ROW
    assert counts[QUEUED] == len(many) - IN_A_ROW
    assert town.states(notification)[other] == SENT
    gmail = lanes()["gmail"]
    assert gmail.closed_until == pytest.approx(clock() + timedelta(minutes=5), abs=SECONDS)
    assert answer.partition(" ")[2] in gmail.reason
    (waiting,) = [batch for batch in town.all(Batch) if batch.state == BatchState.READY]
    assert waiting.due_at == pytest.approx(gmail.closed_until, abs=SECONDS)

    peer.answers.clear()
    clock.advance(minutes=6)
    send(notification)
    assert town.counts(notification)[SENT] == len(many) + 1 - IN_A_ROW
    assert town.findings() == []


@pytest.mark.usefixtures("wary")
def test_why_a_lane_was_closed_names_nobody(peer, town, send, lanes, said):
    readers(town, IN_A_ROW, "gmail.com", "gmail")
    for number in range(IN_A_ROW):
        address = f"okur{number}@gmail.com"
        peer.answers[address] = f"451 4.7.1 <{address}>: too many messages"

    send(town.planned())

    assert "too many messages" in lanes()["gmail"].reason
    assert "okur" not in lanes()["gmail"].reason
    assert "mail lane closed" in said()
    assert "okur" not in said()


@pytest.mark.usefixtures("wary")
def test_a_lane_that_is_closed_again_at_once_is_closed_for_longer(peer, town, send, clock, lanes):
    readers(town, 20, "gmail.com", "gmail")
    notification = town.planned()
    for number in range(20):
        peer.answers[f"okur{number}@gmail.com"] = SLOW_DOWN
    waits = []
    for _ in range(3):
        send(notification)
        waits.append(round((lanes()["gmail"].closed_until - clock()) / timedelta(minutes=1)))
        clock.advance(minutes=waits[-1] + 1)

    assert waits == [5, 10, 20]


@pytest.mark.usefixtures("wary")
def test_while_a_lane_is_closed_its_batches_wait_without_an_attempt_and_a_sign_in_link_does_not(
    peer, town, send, clock, lanes, runtime
):
    readers(town, 12, "gmail.com", "gmail")
    first = town.planned()
    for number in range(12):
        peer.answers[f"okur{number}@gmail.com"] = SLOW_DOWN
    send(first)
    asked = sum(peer.rcpts.values())

    second = town.planned()
    send(second)
    assert sum(peer.rcpts.values()) == asked
    (batch,) = [one for one in town.all(Batch) if one.notification_id == second]
    assert (batch.state, batch.attempts) == (BatchState.READY, 0)
    assert batch.due_at > clock() + timedelta(minutes=4)

    newcomer = town.reader(address="yeni@gmail.com", lane="gmail", is_verified=False)
    message = town.message(newcomer)
    send(message)
    assert town.states(message) == {newcomer: SENT}


@pytest.mark.usefixtures("wary")
def test_of_the_lane_of_many_domains_only_the_one_that_refuses_is_left_alone(
    peer, town, send, clock, lanes
):
    grey = readers(town, 9, "gri.example", "other")
    open_ = readers(town, 9, "acik.example", "other")
    notification = town.planned()
    for number in range(9):
        peer.answers[f"okur{number}@gri.example"] = "451 4.7.1 greylisted"

    send(notification)

    states = town.states(notification)
    assert {states[reader] for reader in open_} == {SENT}
    assert {states[reader] for reader in grey} == {DEFERRED}
    assert set(lanes()) == {"other", "gri.example"}
    tries = {row.destination_id: row.attempts for row in town.all(Delivery)}
    assert sum(tries[reader] for reader in grey) == IN_A_ROW
    codes = [row.code for row in town.all(DeliveryAnswer)]
    assert codes == ["4.7.1"] * IN_A_ROW
    due = [row.due_at for row in town.all(Delivery) if row.state == DEFERRED]
    assert min(due) > clock() + timedelta(minutes=4)
    assert town.findings() == []


def test_a_lane_gets_a_link_more_while_all_is_taken_and_half_of_them_when_it_complains(
    peer, town, send, lanes
):
    town.readers(60)
    send(town.planned())
    assert lanes()["other"].links == 6

    busy = town.reader(address="dolu@example.org")
    peer.answers["dolu@example.org"] = SLOW_DOWN
    with town.runtime.db.write() as session:
        session.execute(update(Delivery).values(state=SENT))
    notification = town.message(busy)
    send(notification)
    assert lanes()["other"].links == 3


@pytest.mark.usefixtures("wary")
def test_a_new_address_is_warmed_up_day_by_day(peer, town, runtime):
    home = Runtime.start(runtime.settings.model_copy(update={"mail_warmup": 20}))
    days = []
    town.readers(200)
    for _ in range(4):
        before = len(peer.mails)
        notification = town.planned()
        for _ in range(2):
            for batch in town.batches(notification):
                send_email_batch(home, batch)
        days.append(len(peer.mails) - before)
        waiting = [batch for batch in town.all(Batch) if batch.notification_id == notification]
        assert {batch.state for batch in waiting} == {BatchState.READY}
        assert town.counts(notification)[QUEUED] == 200 - days[-1]
        with runtime.db.write() as session:  # a day passes
            lane = session.get_one(MailLane, "other")
            lane.day -= timedelta(days=1)
    home.close()

    assert days == [20, 35, 61, 106]


def test_greylisted_mail_comes_again_after_five_minutes_in_the_same_envelope(
    peer, town, send, resend, clock
):
    """Criterion 17: same sender and Message-ID, and not before five minutes (RFC 6647)."""
    reader = town.reader(address="gri@example.org")
    notification = town.planned()
    peer.answers["gri@example.org"] = "450 4.2.0 greylisted"
    peer.senders.clear()
    send(notification)
    (row,) = town.all(Delivery)
    assert row.due_at >= row.settled_at + timedelta(minutes=5)

    peer.answers.clear()
    resend(notification)

    assert town.states(notification) == {reader: SENT}
    assert len(peer.senders) == 2
    assert len(set(peer.senders)) == 1
    token = peer.senders[0].removeprefix("b+")
    assert email.message_from_bytes(peer.mails[0][2])["Message-ID"] == f"<{token}>"


def test_a_slow_lane_holds_two_threads_of_a_worker_at_most():
    """Criterion 18: the others go on."""
    turnstile, through = Turnstile(), []
    inside, leave = threading.Barrier(3), threading.Event()

    def work(batch_id: int) -> None:
        with turnstile.passed("slow.example", batch_id, never) as entry:
            through.append(entry)
            inside.wait(5)
            leave.wait(5)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    rung = threading.Event()
    with (
        turnstile.passed("slow.example", 3, rung.set) as third,
        turnstile.passed("gmail", 4, never) as other,
    ):
        assert (third, other) == (Entry.IN_LINE, Entry.THROUGH)
    assert not rung.is_set()
    leave.set()
    for thread in threads:
        thread.join(5)
    assert through == [Entry.THROUGH, Entry.THROUGH]
    assert rung.is_set()
    with turnstile.passed("slow.example", 3, never) as again:
        assert again is Entry.THROUGH


def test_a_line_is_rung_for_in_its_order_one_as_each_is_done():
    turnstile, rung = Turnstile(most=1), []
    with turnstile.passed("gmail", 1, never):
        for number in (2, 3):
            with turnstile.passed("gmail", number, partial(rung.append, number)) as entry:
                assert entry is Entry.IN_LINE
    assert rung == [2]
    with turnstile.passed("gmail", 2, never):
        pass
    assert rung == [2, 3]
    with turnstile.passed("gmail", 3, never):
        pass
    assert rung == [2, 3]


def test_who_is_found_in_line_again_or_behind_a_long_line_comes_later():
    turnstile = Turnstile(most=0, longest=1)
    entries = []
    for number in (1, 2, 1, 2):
        with turnstile.passed("gmail", number, never) as entry:
            entries.append(entry)
    assert entries == [Entry.IN_LINE, Entry.LATER, Entry.LATER, Entry.IN_LINE]


def test_a_batch_in_line_is_rung_for_when_its_lane_has_a_thread_and_nothing_is_written(
    peer, town, send, runtime, monkeypatch
):
    reader = town.reader()
    notification = town.planned()
    (before,) = town.all(Batch)
    turnstile, rung = Turnstile(most=1), []
    monkeypatch.setattr("workers.email.task.TURNSTILE", turnstile)
    monkeypatch.setattr(runtime.doorbell, "ring", lambda *ring: rung.append(ring))
    with turnstile.passed(before.lane, 0, never):
        send(notification)
        (batch,) = town.all(Batch)
        assert (batch.state, batch.due_at) == (BatchState.READY, before.due_at)
        assert rung == []

    assert rung == [(Task.EMAIL_BATCH, before.id, Queue.EMAIL)]
    send(notification)
    assert town.states(notification) == {reader: SENT}


def test_a_batch_found_in_line_comes_again_soon_without_an_attempt(
    peer, town, send, clock, monkeypatch
):
    reader = town.reader()
    notification = town.planned()
    monkeypatch.setattr("workers.email.task.TURNSTILE", Turnstile(0))
    send(notification)
    send(notification)
    (batch,) = town.all(Batch)
    assert (batch.state, batch.attempts) == (BatchState.READY, 0)
    assert clock() < batch.due_at < clock() + timedelta(seconds=10)

    monkeypatch.setattr("workers.email.task.TURNSTILE", Turnstile())
    clock.advance(seconds=10)
    send(notification)
    assert town.states(notification) == {reader: SENT}


def test_a_lane_whose_readers_complain_is_stopped_until_staff_let_it_go_on(
    peer, town, send, runtime, clock
):
    """Rule 16; urgent news and sign-in links still go there."""
    gmail, other = readers(town, 30, "gmail.com", "gmail"), readers(town, 3, "mynet.com", "mynet")
    first = town.planned()
    send(first)
    with runtime.db.write() as session:
        for reader in gmail[:5]:
            record_report(session, Complained(first, reader), clock())
    second = town.planned()
    send(second)  # what one batch sees, the next one goes by
    third = town.planned()
    send(third)

    assert {town.states(third)[reader] for reader in other} == {SENT}
    assert {town.states(third)[reader] for reader in gmail[5:]} == {QUEUED}
    (alarm,) = [one for one in town.all(Alarm) if one.kind == AlarmKind.MAIL_COMPLAINTS]
    assert "5 readers of gmail" in alarm.text
    newcomer = town.reader(address="yeni@gmail.com", lane="gmail", is_verified=False)
    send(message := town.message(newcomer))
    assert town.states(message) == {newcomer: SENT}

    with runtime.db.write() as session:
        assert clear_by_id(session, alarm.id, clock())
    clock.advance(minutes=11)
    send(third)
    send(town.planned())
    assert {town.states(third)[reader] for reader in gmail[5:]} == {SENT}
    assert [one.cleared_at is None for one in town.all(Alarm)].count(True) == 0


def test_two_batches_at_once_share_what_a_new_address_may_send(peer, town, runtime):
    home = Runtime.start(runtime.settings.model_copy(update={"mail_warmup": 20}))
    first, second = (Throttle(home, "gmail", Queue.EMAIL) for _ in range(2))
    first.begin()
    with pytest.raises(PeerAwayError, match="has had its letters for today"):
        second.begin()

    first.keep()  # nothing was sent after all
    third = Throttle(home, "gmail", Queue.EMAIL)
    third.begin()
    assert third.wait_until() is None
    home.close()


def test_two_batches_of_a_lane_share_its_links(peer, town, runtime):
    town.readers(3)
    with runtime.db.write() as session:
        session.add(MailLane(name="other", links=12))
    assert Throttle(runtime, "other", Queue.EMAIL).links == 12
    (batch,) = town.batches(town.planned())
    with runtime.db.write() as session:
        assert claim(session, batch, utcnow(), runtime.settings.var_dir / "journal")

    assert Throttle(runtime, "other", Queue.EMAIL).links == 6


def test_who_is_told_to_go_away_at_the_door_comes_with_fewer_next_time(peer, town, send, lanes):
    town.readers(3)
    with town.runtime.db.write() as session:
        session.add(MailLane(name="other", links=16))
    peer.answers["MAIL"] = "421 4.7.0 too many connections"

    send(town.planned())

    assert lanes()["other"].links == 1


def test_a_sign_in_link_on_a_new_day_does_not_end_the_warm_up(peer, town, runtime):
    home = Runtime.start(runtime.settings.model_copy(update={"mail_warmup": 20}))
    Throttle(home, "gmail", Queue.TRANSACTIONAL).keep()
    Throttle(home, "gmail", Queue.EMAIL).begin()
    second = Throttle(home, "gmail", Queue.EMAIL)
    with pytest.raises(PeerAwayError):
        second.begin()
    home.close()


def test_a_day_with_complaints_lets_the_warm_up_grow_no_further(peer, town, runtime, clock):
    home = Runtime.start(runtime.settings.model_copy(update={"mail_warmup": 20}))
    reader = town.reader(address="okur@gmail.com", lane="gmail")
    notification = town.planned()
    yesterday = clock().date() - timedelta(days=2)
    with runtime.db.write() as session:
        session.add(MailLane(name="gmail", links=4, day=yesterday, cap=20, sent=20, deferred=0))
        assert record_report(session, Complained(notification, reader), clock())
    Throttle(home, "gmail", Queue.EMAIL).begin()
    with runtime.db.read() as session:
        assert session.get_one(MailLane, "gmail").cap == 20
    home.close()
