"""The dry run says what the door and the planner would do, and stores nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from service.cli import cli
from service.db import Base
from service.models import Article, DeliveryState, Frequency
from workers.classify import classify_revision
from workers.plan import plan_notification

STRAPI = "strapi-5.54.0-entry-publish"


@pytest.fixture
def rows(town):
    """Rows of each table."""

    def rows():
        with town.runtime.db.read() as session:
            return {
                table.name: session.scalar(select(func.count()).select_from(table))
                for table in Base.metadata.sorted_tables
            }

    return rows


@pytest.fixture
def attempt(cms):
    def attempt(**fields):
        body = json.dumps(cms.article(**fields), ensure_ascii=False).encode()
        return cms.client.post(
            cms.path.replace("articles", "try"),
            data=body,
            headers=cms.headers(body),
            content_type="application/json",
        )

    return attempt


@pytest.fixture
def readers(town):
    town.reader(), town.reader(None), town.reader("su-kanal")
    town.reader(place="beydag"), town.reader(place="konak")
    town.reader(frequency=Frequency.DAILY), town.reader(is_verified=False)
    town.reader(is_paused=True), town.reader(is_suppressed=True)


def test_it_waits_for_nobody_who_writes(cms, runtime, attempt):
    cms.post()

    with ThreadPoolExecutor() as pool, runtime.db.write() as session:
        session.scalars(select(Article).with_for_update()).one()
        tried = pool.submit(attempt, title="Another title")
        wait([tried], timeout=10)
        has_waited = not tried.done()

    assert not has_waited
    assert tried.result().json["articles"][0]["transition"]["from"] == "published"


@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize("places", [[], ["beydag"]])
def test_it_counts_whom_the_planner_then_tells(cms, town, runtime, attempt, rows, places):
    before = rows()
    (tried,) = attempt(places=places).json["articles"]
    assert rows() == before

    classify_revision(runtime, cms.post(places=places, urgent=True).json["revision"])
    (notification,) = town.news()
    plan_notification(runtime, notification.id)

    assert tried["would_tell"] == town.counts(notification.id)[DeliveryState.QUEUED] > 0
    assert tried["topics"][0]["slug"] == "iklim-cevre"
    assert tried["transition"]["from"] == "none"
    assert tried["transition"]["to"] == "published"
    assert tried["article"]["title"] == cms.article()["title"]


@pytest.mark.usefixtures("readers")
def test_it_tells_what_would_become_of_a_stored_article_and_leaves_it(cms, attempt, rows):
    cms.post()
    before = rows()

    (same,) = attempt().json["articles"]
    (gone,) = attempt(state="withdrawn").json["articles"]

    assert rows() == before
    assert same["transition"]["verdict"] == "unchanged"
    assert (gone["transition"]["from"], gone["transition"]["to"]) == ("published", "withdrawn")
    assert gone["would_tell"] == 0
    assert cms.post().json["status"] == "unchanged"


def test_it_needs_the_credential_of_the_source(cms, town):
    for headers in ({}, {"Authorization": "Bearer test-token"}):
        answer = cms.client.post(
            cms.path.replace("articles", "try"),
            data=json.dumps(cms.article()).encode(),
            headers=headers,
            content_type="application/json",
        )
        assert answer.status_code == 401
    assert town.is_empty()


def test_it_names_what_is_wrong_and_says_what_must_be_asked(replay, attempt, rows):
    before = rows()
    wrong = attempt(title=None).json
    assert rows() == before
    assert wrong["verdict"] == "failed"
    assert [error["field"] for error in wrong["errors"]] == ["title"]

    name = "directus-11.16.1-items-update"
    thin = replay.send(replay.source("directus", "bearer", name), name, path="try").json
    assert thin["verdict"] == "pending"
    assert thin["articles"][0]["enrich_url"].startswith("/items/")
    assert thin["articles"][0]["would_tell"] is None


def test_the_command_shows_the_same(replay, town, rows, tellal, tmp_path: Path):
    slug = replay.source("strapi", "bearer", STRAPI)
    file = tmp_path / "event.json"
    file.write_bytes(replay.recording(STRAPI).body)
    town.reader(None)
    before = rows()

    (tried,) = json.loads(tellal("source", "try", slug, str(file)))["articles"]
    assert tried["id"] == "xcsq26hbkwz95141mod0y3qc"
    assert tried["transition"]["to"] == "published"
    assert rows() == before
    assert "there is no source" in CliRunner().invoke(cli, ["source", "try", "x", str(file)]).output
