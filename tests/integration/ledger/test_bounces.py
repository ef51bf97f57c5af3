"""Bounces: kept beside what was sent, once; whom they suppress, and whom they never do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.bounces import Complained, Returned
from service.db import utcnow
from service.ledger.alarms import clear_alarm
from service.ledger.bounces import record_report
from service.ledger.journal import Journal
from service.ledger.outcome import Outcome
from service.ledger.retention import Retention
from service.ledger.suppressions import lift
from service.ledger.sweep import due_deferrals, replay_journals
from service.ledger.troubles import complaints, counts_by_lane
from service.models import (
    Alarm,
    AlarmKind,
    Bounce,
    BounceVerdict,
    Delivery,
    DeliveryState,
    Destination,
    Notification,
    NotificationState,
    Subscription,
    Suppression,
)
from tests.integration.ledger.recorder import Recorder, end_lease
from workers.deliver import deliver_batch

HARD, SOFT, OURS = BounceVerdict.HARD, BounceVerdict.SOFT, BounceVerdict.OURS
DISABLED, COMPLAINT = BounceVerdict.DISABLED, BounceVerdict.COMPLAINT
STATUS = {HARD: "5.1.1", SOFT: "5.2.2", OURS: "5.7.1", DISABLED: "5.2.1"}
SENT, REJECTED = DeliveryState.SENT, DeliveryState.REJECTED


@pytest.fixture
def letter(runtime, town, clock):
    """A letter that left just now; returns the number of its notification."""

    def letter(reader: int) -> int:
        notification = town.notification(town.article())
        with runtime.db.write() as session:
            session.add(
                Delivery(
                    notification_id=notification,
                    destination_id=reader,
                    state=SENT,
                    settled_at=clock(),
                )
            )
        return notification

    return letter


@pytest.fixture
def report(runtime, clock):
    """Hands in a report; returns whether it was news."""

    def report(verdict: BounceVerdict, notification: int, reader: int, status: str = "") -> bool:
        if verdict is COMPLAINT:
            found = Complained(notification, reader)
        else:
            found = Returned(notification, reader, verdict, status or STATUS[verdict], "no")
        with runtime.db.write() as session:
            return record_report(session, found, clock())

    return report


@pytest.fixture
def bounce(letter, report):
    """A letter leaves and comes back."""
    return lambda verdict, reader, **how: report(verdict, letter(reader), reader, **how)


@pytest.fixture
def reasons(runtime, town):
    """Who is suppressed, and why."""

    def reasons() -> dict[int, str]:
        of = {one.address_hash: one.reason for one in town.all(Suppression)}
        known = {one.address_hash: one.id for one in town.all(Destination)}
        return {known[hashed]: reason for hashed, reason in of.items()}

    return reasons


@pytest.mark.parametrize(("verdict", "reason"), [(HARD, "hard bounce"), (COMPLAINT, "complaint")])
def test_an_unknown_mailbox_and_a_complaint_suppress_at_once(
    verdict, reason, town, letter, report, reasons
):
    reader = town.reader()
    town.reader()
    notification = letter(reader)

    assert report(verdict, notification, reader)

    assert reasons() == {reader: reason}
    (row,) = town.all(Bounce)
    assert (row.notification_id, row.destination_id, row.verdict) == (notification, reader, verdict)
    assert (row.lane, row.domain) == ("other", "example.org")
    assert "@" not in town.all(Suppression)[0].evidence
    assert f"notification {notification}" in town.all(Suppression)[0].evidence
    # What was sent stays sent, and what was asked for stays asked for.
    assert town.states(notification) == {reader: SENT}
    assert all(one.ended_at is None for one in town.all(Subscription))


def test_a_report_that_comes_twice_counts_once(town, letter, report, runtime, clock):
    reader = town.reader()
    notification = letter(reader)

    assert [report(HARD, notification, reader) for _ in range(3)] == [True, False, False]
    assert town.count(Bounce) == 1

    with runtime.db.write() as session:
        assert lift(session, town.get(Destination, reader).address_hash, clock())
    report(HARD, notification, reader)
    assert town.count(Suppression) == 0  # the same report does not undo what staff decided


def test_a_complaint_about_a_letter_that_bounced_is_another_fact(town, letter, report, reasons):
    reader = town.reader()
    notification = letter(reader)
    report(HARD, notification, reader)

    assert report(COMPLAINT, notification, reader)
    assert reasons() == {reader: "complaint"}

    report(HARD, letter(reader), reader)
    report(COMPLAINT, letter(reader), reader)
    assert reasons() == {reader: "complaint"}
    (row,) = town.all(Suppression)
    assert row.evidence == f"complaint, notification {notification}"  # the first one stays


def test_a_report_about_nobody_or_about_a_channel_is_nothing(town, letter, report):
    channel = town.channel("json://127.0.0.1/hook")

    assert not report(HARD, letter(4711), 4711)
    assert not report(HARD, letter(channel), channel)
    assert not report(BounceVerdict.NOTHING, letter(reader := town.reader()), reader, "4.7.1")

    assert town.count(Bounce) == town.count(Suppression) == 0


def test_a_disabled_mailbox_is_suppressed_at_the_second_within_seven_days(
    town, bounce, reasons, clock
):
    slow, quick = town.reader(), town.reader()
    bounce(DISABLED, slow)
    clock.advance(days=7, minutes=1)
    bounce(DISABLED, slow)
    bounce(DISABLED, quick)
    assert reasons() == {}

    clock.advance(days=6, hours=23)
    bounce(DISABLED, quick)

    assert reasons() == {quick: "mailbox disabled"}


@pytest.mark.parametrize(
    ("days", "is_suppressed"),
    [
        ((0, 1, 2, 3), False),
        ((0, 1, 2, 3, 13.9), False),
        ((0, 1, 2, 3, 14), True),
        ((0, 14, 15, 16), False),
        ((0, 5, 10, 15, 20), True),
    ],
)
def test_a_full_mailbox_is_suppressed_after_five_over_fourteen_days(
    days, is_suppressed, town, bounce, reasons, clock
):
    reader, passed = town.reader(), 0.0
    for day in days:
        clock.advance(days=day - passed)
        passed = day
        assert reasons() == {}
        bounce(SOFT, reader)

    assert reasons() == ({reader: "soft bounces"} if is_suppressed else {})


def test_a_letter_that_arrived_in_between_begins_the_count_anew(
    town, bounce, letter, reasons, clock
):
    reader = town.reader()
    for _ in range(4):
        bounce(SOFT, reader)
        clock.advance(days=3)
    letter(reader)
    clock.advance(days=3)
    bounce(SOFT, reader)  # the fifth, after fifteen days
    assert reasons() == {}
    for _ in range(4):
        assert reasons() == {}
        clock.advance(days=3.6)
        bounce(SOFT, reader)

    assert reasons() == {reader: "soft bounces"}


@pytest.mark.parametrize("how", ["came back", "left an hour ago", "left before the first"])
def test_what_is_no_success_does_not_begin_the_count_anew(
    how, town, bounce, letter, reasons, clock
):
    reader = town.reader()
    if how == "left before the first":
        letter(reader)
        clock.advance(hours=1)
    for _ in range(4):
        bounce(SOFT, reader)
        clock.advance(days=4)
    if how == "came back":
        bounce(OURS, reader)
        clock.advance(days=2)
    if how == "left an hour ago":
        letter(reader)
        clock.advance(hours=1)
    bounce(SOFT, reader)

    assert reasons() == {reader: "soft bounces"}


def test_our_fault_suppresses_nobody_however_often_and_alarms_once(town, bounce, reasons, clock):
    readers = [town.reader(address=f"o{n}@provider.example") for n in range(4)]
    bounce(OURS, town.reader(address="o@company.example"))
    for _ in range(3):  # one reader, again and again: one company's or one person's rule
        bounce(OURS, readers[0])
    bounce(OURS, readers[1])
    assert town.count(Alarm) == 0

    for reader in readers[2:] * 5:
        bounce(OURS, reader)
        clock.advance(days=1)

    assert reasons() == {}
    (alarm,) = town.all(Alarm)
    assert alarm.kind == AlarmKind.MAIL_REFUSED
    assert "provider.example" in alarm.text
    assert "5.7.1" in alarm.text
    assert "company" not in alarm.text


def test_two_days_apart_is_no_repetition(town, bounce, clock):
    for number in range(5):
        bounce(OURS, town.reader(address=f"o{number}@provider.example"))
        clock.advance(days=0.6)

    assert town.count(Alarm) == 0


def test_a_letter_that_proves_no_sender_alarms_at_the_first(town, bounce, reasons):
    reader = town.reader(address="ayse@provider.example")
    for status in ("5.7.515", "5.7.26", "5.7.515"):
        bounce(OURS, reader, status=status)

    (alarm,) = town.all(Alarm)
    assert "5.7.515" in alarm.text
    assert reasons() == {}


def test_a_domain_that_does_not_say_why_is_shown_to_staff_before_anybody_suffers(
    runtime, town, bounce, reasons, clock
):
    """Without an enhanced status a block looks like a dead mailbox."""
    readers = [town.reader(address=f"o{n}@plain.example") for n in range(3)]
    other = town.reader(address="o@else.example")
    for day in range(5):
        for reader in (*readers, other):
            bounce(SOFT, reader, status=("550", "5.0.0", "", "4.3.0", "554")[day])
        clock.advance(days=3.5 if day < 4 else 0)
    (alarm,) = town.all(Alarm)
    assert "plain.example" in alarm.text
    assert reasons() == {other: "soft bounces"}

    bounce(SOFT, readers[0], status="5.2.2")  # one that does say why
    assert reasons() == {other: "soft bounces"}

    with runtime.db.write() as session:
        clear_alarm(session, AlarmKind.MAIL_REFUSED, alarm.object_id, clock())
    for reader in readers:
        bounce(SOFT, reader, status="550")
    assert set(reasons()) == {other, *readers}
    assert town.count(Alarm) == 1  # staff have looked at it
    clock.advance(days=31)
    for reader in readers:
        bounce(SOFT, reader, status="550")
    assert town.count(Alarm) == 2


def test_what_a_lane_holds_against_us_is_counted_since_a_time(runtime, town, bounce, clock):
    reader = town.reader(address="a@outlook.com", lane="microsoft")
    bounce(OURS, reader)
    clock.advance(hours=2)
    since = clock() - timedelta(hours=1)
    for verdict in (OURS, OURS, COMPLAINT, SOFT):
        bounce(verdict, reader)
    bounce(OURS, town.reader())

    with runtime.db.read() as session:
        assert complaints(session, "microsoft", since) == 1
        assert complaints(session, "gmail", since) == 0
        assert counts_by_lane(session, since) == {
            "microsoft": {OURS: 2, COMPLAINT: 1, SOFT: 1},
            "other": {OURS: 1},
        }


def test_what_was_lifted_counts_for_no_other_suppression(runtime, town, bounce, reasons, clock):
    reader = town.reader()
    for _ in range(5):
        bounce(SOFT, reader)
        clock.advance(days=4)
    bounce(DISABLED, reader)
    assert reasons() == {reader: "soft bounces"}
    hashed = town.get(Destination, reader).address_hash
    with runtime.db.write() as session:
        assert lift(session, hashed, clock())
        assert not lift(session, hashed, clock())

    bounce(SOFT, reader)
    bounce(DISABLED, reader)

    assert reasons() == {}


# Refusals in the dialogue itself.


@pytest.fixture
def refuse(runtime, town):
    """Plans an article to everybody; the peer answers so."""

    def refuse(answers: dict[int, Outcome]) -> int:
        notification = town.planned()
        for batch in town.batches(notification):
            sender = Recorder(lambda id_, on_wire: on_wire() or answers.get(id_))
            deliver_batch(runtime, batch, sender)
        return notification

    return refuse


@pytest.mark.usefixtures("full_audit")
def test_direct_refusals_follow_the_same_rules(town, refuse, reasons):
    gone, full, blocked, plain, well = (town.reader() for _ in range(5))
    channel = town.channel("json://127.0.0.1/hook")
    notification = refuse(
        {
            gone: Outcome(REJECTED, "5.1.1", "550 5.1.1 <x@example.org> unknown"),
            full: Outcome(REJECTED, "5.2.2", "552 5.2.2 full"),
            blocked: Outcome(REJECTED, "5.7.1", "550 5.7.1 blocked"),
            plain: Outcome(REJECTED, "550", "550 no"),
            channel: Outcome(REJECTED, "404", "gone"),
        }
    )

    assert reasons() == {gone: "hard bounce"}
    found = {one.destination_id: (one.verdict, one.status) for one in town.all(Bounce)}
    assert found == {
        gone: (HARD, "5.1.1"),
        full: (SOFT, "5.2.2"),
        blocked: (OURS, "5.7.1"),
        plain: (SOFT, "550"),
    }
    assert all("@" not in one.detail for one in town.all(Bounce))
    assert town.states(notification)[well] == SENT

    again = refuse({})
    assert town.states(again)[gone] == DeliveryState.SUPPRESSED


@pytest.mark.parametrize("code", ["letter", "url", "lost", "expired", ""])
def test_what_no_server_said_is_held_against_nobody(code, town, refuse):
    reader = town.reader()
    refuse({reader: Outcome(REJECTED, code, "5.1.1")})

    assert town.count(Bounce) == 0


def test_a_letter_that_expired_is_judged_by_the_last_answer(runtime, town, refuse, clock):
    reader = town.reader()
    notification = refuse({reader: Outcome(DeliveryState.DEFERRED, "4.2.2", "452 4.2.2 full")})
    assert town.count(Bounce) == 0  # still on its way
    clock.advance(days=2)
    with runtime.db.write() as session:
        due_deferrals(session, clock(), clock())
    for batch in town.batches(notification):
        deliver_batch(runtime, batch, Recorder())

    assert town.states(notification) == {reader: REJECTED}
    (row,) = town.all(Bounce)
    assert (row.verdict, row.status) == (SOFT, "4.2.2")


def test_rows_go_with_the_ledger_also_those_that_come_late(runtime, town, letter, report, clock):
    reader = town.reader()
    notification = letter(reader)
    report(SOFT, notification, reader)
    with runtime.db.write() as session:
        row = session.get_one(Notification, notification)
        row.state, row.done_at, row.planned = NotificationState.DONE, clock(), 1
        row.planned_at = clock()
    retention = Retention.of(runtime.db, runtime.settings)
    clock.advance(days=89)
    list(retention.steps(clock()))
    assert town.count(Bounce) == 1

    clock.advance(days=20)
    list(retention.steps(clock()))
    clock.advance(days=20)
    list(retention.steps(clock()))
    assert town.count(Bounce) == 0

    report(COMPLAINT, notification, reader)
    assert town.count(Bounce) == town.count(Suppression) == 1
    list(retention.steps(clock()))
    assert town.count(Bounce) == 0
    assert town.count(Suppression) == 1


@pytest.mark.parametrize(
    ("reason", "state"), [("hard bounce", SENT), ("complaint", DeliveryState.SUPPRESSED)]
)
def test_a_letter_that_its_person_asked_for_goes_to_a_mailbox_that_bounced(
    reason, state, runtime, town
):
    reader = town.reader()
    with runtime.db.write() as session:
        hashed = session.get_one(Destination, reader).address_hash
        session.add(Suppression(address_hash=hashed, reason=reason))
    notification = town.message(reader)

    for batch in town.batches(notification):
        deliver_batch(runtime, batch, Recorder())

    assert town.states(notification) == {reader: state}


def test_a_refusal_that_only_a_journal_tells_suppresses_too_and_once(
    one_batch, take, journals, runtime, town
):
    """Its owner lost the batch while the letter was on the wire; the answer came after that."""
    notification, batch = one_batch(1)
    (reader,) = town.states(notification)
    journal = Journal(journals, take(batch).token, batch)
    journal.set_revision(1)
    journal.wire(reader)
    end_lease(runtime, batch)
    take(batch)
    assert town.states(notification) == {reader: DeliveryState.DEFERRED}  # the worst is assumed
    journal.answer(reader, Outcome(REJECTED, "5.1.1", "550 5.1.1 no such user"))
    journal.abandon()

    for _ in range(2):
        replay_journals(runtime.db, journals, utcnow())

    assert town.states(notification) == {reader: REJECTED}
    assert [one.status for one in town.all(Bounce)] == ["5.1.1"]
    assert [one.reason for one in town.all(Suppression)] == ["hard bounce"]
