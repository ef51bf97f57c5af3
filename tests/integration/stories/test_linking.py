"""Which articles tell the same event."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event

from service.classify.stories import Match, Shingles, is_same_story
from service.db import utcnow
from service.ledger.stories import recent
from service.models import (
    MailboxMessage,
    Revision,
    StoryLink,
)
from tests.integration.stories.told import OTHER, TEXT, stories
from workers.classify import classify_revision


@pytest.mark.parametrize(
    ("body", "fields"),
    [(OTHER, {}), (TEXT, {"places": ["konak"]})],
    ids=["other words", "another district"],
)
def test_another_event_is_another_story(post, town, body: str, fields: dict[str, Any]) -> None:
    town.reader()
    post(1)
    post(2, body, title="İklim için başka bir haber", **fields)

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [("25 Kasım", "26 Kasım"), ("yarın", "bugün"), ("Kazımdirik", "Erzene")],
)
def test_the_next_water_cut_is_told(post, town, full_audit, before: str, after: str) -> None:
    town.reader(None)
    notice = (
        "Bornova ilçesinde arıza onarım çalışması nedeniyle Kazımdirik Mahallesi'nde 25 Kasım 2026 "
        "günü, yarın, saat 09.00 ile 17.00 arasında su kesintisi yapılacağı duyuruldu. Ayrıntılı "
        "bilgi için 444 0 847 numaralı telefon aranabilir ya da 185 hattına başvurulabilir."
    )
    post(1, notice, title="Bornova'da su kesintisi")
    post(2, notice.replace(before, after), title="Bornova'da su kesintisi")

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


def test_the_same_words_after_four_days_are_news_again(post, town, clock) -> None:
    town.reader()
    post(1)
    clock.advance(days=4)
    post(2)

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


@pytest.mark.parametrize("edited", [1, 2])
def test_an_article_that_another_text_replaces_in_time_is_told(
    send, town, work, pass_hour, full_audit, edited: int
) -> None:
    """An editor copies an article, publishes it by mistake, and soon sends what was meant."""
    town.reader()
    send(1)
    send(2)
    work()
    assert stories(town) == 1

    send(edited, OTHER, title="İklim raporu sunuldu")
    pass_hour()

    assert stories(town) == 2
    assert not town.all(StoryLink)
    assert len(town.all(MailboxMessage)) == 2


def test_an_article_that_gets_its_first_text_back_in_time_is_told(
    send, town, work, pass_hour, full_audit
) -> None:
    town.reader()
    send(1)
    for body in (OTHER, TEXT):
        send(2, body)
        work()
    assert stories(town) == 1

    send(2, OTHER)
    pass_hour()

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


def test_an_older_text_that_is_classified_late_links_nothing(send, town, runtime) -> None:
    send(1)
    send(2)
    send(2, OTHER, title="İklim raporu sunuldu")
    first, older, newest = sorted(revision.id for revision in town.all(Revision))
    for revision_id in (first, newest, older):
        classify_revision(runtime, revision_id)

    assert stories(town) == 2


def test_an_edit_leaves_an_article_with_those_that_it_still_repeats(
    send, post, cms, town, work, pass_hour
) -> None:
    town.reader()
    post(1)
    send(2)
    work()
    cms.withdraw(id="1")
    send(2, TEXT + " Ayrıntılar açıklanacak.")
    pass_hour()

    assert stories(town) == 1
    assert len(town.all(MailboxMessage)) == 1


def test_two_that_come_at_once_are_one_story(send, town, work, clock, runtime, full_audit) -> None:
    """Each is classified by a worker of its own, at the same moment."""
    town.reader()
    for number in range(8):
        send(number)
    waiting = [revision.id for revision in town.all(Revision)]
    together = Barrier(len(waiting))

    def classify(revision_id: int) -> None:
        together.wait()
        classify_revision(runtime, revision_id)

    with ThreadPoolExecutor(len(waiting)) as pool:
        list(pool.map(classify, waiting))
    clock.advance(hours=1)
    work()

    assert stories(town) == 1
    assert len(town.all(MailboxMessage)) == 1


def test_looking_for_repetitions_reads_recent_articles_alone(send, runtime, town) -> None:
    """The question is put to the database once more, which tells how it finds the answer."""
    send(1)
    asked = []
    with runtime.db.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        recent(session, 2, [town.place("konak")], utcnow())
        statement, values = asked[0]
        if runtime.db.is_sqlite:
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            found = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        plan = str(found.all())

    assert "ix_article_public" in plan


def test_two_texts_are_compared_once(send, town, work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the turn comes; not again while others wait."""
    compared = []

    def compare(*pair: Shingles) -> Match | None:
        compared.append(pair)
        return is_same_story(*pair)

    monkeypatch.setattr("workers.stories.is_same_story", compare)
    send(1)
    work()
    send(2)
    work()

    assert stories(town) == 1
    assert len(compared) == 1
