"""Headers of an event that failed: kept, since nobody knows yet which of them its preset needs."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from service.models import InboxEvent, Source
from tests.integration.ingest.thin import inbox
from workers.retain import forget_expired

UMBRACO = "umbraco-content-published-constructed"


def kept(town) -> dict[str, str] | None:
    (row,) = town.all(InboxEvent)
    return row.headers


@pytest.fixture
def send(replay):
    """Posts an event whose headers say what happened to a source of this preset."""

    def send(preset: str, **headers: str) -> str:
        slug = replay.source(preset, "bearer", UMBRACO)
        assert replay.send(slug, UMBRACO, **headers).json["status"] == "quarantined"
        return slug

    return send


@pytest.mark.parametrize("preset", ["not-written-yet", "entry"])
def test_a_preset_that_reads_another_header_finds_it(send, town, runtime, tellal, preset):
    slug = send(preset)
    with runtime.db.write() as session:
        session.execute(update(Source).values(preset="umbraco"))
    tellal("source", "replay", slug)

    assert inbox(town) == [("pending", "the CMS must be asked for the rest")]
    assert sorted(kept(town)) == ["content-type", "umb-webhook-event"]  # no more than it needs


def test_no_secret_and_no_address_is_kept(send, town):
    private = {
        "cookie": "a=1",
        "x-hub-signature": "sha1=gizli",
        "api-key": "gizli",
        "x-gitlab-token": "gizli",
        "x-forwarded-for": "192.0.2.7",
        "x-real-ip": "192.0.2.7",
        "from": "editor@example.org",
        "x-user": "editor",
    }
    send("entry", **private)

    (row,) = town.all(InboxEvent)
    assert row.headers["umb-webhook-event"] == "Umbraco.ContentPublished"
    stored = json.dumps(row.headers)
    assert not [
        value for value in (*private, "gizli", "192.0.2.7", "test-token") if value in stored
    ]


def test_headers_are_bounded(send, town):
    send("entry", **{"x-long": "x" * 1001}, **{f"x-{number}": "y" for number in range(100)})

    headers = kept(town)
    assert len(headers) == 50
    assert "x-long" not in headers


def test_headers_are_forgotten_with_the_body(send, town, runtime, clock):
    send("entry")
    clock.advance(days=15)
    forget_expired(runtime)

    assert kept(town) is None
