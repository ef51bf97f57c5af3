"""A reader hears of a story once, and never of none of its articles."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.models import (
    Delivery,
    DeliveryState,
    Destination,
    MailboxMessage,
    StoryLink,
)
from tests.integration.stories.told import TEXT, stories


def test_a_reader_is_told_a_story_once_and_a_new_reader_still_hears_of_it(
    post, town, full_audit
) -> None:
    town.reader(address="eski@example.org")
    first = post(1)
    town.reader(address="yeni@example.org")
    second = post(2, TEXT + " Ayrıntılar açıklanacak.")

    told = sorted(mail.recipient for mail in town.all(MailboxMessage))
    assert told == ["eski@example.org", "yeni@example.org"]
    assert stories(town) == 1
    (link,) = town.all(StoryLink)
    assert (link.article_id, link.earlier_id) == (second, first)
    assert link.evidence["measure"] in ("jaccard", "containment")
    assert link.evidence["value"] > 0.8


def test_what_was_withdrawn_spares_nobody_its_repetition(post, cms, town) -> None:
    town.reader()
    post(1)
    cms.withdraw(id="1")
    post(2)

    assert len(town.all(MailboxMessage)) == 2


@pytest.mark.parametrize("planned", [1, 2])
def test_who_waits_for_an_article_that_is_withdrawn_hears_of_its_repetition(
    send, plan, cms, town, pass_hour, full_audit, planned: int
) -> None:
    """Whether the repetition is planned before the withdrawal or after it."""
    town.reader()
    plan(*[send(1), send(2)][:planned])
    assert stories(town) == 1

    cms.withdraw(id="1")
    pass_hour()

    assert sum(town.mails().values()) == 1


def test_what_could_not_be_sent_spares_nobody_its_repetition(post, town, runtime) -> None:
    reader = town.reader(is_paused=True)
    post(1)
    with runtime.db.write() as session:
        session.get_one(Destination, reader).is_paused = False
    post(2)

    assert stories(town) == 1
    assert sum(town.mails().values()) == 1


def test_a_mail_whose_answer_never_came_counts_as_told(
    send, plan, town, pass_hour, runtime
) -> None:
    """Rejected in the end, but the first try may have brought it."""
    town.reader()
    plan(send(1))
    send(2)
    with runtime.db.write() as session:
        values = {"state": DeliveryState.REJECTED, "maybe_revision_id": 0}
        session.execute(update(Delivery).values(**values))
    pass_hour()

    assert stories(town) == 1
    assert not town.mails()
