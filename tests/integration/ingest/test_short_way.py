"""The usual event of a known source goes a shorter way through the door, with others of its time.

What it leaves behind, and what is refused, must be the same as on the long way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update

from service.app import create_app
from service.ingest import routes, storing
from service.ingest.credentials import rotate
from service.ingest.signatures import new_secret
from service.models import (
    Article,
    ArticleAlias,
    InboxEvent,
    Notification,
    Revision,
    Source,
    Story,
)
from tests.integration.ingest.test_at_once import together

SITE = "https://www.example.bel.tr/haber"
ROWS = (Article, ArticleAlias, InboxEvent, Notification, Revision, Story)
OWN = {  # what differs between any two articles
    *("id", "article_id", "revision_id", "story_id", "external_id", "value", "url", "content_hash"),
    *("delivery_key", "body_hash", "sealed_body", "request_id"),
    *("created_at", "received_at", "rung_at", "release_at", "published_at"),
}


@pytest.fixture
def known(cms: Any) -> Any:
    """A CMS that has posted before."""
    assert [cms.post(id=f"first-{n}").status_code for n in range(2)] == [202, 202]
    return cms


@pytest.fixture
def close_long_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on, whoever takes it breaks the test."""
    return lambda: monkeypatch.setattr(routes, "prove_request", None)


def number(cms: Any, n: int, **fields: Any) -> Any:
    return cms.post(id=f"n-{n}", url=f"{SITE}/n-{n}", **fields)


def rows_of(town: Any, external_id: str) -> list[dict[str, Any]]:
    """Every row of an article, without what is its own."""
    (article,) = [row for row in town.all(Article) if row.external_id == external_id]
    rows = [article, town.get(Story, article.story_id)]
    for model in (ArticleAlias, InboxEvent, Notification, Revision):
        rows += [row for row in town.all(model) if row.article_id == article.id]
    found = []
    for row in rows:
        columns = {column.key: getattr(row, column.key) for column in row.__table__.c}
        found.append({name: value for name, value in columns.items() if name not in OWN})
        if isinstance(row, Notification):
            found.append({"hold": round((row.release_at - row.created_at).total_seconds())})
    return found


FULL = {
    "summary": "Özet",
    "sections": ["İklim"],
    "tags": ["SECAP", "kuş & ağaç"],
    "places": ["beydag"],
    "image": {"url": "https://www.example.bel.tr/a.jpg", "alt": "Körfez"},
    "published_at": None,
    "updated_at": "2026-11-20T10:00:00",
    "language": "en",
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "full": FULL,
    "advertising": {"commercial": True},
    "old": {"published_at": "2020-01-01T00:00:00+03:00"},
    "damaged": {"title": "\ufffd\ufffd\ufffd b\ufffdy\ufffdk", "body_html": "\ufffd " * 50},
    "without a body": {"body_html": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_leave_the_same_rows_and_the_same_answer(cms, town, kind, close_long_way):
    cms.post(id="first")
    long = number(cms, 1, **KINDS[kind])
    close_long_way()

    short = number(cms, 2, **KINDS[kind])

    assert (short.status_code, short.json["status"]) == (long.status_code, long.json["status"])
    assert rows_of(town, "n-2") == rows_of(town, "n-1")
    assert town.get(Article, short.json["article_id"]).revision_id == short.json["revision"]
    sealed = [row.sealed_body for row in town.all(InboxEvent) if row.delivery_key]
    assert all(town.runtime.vault.decrypt(one).startswith("{") for one in sealed)


def test_twenty_new_articles_at_once_are_each_stored_once(known, app, town, close_long_way):
    close_long_way()

    answers = together(lambda n: number(known, n, client=app.test_client()))

    assert Counter(answer.status_code for answer in answers) == {202: 20}
    stored = {row.id: row.external_id for row in town.all(Article)}
    assert [stored[answer.json["article_id"]] for answer in answers] == [
        f"n-{n}" for n in range(20)
    ]
    assert town.count(InboxEvent) == town.count(Article) == town.count(Story) == 22


def test_twenty_times_the_same_new_article_at_once_is_one_article(known, app, town):
    answers = together(lambda _: number(known, 1, client=app.test_client()))

    assert Counter(answer.status_code for answer in answers) == {202: 20}
    assert Counter(answer.json["status"] for answer in answers)["accepted"] == 1
    assert town.count(InboxEvent) == 22
    assert town.count(Article) == town.count(Revision) == len(town.news()) == 3


def test_twenty_times_the_same_new_delivery_at_once_is_one_article(known, app, town):
    answers = together(lambda _: known.post("msg_same", id="n-1", client=app.test_client()))

    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 19}
    assert town.count(InboxEvent) == town.count(Article) == 3


def test_two_web_processes_with_the_same_new_articles_at_once_store_each_once(
    known, app, settings, town
):
    second = create_app(settings)
    known.client, first_client = second.test_client(), known.client
    assert [known.post(id=f"first-{n}").json["status"] for n in range(2)] == ["unchanged"] * 2
    known.client = first_client

    def post(n: int) -> Any:
        client = (app if n % 2 else second).test_client()
        return number(known, n // 2, client=client)

    answers = together(post, 40)
    second.extensions["tellal"].close()

    assert Counter(answer.status_code for answer in answers) == {202: 40}
    verdicts = Counter(answer.json["status"] for answer in answers)
    assert verdicts == {"accepted": 20, "unchanged": 20}
    assert town.count(Article) == town.count(Revision) == len(town.news()) == 22
    assert town.count(InboxEvent) == 44


def test_the_same_delivery_on_both_ways_at_once_is_one_article(
    known, app, settings, town, monkeypatch
):
    second = create_app(settings)  # knows no source yet, so it takes the long way
    has_begun, may_go_on = Event(), Event()
    apply_event = storing.apply_event

    def slow(*args: Any) -> Any:
        has_begun.set()
        assert may_go_on.wait(10)
        return apply_event(*args)

    def post(client: Any) -> Any:
        return known.post("msg_same", id="n-1", url=f"{SITE}/n-1", client=client).status_code

    monkeypatch.setattr(storing, "apply_event", slow)
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(post, second.test_client())
        assert has_begun.wait(10)
        short = pool.submit(post, app.test_client())
        time.sleep(1.3)  # PostgreSQL looks for those who wait in a circle after a second
        may_go_on.set()
    second.extensions["tellal"].close()

    assert (long.result(), short.result()) == (202, 200)
    assert town.count(Article) == town.count(InboxEvent) == 3


def test_a_known_article_is_edited_and_withdrawn_as_ever(known, town):
    number(known, 1)

    edited = number(known, 1, title="Başka bir başlık")
    gone = known.withdraw(id="n-1")

    assert (edited.json["status"], gone.json["status"]) == ("accepted", "accepted")
    assert edited.json["article_id"] == gone.json["article_id"]
    assert town.get(Article, gone.json["article_id"]).state == "withdrawn"


def test_a_delivery_id_used_twice_is_answered_as_ever(known, town):
    first = known.post("msg_same", id="n-1")
    again = known.post("msg_same", id="n-1")
    other = known.post("msg_same", id="n-2")

    assert [answer.status_code for answer in (first, again, other)] == [202, 200, 409]
    assert town.count(InboxEvent) == 3


def test_a_change_of_the_source_counts_from_the_next_request_on(known, town):
    def change(**values: Any) -> None:
        with town.runtime.db.write() as session:
            session.execute(update(Source).values(**values))

    change(hosts=["www.izmir.bel.tr"])
    refused = number(known, 1)
    change(hosts=[], is_paused=True)
    paused = number(known, 2)
    change(is_paused=False, hold_s=0)
    number(known, 3)
    change(rate_per_minute=7)  # six were sent so far
    many = [number(known, n).status_code for n in (4, 5)]

    assert [refused.status_code, paused.json["status"], many] == [422, "ignored", [202, 429]]
    (held,) = [row for row in town.news() if row.article_id == _last(town)]
    assert held.release_at <= held.created_at


def test_a_new_secret_counts_from_the_next_request_on(known, town):
    with town.runtime.db.write() as session:
        source = session.query(Source).one()
        rotate(source, town.runtime.vault, new_secret(), source.created_at)
        source.previous_until = source.created_at
        secret = new_secret()
        source.sealed_secret = town.runtime.vault.encrypt(secret)

    old = number(known, 1)
    known.secret = secret
    new = [number(known, n).status_code for n in range(2, 5)]

    assert old.status_code == 401
    assert new == [202, 202, 202]
    assert {row.last_matched for row in town.all(Source)} == {"current"}


def test_who_has_but_a_revoked_secret_does_not_use_up_what_the_source_may_send(known, town):
    with town.runtime.db.write() as session:
        source, secret = session.query(Source).one(), new_secret()
        source.sealed_secret = town.runtime.vault.encrypt(secret)
        source.rate_per_minute = 7

    old = [number(known, n).status_code for n in range(10)]
    known.secret = secret
    new = [number(known, n).status_code for n in range(10, 16)]

    assert old == [401] * 10
    assert new == [202] * 5 + [429]  # two were sent with the old one, in time


def _last(town: Any) -> int:
    return max(row.id for row in town.all(Article))


@pytest.mark.parametrize("field", [{"urgent": True}, {"updated_at": "2199-01-01T00:00:00Z"}])
def test_what_is_urgent_or_of_the_future_is_looked_at_on_the_long_way(
    known: Any, close_long_way: Callable[[], None], field: dict[str, Any]
) -> None:
    close_long_way()

    assert number(known, 1, **field).status_code == 500
