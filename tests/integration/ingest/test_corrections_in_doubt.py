"""Corrections and withdrawals of letters whose answer never came: they may have arrived."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from service.models import Batch, BatchState, Delivery, DeliveryState, Revision
from tests.integration.ingest.followed import FIXED, NEW, mails, of
from tests.integration.town import TITLE
from workers.deliver import deliver_batch
from workers.email.task import EmailSender

pytestmark = pytest.mark.usefixtures("full_audit")


class Unanswered(EmailSender):
    """The letter is in the mailbox, and the connection breaks before the answer."""

    def send(self, row, on_wire):
        super().send(row, on_wire)
        raise ConnectionError("broken after the last dot")


@pytest.fixture
def batch(cms, town, work, clock, monkeypatch) -> int:
    """The news for one reader, not sent yet."""
    town.reader()
    cms.post()
    work()
    clock.advance(hours=3)
    with monkeypatch.context() as patched:
        patched.setattr("workers.email.task.deliver_batch", lambda *_: None)
        work()
    (batch,) = town.batches()
    return batch


@pytest.fixture
def reader(town, runtime, batch) -> int:
    """One whose first letter was not answered for."""
    deliver_batch(runtime, batch, Unanswered)
    assert outcome(town) == ("deferred", None)
    (reader,) = town.states(of(town, NEW)[0].id)
    return reader


def outcome(town) -> tuple[str, str | None]:
    """What became of the first letter, and the title that it told."""
    (new,) = of(town, NEW)
    with town.runtime.db.read() as session:
        state, title = session.execute(
            select(Delivery.state, Revision.title)
            .outerjoin(Revision, Revision.id == Delivery.revision_id)
            .where(Delivery.notification_id == new.id)
            .where(Delivery.state != DeliveryState.DEFERRED)
        ).first() or (DeliveryState.DEFERRED, None)
    return DeliveryState(state).word, title


def subjects(town) -> list[str]:
    return [mail.subject for mail in mails(town)]


def test_the_same_text_is_sent_again_under_the_same_message_id(reader, town, after):
    after()

    (mail,) = mails(town)
    assert (mail.subject, mail.copies) == (TITLE, 2)  # the mailbox knows it by its Message-ID
    assert outcome(town) == ("sent", TITLE)


def test_a_correction_takes_the_place_of_a_letter_that_may_have_arrived(reader, cms, town, after):
    cms.post(title=FIXED, notify_update=True)
    after()
    after()

    assert subjects(town) == [TITLE, f"Düzeltme: {FIXED}"]
    assert outcome(town) == ("unknown", TITLE)


def test_who_may_have_the_old_text_hears_of_a_later_correction(reader, cms, town, after):
    """The second try brought the new text, but a mailbox that has the first one may drop it."""
    cms.post(title=FIXED)
    after()
    assert outcome(town) == ("sent", FIXED)
    assert subjects(town) == [TITLE]
    cms.post(title=FIXED, notify_update=True)
    after()

    assert subjects(town) == [TITLE, f"Düzeltme: {FIXED}"]


def test_who_may_have_been_told_hears_of_a_withdrawal(reader, cms, town, after):
    cms.withdraw(notify_update=True)
    after()
    after()

    assert subjects(town) == [TITLE, f"Geri çekildi: {TITLE}"]
    assert outcome(town) == ("unknown", TITLE)


def test_who_left_before_the_second_try_gets_nothing_more(reader, cms, town, after):
    town.unsubscribe(reader)
    after()
    cms.withdraw(notify_update=True)
    after()

    assert subjects(town) == [TITLE]
    assert outcome(town) == ("unknown", TITLE)


def test_a_letter_that_another_host_may_have_sent_counts_too(batch, cms, town, runtime, after):
    """Its journal is out of reach, so that nobody knows which text that was."""
    with runtime.db.write() as session:
        leased = update(Batch).where(Batch.id == batch)
        session.execute(leased.values(lease="elsewhere-1", state=BatchState.LEASED))
    deliver_batch(runtime, batch, EmailSender)
    assert outcome(town) == ("deferred", None)
    cms.withdraw(notify_update=True)
    after()
    after()

    assert subjects(town) == [f"Geri çekildi: {TITLE}"]
    assert outcome(town) == ("unknown", None)
