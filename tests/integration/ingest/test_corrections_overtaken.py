"""Corrections that wait while the article goes on: nobody is told what he has, or told twice."""

from __future__ import annotations

import pytest

from service.ledger.outcome import Outcome
from service.models import DeliveryState, NotificationState
from tests.integration.ingest.followed import CORRECTION, FIXED, mails, of, parsed, subjects
from workers.email.task import EmailSender

FIRST, SECOND = "Saat 14.00 olacak.", "Toplantı iptal."


@pytest.fixture
def defer(monkeypatch):
    """Puts off what goes to these destinations, for hours; none: nothing more is put off."""

    class Greylisted(EmailSender):
        busy: tuple[int, ...] = ()

        def send(self, row, on_wire):
            if row["destination_id"] in Greylisted.busy:
                return Outcome(DeliveryState.DEFERRED, "4.7.1", "later", 20 * 3600)
            return super().send(row, on_wire)

    monkeypatch.setattr("workers.email.task.EmailSender", Greylisted)

    def defer(*destinations: int) -> None:
        Greylisted.busy = destinations

    return defer


def text_of(mail) -> str:
    return parsed(mail).get_body(("plain",)).get_content()


def test_a_correction_is_not_sent_to_who_has_the_text_that_is_shown_again(
    cms, town, told, work, after, send_mail
):
    cms.post(title=FIXED, notify_update=True)
    work()
    cms.post()  # back, silently
    send_mail()
    after()

    assert subjects(town) == []
    (correction,) = of(town, CORRECTION)
    assert set(town.states(correction.id).values()) == {DeliveryState.CANCELLED}
    assert correction.state == NotificationState.DONE


def test_who_was_left_out_so_is_told_when_the_text_changes_again(
    cms, town, told, work, after, send_mail
):
    cms.post(title=FIXED, notify_update=True, change_note=FIRST)
    work()
    cms.post()
    work()
    cms.post(title=FIXED, notify_update=True)
    send_mail()
    after()
    after()

    assert subjects(town) == [f"Correction: {FIXED}", f"Düzeltme: {FIXED}"]
    assert all(FIRST in text_of(mail) for mail in mails(town)[2:])


def test_of_two_waiting_corrections_the_newer_alone_is_told_with_its_own_note(
    cms, town, told, work, after, send_mail
):
    cms.post(title="Ara düzeltme", notify_update=True, change_note=FIRST)
    work()
    cms.post(title=FIXED, notify_update=True, change_note=SECOND)
    work()
    send_mail()
    after()
    after()

    assert subjects(town) == [f"Correction: {FIXED}", f"Düzeltme: {FIXED}"]
    assert all(SECOND in text_of(mail) for mail in mails(town)[2:])
    older, newer = of(town, CORRECTION)
    assert set(town.states(older.id).values()) == {DeliveryState.CANCELLED}
    assert set(town.states(newer.id).values()) == {DeliveryState.SENT}


def test_the_newer_correction_does_not_wait_for_the_next_try_of_the_older(
    cms, town, told, after, defer
):
    defer(told[1])
    cms.post(title="Ara düzeltme", notify_update=True, change_note=FIRST)
    after()
    assert subjects(town) == ["Düzeltme: Ara düzeltme"]
    defer()
    cms.post(title=FIXED, notify_update=True, change_note=SECOND)
    after()

    assert sorted(subjects(town)) == sorted(
        ["Düzeltme: Ara düzeltme", f"Düzeltme: {FIXED}", f"Correction: {FIXED}"]
    )
    older, newer = of(town, CORRECTION)
    assert town.states(older.id)[told[1]] == DeliveryState.CANCELLED
    assert set(town.states(newer.id).values()) == {DeliveryState.SENT}
