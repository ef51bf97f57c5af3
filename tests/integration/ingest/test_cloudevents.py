"""CloudEvents: the handshake, and batches for sources that asked for them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.models import Article, InboxEvent, Source
from workers.enrich import enrich_event

BATCH = "application/cloudevents-batch+json"
ORIGIN = {"WebHook-Request-Origin": "cms.example.bel.tr", "WebHook-Request-Rate": "120"}


def event(number: int, kind: str = "published", **data) -> dict:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/cms",
        "type": f"tr.bel.example.haber.{kind}",
        "subject": f"haber/{number}",
        "time": "2026-11-23T17:00:00Z",
        "data": {
            "title": f"Haber {number}",
            "url": f"https://www.example.bel.tr/haber/{number}",
            **data,
        },
    }


def source(runtime, preset: str, **values) -> str:
    with runtime.db.write() as session:
        session.add(
            Source(
                slug=preset,
                preset=preset,
                scheme="bearer",
                sealed_secret=runtime.vault.encrypt("token"),
                rate_per_minute=90,
                **values,
            )
        )
    return f"/v1/sources/{preset}/articles"


def post(client, path: str, events, content_type: str = BATCH):
    headers = {"Authorization": "Bearer token"}
    return client.post(path, data=json.dumps(events), headers=headers, content_type=content_type)


def test_the_handshake_names_the_origin_and_the_rate(client, runtime):
    path = source(runtime, "cloudevents")

    answer = client.options(path, headers=ORIGIN)

    assert answer.status_code == 200
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert answer.headers["WebHook-Allowed-Origin"] == "*"
    assert answer.headers["WebHook-Allowed-Rate"] == "90"


def test_without_an_origin_nothing_is_allowed_and_an_unknown_source_is_not_found(client, runtime):
    path = source(runtime, "cloudevents")

    assert "WebHook-Allowed-Origin" not in client.options(path).headers
    assert client.options("/v1/sources/nobody/articles", headers=ORIGIN).status_code == 404


def test_a_batch_becomes_its_articles_and_leaves_other_events_out(client, runtime, town):
    path = source(runtime, "cloudevents-batch")
    events = [event(1), event(2, "withdrawn"), event(3, "viewed"), event(4, state="published")]

    answer = post(client, path, events)

    assert (answer.status_code, answer.json["status"]) == (202, "accepted")
    found = {(row.external_id, row.state) for row in town.all(Article)}
    assert found == {
        ("haber/1", "published"),
        ("haber/2", "withdrawn"),
        ("haber/4", "published"),
    }
    assert post(client, path, events).json["status"] == "unchanged"
    assert town.count(InboxEvent) == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"title": None}, "title: a published article needs a title"),
        ({"url": "https://evil.example/2"}, "must be on www.example.bel.tr"),
        ({"state": "draft"}, "state: gives neither published nor withdrawn"),
    ],
)
def test_a_bad_event_of_a_batch_costs_the_good_ones_nothing_and_waits_to_be_read_again(
    client, runtime, town, bad, message
):
    path = source(runtime, "cloudevents-batch", hosts=["www.example.bel.tr"])
    events = [event(1), event(2, **bad), event(3, "withdrawn")]

    answer = post(client, path, events)

    assert (answer.status_code, answer.json["status"]) == (202, "quarantined")
    (error,) = answer.json["errors"]
    assert error["field"] == "article 2 of 3"
    assert message in error["message"]
    assert {row.external_id for row in town.all(Article)} == {"haber/1", "haber/3"}
    assert len(town.news()) == 1
    (kept,) = town.all(InboxEvent)
    assert (kept.verdict, kept.reason) == ("failed", f"article 2 of 3: {error['message']}")

    with runtime.db.write() as session:
        session.execute(update(Source).values(hosts=[]))
        session.execute(update(InboxEvent).values(verdict="pending", due_at=utcnow()))
    enrich_event(runtime, kept.id)

    (kept,) = town.all(InboxEvent)
    assert (kept.verdict, town.count(Article)) == (
        ("accepted", 3) if "url" in bad else ("failed", 2)
    )
    assert len(town.news()) == town.count(Article) - 1


def test_a_batch_of_bad_events_alone_is_quarantined(client, runtime, town):
    path = source(runtime, "cloudevents-batch")

    answer = post(client, path, [event(n, title=None) for n in (1, 2)])

    assert (answer.status_code, answer.json["status"]) == (202, "quarantined")
    which = [error["field"] for error in answer.json["errors"]]
    assert which == ["article 1 of 2", "article 2 of 2"]
    assert town.count(Article) == 0


def test_a_single_event_is_taken_by_the_same_source(client, runtime, town):
    path = source(runtime, "cloudevents-batch")

    answer = post(client, path, event(1), "application/cloudevents+json")

    assert answer.json["status"] == "accepted"
    assert town.count(Article) == 1


def test_a_batch_of_nothing_or_of_strangers_is_ignored(client, runtime, town):
    path = source(runtime, "cloudevents-batch")

    answers = [post(client, path, events) for events in ([], [{}], [event(3, "viewed")], [1, None])]

    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json["status"] for answer in answers} <= {"ignored", "quarantined"}
    assert town.count(Article) == 0


def test_a_source_that_did_not_ask_for_batches_takes_none(client, runtime, town):
    answer = post(client, source(runtime, "cloudevents"), [event(1)])

    assert (answer.status_code, answer.json["status"]) == (202, "ignored")
    assert town.count(Article) == 0


def test_a_batch_that_is_no_json_is_refused(client, runtime):
    path = source(runtime, "cloudevents-batch")
    headers = {"Authorization": "Bearer token"}

    for body in (b"", b"[", b"[[]", b"{}", b'[], "specversion": "1.0"', b"[]]"):
        answer = client.post(path, data=body, headers=headers, content_type=BATCH)
        assert answer.status_code == 400, body
