"""Channels by API: pages by key, versions, problem details."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.runtime import Runtime
from service.subscriptions.channels import add_channel

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ROOT = "/v1/admin/channels"


@pytest.fixture
def three(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        for number in range(3):
            add_channel(
                session,
                runtime.vault,
                runtime.settings,
                name=f"Oda {number}",
                url=f"json://127.0.0.1:9/secret-{number}",
                topic_slugs=[],
            )


@pytest.mark.usefixtures("three")
def test_pages_follow_each_other(program: Callable[..., Any]) -> None:
    key = program("viewer")
    first = key.get(f"{ROOT}?limit=2").json
    assert [one["name"] for one in first["items"]] == ["Oda 0", "Oda 1"]
    assert "secret" not in str(first)
    second = key.get(first["next"]).json
    assert ([one["name"] for one in second["items"]], second["next"]) == (["Oda 2"], None)


@pytest.mark.parametrize("query", ["after=x", "after=W10", "after=WyJ4Il0", "after=ᴬ", "limit=0"])
def test_a_query_that_is_none_is_explained(program: Callable[..., Any], query: str) -> None:
    answer = program("viewer").get(f"{ROOT}?{query}")
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"
    assert "after" in answer.text or "limit" in answer.text


@pytest.mark.usefixtures("three")
def test_a_change_names_the_version_that_was_seen(program: Callable[..., Any]) -> None:
    key = program("channel-manager")
    read = key.get(f"{ROOT}/1")
    etag = read.headers["ETag"]
    assert key.get(f"{ROOT}/1", **{"If-None-Match": etag}).status_code == 304
    body = {"reason": "Bakım"}
    assert key.send(f"{ROOT}/1/pause", body).status_code == 428
    assert key.send(f"{ROOT}/1/pause", body, If_Match='"other"').status_code == 412
    done = key.send(f"{ROOT}/1/pause", body, If_Match=etag)
    assert (done.status_code, done.json["paused"]) == (200, "Bakım")
    assert key.send(f"{ROOT}/1/pause", body, If_Match=etag).status_code == 412
    assert key.send(f"{ROOT}/1/resume").json["paused"] is None


def test_each_wrong_field_is_named(program: Callable[..., Any]) -> None:
    answer = program("administrator").send(f"{ROOT}/1/pause", {"reason": ""}, If_Match="*")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "reason"
    assert program("viewer").get(f"{ROOT}/9").status_code == 404


def test_the_document_describes_it(client: Any) -> None:
    spec = client.get("/openapi.json").json
    operation = spec["paths"][ROOT + "/{channel_id}/pause"]["post"]
    assert operation["security"] == [{"ApiKey": []}]
    assert set(operation["responses"]) >= {"200", "401", "403", "404", "412", "422", "428"}
    assert spec["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
