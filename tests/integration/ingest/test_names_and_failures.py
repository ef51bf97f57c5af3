"""One article under several names; and events that fit no article, kept instead of lost."""

from __future__ import annotations

import itertools
import json

import pytest
from sqlalchemy import update

from service.models import Article, ArticleAlias, InboxEvent, Source, Verdict
from tests.integration.ingest.test_at_once import together

RECORDING = "strapi-5.54.0-entry-publish"  # lends its token


class Json:
    """Posts bodies of a schema.org or WordPress REST shape, proved by a token."""

    def __init__(self, replay, preset):
        row = replay.source(preset, "bearer", RECORDING)
        self.path, self.client = f"/v1/sources/{row}/articles", replay.client

    def post(self, body, client=None, token="test-token"):
        return (client or self.client).post(
            self.path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
            content_type="application/json",
        )


def page(**fields):
    return {"@type": "NewsArticle", "headline": "Körfez için plan", **fields}


URL, GUID = "https://www.example.bel.tr/korfez/", "https://www.example.bel.tr/?p=4"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_id_guid_and_permalink_of_a_wordpress_post_find_one_article(replay, town, order):
    cms = Json(replay, "wordpress-rest")
    posts = [
        {"id": 4, "guid": {"rendered": GUID}, "link": URL},
        {"id": GUID, "guid": {"rendered": GUID}, "link": URL},  # as the RSS feed names it
        {"id": URL, "link": URL},  # as a sitemap or a page names it
    ]
    for number in order:
        post = {"status": "publish", "title": {"rendered": "Körfez"}, "type": "post"}
        assert cms.post(post | posts[number]).status_code == 202

    assert town.count(Article) == len(town.news()) == 1


def test_two_requests_that_know_an_article_by_different_ids_at_once_are_one(replay, app, town):
    cms = Json(replay, "json-ld")

    answers = together(
        lambda n: cms.post(page(identifier=f"n{n}", url=URL), client=app.test_client()), 8
    )

    assert {answer.status_code for answer in answers} == {202}
    assert town.count(Article) == len(town.news()) == 1


def test_the_first_owner_keeps_a_name_and_a_page_written_anew_is_another_article(replay, town):
    cms = Json(replay, "json-ld")
    first = cms.post(page(identifier="1", url=URL)).json["article_id"]
    cms.post(page(identifier="1", url=URL, creativeWorkStatus="Withdrawn"))

    second = cms.post(page(identifier="2", url=URL)).json["article_id"]

    assert first != second
    assert {row.article_id for row in town.all(ArticleAlias) if row.kind == "url"} == {first}
    assert cms.post(page(identifier="2", url=URL + "?x")).json["article_id"] == second


def test_what_a_preset_does_not_fit_is_kept_to_be_replayed(replay, town):
    cms = Json(replay, "json-ld")
    with town.runtime.db.write() as session:
        session.execute(update(Source).values(hosts=["www.example.bel.tr"]))

    answers = [
        cms.post(page(identifier="1")),
        cms.post(page(identifier="1", url="https://evil.example/")),
    ]

    assert [(a.status_code, a.json["status"]) for a in answers] == [(202, "quarantined")] * 2
    events = town.all(InboxEvent)
    assert [row.verdict for row in events] == [Verdict.FAILED] * 2
    assert events[0].reason.startswith("url: ")
    assert all(town.runtime.vault.decrypt(row.sealed_body) for row in events)
    assert town.count(Article) == 0


def test_an_event_that_breaks_on_our_side_is_kept(replay, town, monkeypatch):
    def broken(*_, **__):
        raise KeyError("a value that may be personal")

    monkeypatch.setattr("service.ingest.applying.apply", broken)

    answer = Json(replay, "json-ld").post(page(identifier="1", url=URL))

    assert (answer.status_code, answer.json["status"]) == (202, "quarantined")
    (event,) = town.all(InboxEvent)
    assert event.reason == "broke on our side: KeyError"
    assert town.count(Article) == 0
