"""What a digest told is in its reader's history and export, each with who asked for it and why."""

from __future__ import annotations

import json

import pytest

from service.db import utcnow
from service.ledger.outcome import Outcome
from service.models import DeliveryState, Frequency
from service.subscriptions import history
from service.subscriptions.exporting import Export
from tests.integration.ledger.recorder import Recorder
from workers.deliver import deliver_batch

OTHER = "spor"


@pytest.fixture
def both(town, daily) -> int:
    """Asked for two topics, once a day."""
    reader = daily()
    town.subscribe(reader, OTHER, frequency=Frequency.DAILY)
    return int(reader)


def lines_of(runtime, reader):
    with runtime.db.read() as session:
        return history.page(session, [reader], since=None).lines


def test_each_article_of_a_digest_has_its_reason_and_words(press, town, both, runtime, yesterday):
    climate = press.release(yesterday, title="İklim planı kabul edildi")
    sport = press.release(yesterday, (OTHER,), title="Kupa kente geldi")
    press.plan()
    assert [(line.kind, line.stories) for line in lines_of(runtime, both)] == [("digest", ())]

    press.send()

    (line,) = lines_of(runtime, both)
    assert (line.kind, line.fate) == ("digest", "sent")
    told = {story.article_id: story for story in line.stories}
    assert set(told) == {climate, sport}
    assert told[climate].reason.topic.slug == "iklim-cevre"
    assert told[sport].reason.topic.slug == OTHER
    assert told[climate].title == "İklim planı kabul edildi"
    assert {story.reason.frequency for story in line.stories} == {"daily"}
    data = json.loads(b"".join(Export.of(runtime.db, both, "İzmir", utcnow()).as_json()))
    (sent,) = data["deliveries"]
    assert {one["because"]["topic"] for one in sent["articles"]} == {"iklim-cevre", OTHER}


def test_a_digest_that_was_refused_told_nothing(press, town, both, runtime, yesterday):
    press.release(yesterday)
    press.plan()
    for batch in town.batches():
        refusing = Recorder(lambda *_: Outcome(DeliveryState.REJECTED, "5.7.1", "550 no"))
        deliver_batch(runtime, batch, refusing)

    (line,) = lines_of(runtime, both)

    assert (line.fate, line.stories) == ("failed", ())
