"""The life of one article as its CMS told it: heard of once, whatever is repeated or comes late."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.app import create_app
from service.db import utcnow
from service.models import (
    Article,
    InboxEvent,
    Revision,
    Source,
)
from tests.integration.ingest.test_at_once import together

WP = "wordpress-6.1.9-wpwebhooks-3.3.1"
LIVES = {
    "ghost": [
        f"ghost-6.65.0-post-{event}"
        for event in ("added", "published", "published-edited", "unpublished", "scheduled")
    ]
    + ["ghost-6.65.0-post-deleted"],
    "wordpress": [
        f"{WP}-{event}"
        for event in ("draft-created", "revision-created", "published", "edited-while-published")
    ]
    + [f"{WP}-{event}" for event in ("trashed-as-update", "trash", "deleted")],
    "strapi": [
        f"strapi-5.54.0-entry-{event}"
        for event in ("create", "publish", "update", "republish", "unpublish", "delete")
    ],
}
STEPS = {  # what became of each step, in order
    "ghost": ["accepted"] * 4 + ["unchanged"] * 2,
    "wordpress": ["accepted", "ignored", *["accepted"] * 3, *["unchanged"] * 2],
    "strapi": ["ignored", "accepted", "ignored", "accepted", "accepted", "unchanged"],
}
each_cms = pytest.mark.parametrize("preset", LIVES)


@pytest.fixture
def live(replay, town):
    """A reader of everything, and a source of this CMS; returns the source."""
    town.reader(None)

    def live(preset: str) -> str:
        scheme = {"strapi": "bearer"}.get(preset, preset)
        return replay.source(preset, scheme, LIVES[preset][0])

    return live


@pytest.fixture
def hold_is_over(work, clock):
    def hold_is_over() -> None:
        work()
        clock.advance(hours=3)
        work()

    return hold_is_over


@each_cms
def test_a_life_in_order_is_told_once(replay, town, live, hold_is_over, full_audit, preset):
    slug, steps = live(preset), []
    for name in LIVES[preset]:
        steps.append(replay.send(slug, name).json["status"])
        hold_is_over()

    assert steps == STEPS[preset]
    assert town.mails().total() == 1
    (article,) = town.all(Article)
    assert article.state == "withdrawn"
    assert town.count(Revision) == 2


@each_cms
def test_a_life_within_the_hold_is_told_to_nobody(replay, town, live, hold_is_over, preset):
    slug = live(preset)
    for name in LIVES[preset]:
        assert replay.send(slug, name).status_code == 202
    hold_is_over()

    assert town.mails().total() == 0
    assert {row.state for row in town.news()} == {"cancelled"}


@each_cms
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_life_shuffled_and_sent_twice_is_told_at_most_once(
    replay, town, live, hold_is_over, preset, seed
):
    slug = live(preset)
    names = LIVES[preset] * 2
    random.Random(seed).shuffle(names)
    for at, name in enumerate(names):
        assert replay.send(slug, name).status_code in (200, 202)
        if at % 3 == seed % 3:
            hold_is_over()
    hold_is_over()

    assert town.mails().total() <= 1
    assert town.count(Article) == 1
    assert town.findings() == []


def test_twenty_events_of_a_foreign_cms_at_once_are_one_article(replay, app, town):
    name = LIVES["strapi"][1]
    slug = replay.source("strapi", "bearer", name)
    sent = replay.recording(name)
    published = b"2026-11-23T17:55:56.404Z"
    assert published in sent.body
    body = sent.body.replace(published, utcnow().isoformat().encode())  # what is old is no news

    answers = together(
        lambda _: app.test_client().post(
            f"/v1/sources/{slug}/articles",
            data=body,
            headers={"Authorization": "Bearer test-token"},
            content_type="application/json",
        )
    )

    assert Counter(answer.json["status"] for answer in answers) == {"accepted": 1, "unchanged": 19}
    assert town.count(InboxEvent) == 20
    assert town.count(Article) == len(town.news()) == 1


def test_both_secrets_live_for_seven_days_after_a_rotation(replay, town):
    name = "wordpress-6.1.9-wpwebhooks-3.3.1-published"
    slug = replay.source("wordpress", "wordpress", name)
    vault, until = town.runtime.vault, utcnow() + timedelta(days=3650)
    assert replay.send(slug, name).status_code == 202
    assert [row.last_matched for row in town.all(Source)] == ["current"]
    with town.runtime.db.write() as session:
        row = session.query(Source).one()
        row.sealed_previous_secret, row.previous_until = row.sealed_secret, until
        row.sealed_secret = vault.encrypt("another")

    assert replay.send(slug, name).status_code == 202
    assert [row.last_matched for row in town.all(Source)] == ["previous"]

    with town.runtime.db.write() as session:
        session.execute(update(Source).values(previous_until=until - timedelta(days=7300)))
    assert replay.send(slug, name).status_code == 401


@pytest.mark.parametrize(("env", "status"), [("test", 202), ("production", 401)])
def test_the_clock_stands_still_in_a_test_environment_alone(replay, settings, town, env, status):
    name = LIVES["ghost"][1]
    slug = replay.source("ghost", "ghost", name)
    at = replay.recording(name).at
    app = create_app(settings.model_copy(update={"env": env, "test_now": at}))
    replay.client, replay.set_clock = app.test_client(), lambda _: None
    try:
        assert replay.send(slug, name).status_code == status
    finally:
        app.extensions["tellal"].close()
