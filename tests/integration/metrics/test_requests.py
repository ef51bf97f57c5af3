"""One id from the webhook to the last delivery, of every kind, and what a caller may call it."""

from __future__ import annotations

import json
import re

import pytest

from tests.integration.test_log_lines import lines  # noqa: F401  a fixture
from tests.integration.websub.conftest import callbacks, hub  # noqa: F401  fixtures

OURS = re.compile(r"[0-9a-f]{16}")
API = "/v1/admin/articles"  # whoever has no key is told so, under the name that was said


def test_the_id_of_a_request_is_followed_to_mail_chat_and_feeds(
    cms,
    town,
    hub,  # noqa: F811
    callbacks,  # noqa: F811
    work,
    lines,  # noqa: F811
    clock,
):
    hub.subscribe(callbacks.url())
    town.reader()
    town.channel(f"json://127.0.0.1:{callbacks.server_address[1]}/room")
    body = json.dumps(cms.article()).encode()
    lines.take()
    answer = cms.post_raw(body, **{"X-Request-ID": "cms-58150.retry_2"})
    assert answer.headers["X-Request-Id"] == "cms-58150.retry_2"
    work()
    clock.advance(minutes=10)  # its hold
    work()

    found = lines.take()
    assert {line.get("request_id") for line in found if line["event"] != "found"} == {
        "cms-58150.retry_2"
    }
    events = [line["event"] for line in found]
    assert events.count("planned") == 2  # the news, and the feed that it is in
    for event in ("request", "classified", "released"):
        assert event in events
    done = {line["channel"] for line in found if line["event"] == "batch done"}
    assert done == {"email", "chat", "websub"}


def test_what_a_thread_of_chat_says_names_the_request(cms, town, work, lines, clock):  # noqa: F811
    town.channel("json://10.1.2.3/room")  # where nothing of ours may be sent
    answer = cms.post()
    clock.advance(minutes=10)
    lines.take()
    work()
    refused = [line for line in lines.take() if line["event"] == "outbound address refused"]
    assert refused
    assert {line["request_id"] for line in refused} == {answer.headers["X-Request-Id"]}


@pytest.mark.parametrize("said", ["a", "A-1_b.2", "0" * 64, "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_a_caller_may_name_its_request(client, said):
    assert client.get(API, headers={"X-Request-ID": said}).headers["X-Request-Id"] == said


@pytest.mark.parametrize(
    "said",
    ["", " ", "a" * 65, "a b", "-a", ".", "şehir", '"}{"', "<b>", "a;b", "../x", "a\x0bb", "a%0ab"],
)
def test_what_is_no_name_gets_one_of_ours(client, said):
    answer = client.get(API, headers={"X-Request-ID": said})
    assert OURS.fullmatch(answer.headers["X-Request-Id"])


def test_a_trace_that_a_caller_has_begun_names_its_request(client):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    answer = client.get(API, headers={"traceparent": parent})
    assert answer.headers["X-Request-Id"] == trace
    both = {"traceparent": parent, "X-Request-ID": "mine"}
    assert client.get(API, headers=both).headers["X-Request-Id"] == "mine"
    for wrong in (f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{trace}-{'0' * 16}-01", "00-x", trace):
        answer = client.get(API, headers={"traceparent": wrong})
        assert OURS.fullmatch(answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/feeds/iklim-cevre.rss", "/nowhere", "/staff/"]
)
def test_pages_take_no_name_from_a_stranger(client, path):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    named = client.get(path, headers={"X-Request-ID": "of-another"})
    traced = client.get(path, headers={"traceparent": parent})
    assert named.headers.get("X-Request-Id") != "of-another"
    assert traced.headers.get("X-Request-Id") != trace


def test_feeds_from_memory_have_a_line_and_no_id_of_another_request(client, lines):  # noqa: F811
    first = client.get("/feeds/iklim-cevre.rss", headers={"X-Request-ID": "the-first"})
    lines.take()
    etag = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/feeds/iklim-cevre.rss", headers=etag).status_code == 304
    (line,) = lines.take()
    assert (line["event"], line["path"]) == ("feed", "/feeds/iklim-cevre.rss")
    assert (line["method"], line["status"]) == ("GET", 304)
    assert "request_id" not in line
