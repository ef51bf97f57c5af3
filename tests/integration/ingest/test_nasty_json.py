"""The corpus of nasty bodies at the door: a definite answer for each, and nothing half stored."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.models import Article, InboxEvent, Revision, Source
from tests.data.nasty_json import HARMLESS, NO_JSON, WRONG_ARTICLE
from tests.integration.ingest.stored_rules import broken_rules


@pytest.fixture(scope="module", autouse=True)
def said(say):
    say(
        f"nasty JSON written by hand: {len(NO_JSON)} → 400, {len(WRONG_ARTICLE)} → 422, "
        f"{len(HARMLESS)} → 202"
    )


def test_what_is_no_json_is_answered_400_with_a_reason_and_nothing_is_stored(cms, town, subtests):
    for name, body in NO_JSON.items():
        with subtests.test(name):
            answer = cms.post_raw(body)

            assert answer.status_code == 400
            assert answer.mimetype == "application/problem+json"
            assert answer.json["detail"]
            assert len(answer.data) < 1000
    assert town.is_empty()


def test_what_is_no_article_is_answered_422_with_the_fields_and_nothing_is_stored(
    cms, town, subtests
):
    for name, body in WRONG_ARTICLE.items():
        with subtests.test(name):
            answer = cms.post_raw(body)

            assert answer.status_code == 422
            assert answer.json["errors"]
            assert len(answer.data) < 20_000
    assert town.is_empty()


def test_what_is_odd_and_harmless_is_stored_whole_and_clean(cms, town, subtests):
    for number, (name, body) in enumerate(HARMLESS.items()):
        with subtests.test(name):
            own = body.replace(b'"58150"', f'"n-{number}"'.encode(), 1)
            answer = cms.post_raw(own)

            assert answer.status_code == 202
            assert answer.json["status"] == "accepted"
            article = town.get(Article, answer.json["article_id"])
            revision = town.get(Revision, answer.json["revision"])
            assert broken_rules(article, revision) == []
            (event,) = [row for row in town.all(InboxEvent) if row.article_id == article.id]
            assert town.runtime.vault.decrypt(event.sealed_body).encode() == own
    count = len(HARMLESS)
    assert [town.count(model) for model in (InboxEvent, Article, Revision)] == [count] * 3
    assert len(town.news()) == count


def test_a_foreign_preset_answers_202_where_its_sender_could_mend_nothing(cms, town, subtests):
    with town.runtime.db.write() as session:
        session.execute(update(Source).values(preset="standard-webhooks"))
    for name, body in {**NO_JSON, **WRONG_ARTICLE}.items():
        with subtests.test(name):
            assert cms.post_raw(body).status_code == (400 if name in NO_JSON else 202)
    events = town.all(InboxEvent)
    assert len(events) == len(WRONG_ARTICLE)
    assert not [row.reason for row in events if row.reason.startswith("broke on our side")]
