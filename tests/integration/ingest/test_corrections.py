"""What follows an article that was told: to those who got it, once, and to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Destination,
    NotificationState,
    Revision,
    Subscription,
    Suppression,
)
from tests.integration.ingest.followed import (
    CORRECTION,
    FIXED,
    WITHDRAWAL,
    mails,
    of,
    parsed,
    subjects,
)
from workers.deliver import deliver_batch
from workers.email.task import EmailSender

NOTE = "Toplantı 7 Haziran’da."


def test_a_correction_goes_to_those_who_were_told_and_says_what_changed(cms, town, told, after):
    town.reader()  # came later: was never told the wrong text
    cms.post(title=FIXED, notify_update=True, change_note=NOTE)
    after()

    assert subjects(town) == [f"Correction: {FIXED}", f"Düzeltme: {FIXED}"]
    (correction,) = of(town, CORRECTION)
    assert (correction.state, correction.planned) == (NotificationState.DONE, 2)
    turkish = next(mail for mail in mails(town) if mail.subject.startswith("Düzeltme"))
    text = parsed(turkish).get_body(("plain",)).get_content()
    assert "Daha önce duyurduğumuz bu haber düzeltildi." in text
    assert f"Ne değişti: {NOTE}" in text
    assert NOTE in parsed(turkish).get_body(("html",)).get_content()


def test_a_correction_is_shown_below_its_letter(cms, town, told, after):
    cms.post(title=FIXED, notify_update=True)
    after()

    letters = {(m["To"], m["Subject"].startswith(("D", "C"))): m for m in map(parsed, mails(town))}
    for address in {address for address, _ in letters}:
        first, second = letters[address, False], letters[address, True]
        assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
        assert first["In-Reply-To"] is None


def test_an_edit_without_the_flag_tells_nobody(cms, town, told, after):
    cms.post(title=FIXED)
    after()

    assert subjects(town) == []


def test_the_flag_may_come_after_the_edit(cms, town, told, after):
    cms.post(title=FIXED)
    after()
    assert cms.post(title=FIXED, notify_update=True).json["status"] == "unchanged"
    after()

    assert len(subjects(town)) == 2


@pytest.mark.parametrize("again", [1, 3])
def test_the_same_correction_again_is_told_once(cms, town, told, after, again):
    for _ in range(1 + again):
        cms.post(title=FIXED, notify_update=True)
        after()

    assert len(subjects(town)) == 2


def test_the_flag_on_an_unchanged_text_tells_nobody(cms, town, told, after):
    cms.post(notify_update=True)
    after()

    assert subjects(town) == []


def test_who_left_or_bounced_since_is_not_told(cms, town, told, after):
    town.unsubscribe(told[0])
    with town.runtime.db.write() as session:
        hashed = session.get_one(Destination, told[1]).address_hash
        session.add(Suppression(address_hash=hashed, reason="bounce"))
    cms.post(title=FIXED, notify_update=True)
    after()

    assert subjects(town) == []
    (correction,) = of(town, CORRECTION)
    assert town.states(correction.id) == {told[1]: DeliveryState.SUPPRESSED}


def test_who_asked_for_a_topic_that_the_article_lost_still_hears_of_the_correction(
    cms, town, told, after
):
    words = {"title": "Tenis turnuvası başladı", "summary": "Maçlar sürüyor.", "body_html": None}
    cms.post(**words, notify_update=True)
    after()

    assert len(subjects(town)) == 2


def test_a_change_during_the_hold_is_told_once_as_news(cms, town, after):
    town.reader()
    cms.post()
    cms.post(title=FIXED, notify_update=True)
    after()

    assert [mail.subject for mail in mails(town)] == [FIXED]
    assert of(town, CORRECTION) == []


def test_back_to_the_first_text_is_told_to_those_who_got_the_second(cms, town, told, after):
    cms.post(title=FIXED, notify_update=True)
    after()
    cms.post(notify_update=True)
    after()

    assert len(mails(town)) == 6
    assert {mail.subject.partition(": ")[0] for mail in mails(town)[4:]} == {
        "Düzeltme",
        "Correction",
    }


def test_two_corrections_in_a_row_are_told_as_one_where_the_first_was_not_sent(
    cms, town, told, work, after
):
    cms.post(title="Ara düzeltme", notify_update=True)
    cms.post(title=FIXED, notify_update=True, change_note=NOTE)
    after()

    assert subjects(town) == [f"Correction: {FIXED}", f"Düzeltme: {FIXED}"]


class Slow(EmailSender):
    """Lets something happen after its slice was read and before it is sent."""

    meanwhile = staticmethod(lambda: None)

    def send(self, row, on_wire):
        Slow.meanwhile()
        return super().send(row, on_wire)


def test_who_is_being_told_the_old_text_at_that_moment_hears_of_the_correction_too(
    cms, town, clock, work, after, runtime, monkeypatch, full_audit
):
    """Its letter was rendered before the edit and settled after the correction's first pass."""
    town.reader()
    cms.post()
    work()
    clock.advance(hours=3)
    monkeypatch.setattr("workers.email.task.deliver_batch", lambda *_: None)  # queued, not sent
    work()
    (batch,) = town.batches()

    def meanwhile() -> None:
        monkeypatch.setattr(Slow, "meanwhile", staticmethod(lambda: None))
        cms.post(title=FIXED, notify_update=True)
        work()

    monkeypatch.setattr(Slow, "meanwhile", staticmethod(meanwhile))
    deliver_batch(runtime, batch, Slow)
    (correction,) = of(town, CORRECTION)
    assert (correction.state, correction.planned) == (NotificationState.PLANNING, 0)
    monkeypatch.setattr("workers.email.task.deliver_batch", deliver_batch)
    after()

    assert [mail.subject for mail in mails(town)][1:] == [f"Düzeltme: {FIXED}"]
    assert of(town, CORRECTION)[0].state == NotificationState.DONE


def test_who_still_waits_gets_the_newest_text_alone(cms, town, clock, work, after, monkeypatch):
    town.readers(3)
    cms.post()
    work()
    clock.advance(hours=3)
    monkeypatch.setattr("workers.email.task.deliver_batch", lambda *_: None)
    work()
    cms.post(title=FIXED, notify_update=True)
    work()
    assert of(town, CORRECTION)[0].state == NotificationState.PLANNING
    monkeypatch.setattr("workers.email.task.deliver_batch", deliver_batch)
    after()

    assert {mail.subject for mail in mails(town)} == {FIXED}
    assert len(mails(town)) == 3
    (correction,) = of(town, CORRECTION)
    assert (correction.state, correction.planned) == (NotificationState.DONE, 0)


def test_a_withdrawal_tells_those_who_were_told_only_if_it_is_asked_to(cms, town, told, after):
    cms.withdraw(notify_update=True, change_note="Haber yanlıştı.")
    after()

    assert subjects(town) == [
        "Geri çekildi: " + mails(town)[0].subject,
        "Withdrawn: " + mails(town)[0].subject,
    ]
    turkish = next(mail for mail in mails(town) if mail.subject.startswith("Geri"))
    text = parsed(turkish).get_body(("plain",)).get_content()
    assert "Neden: Haber yanlıştı." in text
    assert "https://www.example.bel.tr/haber/58150" not in text  # the page is gone
    assert of(town, WITHDRAWAL)[0].state == NotificationState.DONE


def test_a_withdrawal_without_the_flag_tells_nobody(cms, town, told, after):
    cms.withdraw()
    after()

    assert subjects(town) == []
    assert of(town, WITHDRAWAL) == []


def test_a_withdrawal_cancels_a_correction_that_is_not_sent(cms, town, told, after):
    cms.post(title=FIXED, notify_update=True)
    cms.withdraw(notify_update=True)
    after()

    assert {subject.partition(":")[0] for subject in subjects(town)} == {
        "Geri çekildi",
        "Withdrawn",
    }
    assert of(town, CORRECTION)[0].state == NotificationState.CANCELLED


def test_publishing_again_stops_a_withdrawal_that_is_not_sent(cms, town, told, after):
    cms.withdraw(notify_update=True)
    cms.post()
    after()

    assert subjects(town) == []


def test_an_article_that_nobody_was_told_of_has_no_correction(cms, town, after):
    town.reader()
    cms.post(published_at=(utcnow() - timedelta(days=9)).isoformat())
    after()
    cms.post(title=FIXED, notify_update=True)
    cms.withdraw(notify_update=True)
    after()

    assert mails(town) == []
    assert len(town.news()) == 0


def test_a_reason_that_became_daily_since_still_gets_the_correction(cms, town, told, after):
    with town.runtime.db.write() as session:
        session.execute(update(Subscription).values(frequency="daily"))
    cms.post(title=FIXED, notify_update=True)
    after()

    assert len(subjects(town)) == 2


def test_a_correction_is_a_delivery_of_the_newest_revision(cms, town, told, after):
    cms.post(title=FIXED, notify_update=True)
    after()

    (correction,) = of(town, CORRECTION)
    with town.runtime.db.read() as session:
        sent = session.scalars(
            select(Delivery.revision_id).where(Delivery.notification_id == correction.id)
        ).all()
    newest = max(row.id for row in town.all(Revision))
    assert set(sent) == {newest} == {town.all(Article)[0].shown_revision_id}


def test_back_and_forth_while_corrections_wait_loses_no_edit(
    cms, town, told, work, after, send_mail
):
    answers = []
    for title in (FIXED, None, FIXED):
        fields = {"title": title} if title else {}
        answers.append(cms.post(**fields, notify_update=True).json["status"])
        work()
    send_mail()
    after()
    after()

    assert answers == ["accepted"] * 3
    assert mails(town)[-1].subject.endswith(FIXED)


def test_a_withdrawal_that_was_stopped_can_be_told_again(cms, town, told, after):
    cms.withdraw(notify_update=True)
    cms.post()
    after()
    assert subjects(town) == []

    cms.withdraw(notify_update=True)
    after()

    assert len(subjects(town)) == 2


def test_a_correction_that_was_stopped_can_be_told_again(cms, town, told, work, after, send_mail):
    cms.post(title=FIXED, notify_update=True)
    work()
    cms.withdraw()
    cms.post(title=FIXED)
    send_mail()
    after()
    cms.post(title=FIXED, notify_update=True)
    after()

    assert subjects(town) == [f"Correction: {FIXED}", f"Düzeltme: {FIXED}"]


def test_a_damaged_text_published_again_stops_the_withdrawal_too(
    cms, town, told, work, after, send_mail
):
    cms.withdraw(notify_update=True)
    work()
    cms.post(title="\ufffd\ufffd b\ufffdy\ufffdk", body_html="\ufffd " * 50)
    send_mail()
    after()

    assert subjects(town) == []
