"""Several requests, and the workers beside them, at the same time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from service.db import utcnow
from service.ingest.article import CanonicalArticle
from service.ingest.upsert import upsert
from service.ledger.publish import release
from service.models import Article, InboxEvent, Revision, Source
from service.runtime import Runtime
from workers.classify import classify_revision

REQUESTS = 20


def together(act: Callable[[int], Any], count: int = REQUESTS) -> list[Any]:
    """Run an act in so many threads that all start at once."""
    barrier = threading.Barrier(count)

    def start(number: int) -> Any:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def test_twenty_times_the_same_delivery_at_once_is_one_article(cms, app, town):
    answers = together(lambda _: cms.post("msg_same", client=app.test_client()))

    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: REQUESTS - 1}
    assert len({json.dumps(answer.json, sort_keys=True) for answer in answers}) == 1
    assert town.count(InboxEvent) == town.count(Article) == 1
    assert town.count(Revision) == len(town.news()) == 1


def test_twenty_deliveries_of_the_same_event_at_once_are_one_article(cms, app, town):
    answers = together(lambda number: cms.post(f"msg_at_{number}", client=app.test_client()))

    assert Counter(answer.status_code for answer in answers) == {202: REQUESTS}
    assert Counter(answer.json["status"] for answer in answers)["accepted"] == 1
    assert town.count(InboxEvent) == REQUESTS
    assert town.count(Article) == town.count(Revision) == len(town.news()) == 1


def test_publishing_and_withdrawing_at_once_ends_in_one_of_both_states(cms, app, town):
    cms.post()

    def act(number: int) -> int:
        if number % 2:
            return cms.post(title=f"Körfez {number}", client=app.test_client()).status_code
        body = b'{"id": "58150", "state": "withdrawn"}'
        return cms.post_raw(body, client=app.test_client()).status_code

    assert set(together(act)) == {202}

    (article,) = town.all(Article)
    live = [row for row in town.news() if row.state != "cancelled"]
    assert len(live) == (article.state == "published")


def test_twenty_workers_classify_a_revision_once(cms, runtime, town):
    revision_id = cms.post().json["revision"]

    together(lambda _: classify_revision(runtime, revision_id), 8)

    assert town.get(Revision, revision_id).state == "classified"


def test_a_withdrawal_and_the_release_never_wait_for_each_other(cms, runtime: Runtime, town):
    """They lock the article first, and only then its notification and the feed clock."""
    classify_revision(runtime, cms.post().json["revision"])
    (notification,) = town.news()
    later = utcnow() + timedelta(hours=1)
    outcome: list[bool] = []

    def go() -> None:
        with runtime.db.write() as session:
            outcome.append(release(session, notification.id, later, timedelta(0)))

    withdrawal = CanonicalArticle(id="58150", state="withdrawn")
    releasing = threading.Thread(target=go)
    with runtime.db.write() as session:
        source = session.query(Source).one()
        session.query(Article).with_for_update().one()  # what the upsert does first
        releasing.start()
        while not (runtime.db.is_sqlite or _somebody_waits(runtime)):
            assert releasing.is_alive(), "the release did not wait for the withdrawal"
        upsert(session, source, withdrawal, later, "")
    releasing.join(20)

    assert outcome == [False]
    (notification,) = town.news()
    assert notification.state == "cancelled"


def _somebody_waits(runtime: Runtime) -> bool:
    with runtime.db.read() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
