"""What processes count as it happens is counted once, and says what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger.attempts import MAX_BATCH_ATTEMPTS, MAX_CLASSIFY_ATTEMPTS
from service.ledger.claim import claim
from service.ledger.journal import Journal
from service.ledger.outcome import QUIET, SENT, Answer, Outcome
from service.ledger.settle import settle
from service.models import (
    Batch,
    DeliveryState,
    Revision,
    RevisionState,
)
from service.tasks import Task
from tests.integration.ledger.recorder import Recorder, end_lease
from workers.deliver import deliver_batch
from workers.measuring import Measure
from workers.recover import Done, Sweeper
from workers.stages import STAGES


@pytest.mark.parametrize(
    ("published_before_s", "least_s"),
    [(10 * 60, 20 * 60), (20 * 3600, 600), (-300, 300)],
    ids=["lately", "dated back", "to come"],
)
def test_an_old_date_of_the_cms_is_no_slow_delivery(
    cms, town, runtime, told, scrape, published_before_s, least_s
):
    """The hold is ten minutes; a date of yesterday must not raise TellalNewsSlow."""
    town.reader()
    published = utcnow() - timedelta(seconds=published_before_s)
    told(cms.post(published_at=published.isoformat()).json["revision"])
    runtime.meters.tell()
    delay = {"channel": "email", "priority": "news"}
    seconds = scrape()("tellal_delivery_delay_seconds_sum", **delay) or 0
    assert least_s <= seconds < least_s + 60


@pytest.fixture
def left(town, runtime):
    """A batch of three letters: one settled, one answered, one on the wire when its sender stood
    still; with the journal, which that one holds for as long as it lives."""
    town.readers(3)
    notification = town.planned()
    (batch,) = town.batches(notification)
    one, two, three = sorted(town.states(notification))
    journals = runtime.settings.var_dir / "journal"
    with runtime.db.write() as session:
        lease = claim(session, batch, utcnow(), journals)
        assert lease
        settle(session, lease, {one: Answer(SENT, 1)}, utcnow())
    journal = Journal(journals, lease.token, batch)
    journal.set_revision(1)
    for destination in (one, two):
        journal.wire(destination)
        journal.answer(destination, SENT)
    journal.wire(three)
    yield batch, journal
    journal.abandon()


def test_what_a_dead_sender_left_is_counted_once(left, runtime, scrape):
    _, journal = left
    journal.abandon()
    for _ in range(2):
        Sweeper(runtime, lambda _: True).sweep()
    runtime.meters.tell()
    found, of = scrape(), {"channel": "email", "priority": "news"}
    assert found("tellal_delivery_answers_total", outcome="sent", **of) == 1
    assert found("tellal_delivery_answers_total", outcome="unknown", **of) == 1
    assert found("tellal_delivery_delay_seconds_count", **of) == 1
    assert found("tellal_sweeper_done_total", what="journal replayed") == 1


def test_what_the_sweeper_sees_to_itself_is_counted(cms, town, runtime, scrape, clock):
    town.reader()
    STAGES[Task.CLASSIFY_REVISION](runtime, cms.post().json["revision"])
    revision = town.article()
    assert town.planned(town.get(Revision, revision).article_id)
    with runtime.db.write() as session:
        old = utcnow() - timedelta(hours=1)
        session.execute(
            update(Revision)
            .where(Revision.id == revision)
            .values(state=RevisionState.RECEIVED, attempts=MAX_CLASSIFY_ATTEMPTS, rung_at=old)
        )
        session.execute(update(Batch).values(attempts=MAX_BATCH_ATTEMPTS))
    clock.advance(minutes=11)  # the hold of the first
    for _ in range(3):
        Sweeper(runtime, lambda _: True).sweep()
    runtime.meters.tell()
    found = scrape()
    for what in (Done.BATCH, Done.REVISION, Done.RELEASE):
        assert found("tellal_sweeper_done_total", what=what) == 1, what
    assert found("tellal_sweeper_done_total", what=Done.JOURNAL) is None


def test_what_a_sender_left_that_stands_still_is_counted_by_its_successor(left, runtime, scrape):
    batch, _ = left
    end_lease(runtime, batch)
    deliver_batch(runtime, batch, Recorder())
    runtime.meters.tell()
    found, of = scrape(), {"channel": "email", "priority": "news"}
    assert found("tellal_delivery_answers_total", outcome="sent", **of) == 1
    assert found("tellal_delivery_answers_total", outcome="unknown", **of) == 1


def test_what_a_provider_says_is_counted_by_provider(town, runtime, scrape):
    """A third is put off and nothing closes; what waits for the morning is nobody's answer."""
    measure = Measure(runtime.meters, "email", "gmail", "news", None)
    put_off = Outcome(DeliveryState.DEFERRED, "4.7.0")
    measure.count([SENT, SENT, put_off, Outcome(DeliveryState.DEFERRED, QUIET)], utcnow())
    replace(measure, channel="chat").count([SENT], utcnow())
    town.reader(lane="microsoft")
    town.reader()
    notification = town.planned()
    with runtime.db.write() as session:  # of a release that had another name for it
        session.execute(update(Batch).where(Batch.lane == "other").values(lane="ilce.example"))
    for batch in town.batches(notification):
        deliver_batch(runtime, batch, Recorder())
    runtime.meters.tell()
    found = scrape()
    assert {
        (dict(labels)["lane"], dict(labels)["outcome"]): value
        for (name, labels), value in found.samples.items()
        if name == "tellal_mail_answers_total"
    } == {
        ("gmail", "sent"): 2,
        ("gmail", "deferred"): 1,
        ("microsoft", "sent"): 1,
        ("other", "sent"): 1,
    }
    assert "ilce.example" not in found.text
