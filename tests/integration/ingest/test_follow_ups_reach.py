"""Whom a follow-up reaches: who was told and still asks for it by whatever way, and nobody else."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.models import DeliveryState, Frequency, Subscription
from tests.integration.ingest.followed import CORRECTION, FIXED, WITHDRAWAL, mails, of, subjects
from tests.integration.town import TITLE

DAMAGED = {"title": "\ufffd\ufffd b\ufffdy\ufffdk", "body_html": "\ufffd " * 50}
TENNIS = {"title": "Tenis turnuvası başladı", "summary": "Maçlar sürüyor.", "body_html": None}


def test_a_damaged_text_is_no_correction(cms, town, told, after):
    for _ in range(2):
        assert cms.post(**DAMAGED, notify_update=True).json["status"] in (
            "quarantined",
            "unchanged",
        )
    after()

    assert of(town, CORRECTION) == []


def test_who_was_told_hears_that_an_article_came_back(cms, town, told, after):
    cms.withdraw(notify_update=True)
    after()
    cms.post(notify_update=True, change_note="Haber doğruydu.")
    after()

    assert subjects(town)[:2] == [f"Correction: {TITLE}", f"Düzeltme: {TITLE}"]
    assert len(mails(town)) == 6


def test_who_was_not_told_of_the_withdrawal_hears_of_a_new_text_alone(cms, town, told, after):
    cms.withdraw()
    cms.post(notify_update=True)
    after()
    assert subjects(town) == []
    cms.withdraw()
    cms.post(title=FIXED, notify_update=True)
    after()

    assert subjects(town) == [f"Correction: {FIXED}", f"Düzeltme: {FIXED}"]


def test_what_came_back_and_is_withdrawn_once_more_is_told_once_more(cms, town, told, after):
    cms.withdraw(notify_update=True)
    after()
    cms.post(notify_update=True)
    after()
    cms.withdraw(notify_update=True)
    after()

    assert len(mails(town)) == 8
    assert mails(town)[-1].subject.startswith(("Geri çekildi", "Withdrawn"))


def test_a_withdrawal_of_what_became_advertising_is_told(cms, town, told, after):
    cms.post(commercial=True, notify_update=True)
    after()
    assert subjects(town) == []
    cms.withdraw(notify_update=True)
    after()

    assert len(subjects(town)) == 2


def test_nobody_hears_of_what_was_withdrawn_before_anybody_was_told(cms, town, after):
    town.reader()
    cms.post()
    cms.withdraw(notify_update=True)
    cms.post(commercial=True, notify_update=True)
    cms.withdraw(notify_update=True)
    after()

    assert mails(town) == []


def end(town, subscription_id: int) -> None:
    with town.runtime.db.write() as session:
        ended = update(Subscription).where(Subscription.id == subscription_id)
        session.execute(ended.values(ended_at=utcnow()))


def follow_up(cms, kind: str) -> None:
    """One that does not fit the reader's topic any more, where it is a correction."""
    if kind == CORRECTION:
        cms.post(**TENNIS, notify_update=True)
    else:
        cms.withdraw(notify_update=True)


@pytest.fixture
def reasons(town, cms, after, full_audit) -> tuple[int, int]:
    """The two subscriptions of one who was told: the reason, and one that would have been."""
    reader = town.reader()
    (first,) = town.all(Subscription)
    second = town.subscribe(reader, place="karsiyaka", frequency=Frequency.DAILY)
    cms.post()
    after()
    assert len(mails(town)) == 1
    return first.id, second


@pytest.mark.parametrize("kind", [CORRECTION, WITHDRAWAL])
def test_another_subscription_that_asks_for_it_too_is_reason_enough(
    reasons, cms, town, after, kind
):
    end(town, reasons[0])
    follow_up(cms, kind)
    after()

    assert len(mails(town)) == 2


@pytest.mark.parametrize("kind", [CORRECTION, WITHDRAWAL])
def test_a_subscription_to_something_else_is_none(reasons, cms, town, after, kind):
    for subscription in reasons:
        end(town, subscription)
    (reader,) = {row.destination_id for row in town.all(Subscription)}
    town.subscribe(reader, "ulasim")
    follow_up(cms, kind)
    after()

    assert len(mails(town)) == 1
    (notification,) = of(town, kind)
    assert town.states(notification.id) == {reader: DeliveryState.SUPPRESSED}


@pytest.mark.parametrize("kind", [CORRECTION, WITHDRAWAL])
def test_who_left_altogether_gets_nothing(reasons, cms, town, after, kind):
    for subscription in reasons:
        end(town, subscription)
    follow_up(cms, kind)
    after()

    assert len(mails(town)) == 1
