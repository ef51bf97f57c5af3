"""Every captured request, byte for byte, through the door: what it becomes, and that one changed
byte is refused. Expected results are those of the table in the README of the recordings."""

from __future__ import annotations

from collections import Counter

import pytest

from service.models import (
    Article,
    ArticleAlias,
    InboxEvent,
    Revision,
    Source,
    Verdict,
)

GHOST, WP, STRAPI = "ghost-6.65.0-post", "wordpress-6.1.9-wpwebhooks-3.3.1", "strapi-5.54.0-entry"
DIRECTUS = "directus-11.16.1-items"
GHOST_ID, STRAPI_ID = "6b047cb3676ce61a8adf5707", "xcsq26hbkwz95141mod0y3qc"
NODE_ID = "d115f055-e97a-4757-af9e-6b4f53e1f408"
SANITY_ID = "3b7c0a1e-0000-4000-8000-000000000001"
ACCEPTED, IGNORED, PENDING = Verdict.ACCEPTED, Verdict.IGNORED, Verdict.PENDING
FILES = [  # file, preset, scheme, verdict, external id, state, notifications held
    (f"{GHOST}-added", "ghost", "ghost", ACCEPTED, GHOST_ID, "withdrawn", 0),
    (f"{GHOST}-published", "ghost", "ghost", ACCEPTED, GHOST_ID, "published", 1),
    (f"{GHOST}-published-edited", "ghost", "ghost", ACCEPTED, GHOST_ID, "published", 1),
    (f"{GHOST}-unpublished", "ghost", "ghost", ACCEPTED, GHOST_ID, "withdrawn", 0),
    (f"{GHOST}-scheduled", "ghost", "ghost", ACCEPTED, GHOST_ID, "withdrawn", 0),
    (f"{GHOST}-deleted", "ghost", "ghost", ACCEPTED, GHOST_ID, "withdrawn", 0),
    (f"{WP}-draft-created", "wordpress", "wordpress", ACCEPTED, "4", "withdrawn", 0),
    (f"{WP}-revision-created", "wordpress", "wordpress", IGNORED, None, None, 0),
    (f"{WP}-published", "wordpress", "wordpress", ACCEPTED, "4", "published", 1),
    (f"{WP}-edited-while-published", "wordpress", "wordpress", ACCEPTED, "4", "published", 1),
    (f"{WP}-trashed-as-update", "wordpress", "wordpress", ACCEPTED, "4", "withdrawn", 0),
    (f"{WP}-trash", "wordpress", "wordpress", ACCEPTED, "4", "withdrawn", 0),
    (f"{WP}-deleted", "wordpress", "wordpress", ACCEPTED, "4", "withdrawn", 0),
    (f"{STRAPI}-create", "strapi", "bearer", IGNORED, None, None, 0),
    (f"{STRAPI}-publish", "strapi", "bearer", ACCEPTED, STRAPI_ID, "published", 1),
    (f"{STRAPI}-update", "strapi", "bearer", IGNORED, None, None, 0),
    (f"{STRAPI}-republish", "strapi", "bearer", ACCEPTED, STRAPI_ID, "published", 1),
    (f"{STRAPI}-unpublish", "strapi", "bearer", ACCEPTED, STRAPI_ID, "withdrawn", 0),
    (f"{STRAPI}-delete", "strapi", "bearer", ACCEPTED, STRAPI_ID, "withdrawn", 0),
    (f"{DIRECTUS}-create", "directus", "bearer", ACCEPTED, "1", "withdrawn", 0),
    (f"{DIRECTUS}-update", "directus", "bearer", PENDING, None, None, 0),
    (f"{DIRECTUS}-delete", "directus", "bearer", ACCEPTED, "1", "withdrawn", 0),
    (
        *("contentful-entry-publish", "contentful", "contentful"),
        *(ACCEPTED, "5KsDBWseXY6QegucYAoacS", "published", 1),
    ),
    (
        *("drupal-webhooks-module-entity-node-create-constructed", "drupal", "drupal"),
        *(ACCEPTED, NODE_ID, "published", 0),
    ),
    (
        *("sanity-document-constructed", "sanity", "sanity"),
        *(ACCEPTED, SANITY_ID, "published", 1),
    ),
    ("typo3-page-modification-constructed", "typo3", "typo3", PENDING, None, None, 0),
    ("umbraco-content-published-constructed", "umbraco", "bearer", PENDING, None, None, 0),
    (
        *("standard-webhooks-constructed", "standard-webhooks", "standard"),
        *(ACCEPTED, "58150", "published", 1),
    ),
    (
        *("cloudevents-structured-constructed", "cloudevents", "bearer"),
        *(ACCEPTED, "haber/55000", "published", 0),
    ),
    (
        *("cloudevents-binary-constructed", "cloudevents", "bearer"),
        *(ACCEPTED, "haber/55000", "published", 0),
    ),
]
each_file = pytest.mark.parametrize(
    ("name", "preset", "scheme", "verdict", "external_id", "state", "held"),
    FILES,
    ids=[file[0] for file in FILES],
)


@each_file
def test_a_captured_request_becomes_what_its_cms_meant(
    replay, town, name, preset, scheme, verdict, external_id, state, held
):
    slug = replay.source(preset, scheme, name)

    answer = replay.send(slug, name)

    assert answer.status_code == 202, answer.text
    assert answer.json["status"] == ("accepted" if verdict == PENDING else verdict)
    (event,) = town.all(InboxEvent)
    found = [(row.external_id, row.state) for row in town.all(Article)]
    assert event.verdict == verdict
    assert found == ([(external_id, state)] if external_id else [])
    assert (answer.json["article_id"] is None) is (external_id is None)
    assert len(town.news()) == held


@each_file
def test_one_changed_byte_of_a_captured_request_is_refused(
    replay, town, name, preset, scheme, verdict, external_id, state, held
):
    slug = replay.source(preset, scheme, name)
    if scheme == "bearer":  # nothing is signed: the token is all there is
        answers = [
            replay.send(slug, name, authorization=token)
            for token in ("Bearer test-tokem", "Bearer ", "test-token", "Basic test-token")
        ]
    else:
        body = replay.recording(name).body
        changed = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in (0, len(body) // 2)]
        answers = [replay.send(slug, name, body=one) for one in (*changed, body + b" ")]

    assert Counter(answer.status_code for answer in answers) == {401: len(answers)}
    assert len({answer.text for answer in answers}) == 1
    assert town.is_empty()


SIGNED = [file for file in FILES if file[2] != "bearer"]
TIMED = [file for file in SIGNED if file[2] in ("standard", "ghost", "contentful", "sanity")]
SIGNATURES = {
    "standard": "webhook-signature",
    "ghost": "x-ghost-signature",
    "wordpress": "x-wp-webhook-signature",
    "contentful": "x-contentful-signature",
    "sanity": "sanity-webhook-signature",
    "typo3": "webhook-signature",
    "drupal": "x-hub-signature",
}
GARBAGE = (
    "",
    "x",
    "=",
    "v1,",
    "t=,v1=",
    "sha256=é, t=1",
    "sha1=" + "0" * 40,
    "v1,!!!",
    "\t",
    "," * 99,
)


@pytest.mark.parametrize("minutes", [-6, 6])
@pytest.mark.parametrize("file", TIMED, ids=[file[0] for file in TIMED])
def test_a_signed_time_six_minutes_off_is_refused(replay, town, file, minutes):
    name, preset, scheme, *_ = file
    slug = replay.source(preset, scheme, name)

    assert replay.send(slug, name, skew_s=minutes * 60).status_code == 401
    assert town.is_empty()
    assert replay.send(slug, name, skew_s=minutes * 40).status_code == 202


@pytest.mark.parametrize("file", SIGNED, ids=[file[0] for file in SIGNED])
def test_a_header_of_garbage_is_refused_as_any_wrong_one(replay, town, file):
    name, preset, scheme, *_ = file
    slug = replay.source(preset, scheme, name)
    header = SIGNATURES[scheme]

    answers = [replay.send(slug, name, **{header: garbage}) for garbage in GARBAGE]

    assert Counter(answer.status_code for answer in answers) == {401: len(GARBAGE)}
    assert len({answer.text for answer in answers}) == 1
    assert town.is_empty()


def test_no_name_or_address_of_an_editor_leaves_the_sealed_inbox(replay, town):
    for name, preset, scheme, *_ in FILES:
        if preset in ("ghost", "drupal", "typo3"):
            assert replay.send(replay.source(preset, scheme, name), name).status_code == 202

    stored = "".join(
        repr({name: value for name, value in vars(row).items() if name != "sealed_body"})
        for model in (Article, ArticleAlias, Revision, InboxEvent, Source)
        for row in town.all(model)
    )
    assert "editor@example.org" not in stored
    assert "'admin'" not in stored


def test_both_modes_of_cloudevents_are_one_article(replay, town):
    mode = "cloudevents-{}-constructed".format
    slug = replay.source("cloudevents", "bearer", mode("binary"))

    answers = [replay.send(slug, mode(one)) for one in ("structured", "binary")]

    assert town.count(Article) == town.count(Revision) == 1
    assert len({answer.json["article_id"] for answer in answers}) == 1


def test_only_headers_that_the_preset_reads_are_kept_for_a_replay(replay, town):
    name = f"{WP}-trash"
    replay.send(replay.source("wordpress", "wordpress", name), name)

    (event,) = town.all(InboxEvent)

    assert event.headers == {
        "content-type": "application/json; charset=UTF-8",
        "x-wp-webhook-name": "post_trash",
    }
