"""Traces reach a collector: one for each request, from the webhook to what is sent."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service.models import Delivery, DeliveryState
from service.settings import Settings, SettingsError, load
from service.telemetry import tracing
from tests.integration.town import TOPIC
from workers.chat import targets

ROOT = Path(__file__).parents[3]
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Takes spans as an OpenTelemetry collector does (OTLP/HTTP, binary)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: set[str] = set()
        self._spans: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self._spans.extend(scope.spans)

    def spans(self) -> list[Any]:
        """All that was sent until now."""
        tracing.close()
        return self._spans


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    tracing.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    return settings.model_copy(update={"otlp_endpoint": collector.url})


def test_a_trace_goes_from_the_webhook_to_what_is_sent(cms, town, told, collector):
    town.reader()
    answer = cms.post()
    told(answer.json["revision"])

    spans = {span.name: span for span in collector.spans()}
    door = spans.pop("POST /v1/sources/<slug>/articles")
    assert collector.paths == {"/v1/traces"}
    assert sorted(spans) == ["classify.revision", "email.batch", "plan.notification", "send"]
    assert {span.trace_id for span in spans.values()} == {door.trace_id}
    assert door.parent_span_id == b""
    batch, send = spans["email.batch"], spans.pop("send")
    assert send.parent_span_id == batch.span_id
    assert {span.parent_span_id for span in spans.values()} == {door.span_id}
    assert batch.start_time_unix_nano <= send.start_time_unix_nano
    assert send.end_time_unix_nano <= batch.end_time_unix_nano
    assert _said(send)["tellal.deliveries"] == 1
    assert _said(send)["tellal.channel"] == "email"
    assert {_said(one)["tellal.request_id"] for one in (door, batch, send)} == {
        answer.headers["X-Request-Id"]
    }


def test_the_trace_of_a_caller_is_continued(cms, town, told, collector):
    town.reader()
    body = _json(cms.article())
    answer = cms.post_raw(body, traceparent=f"00-{TRACE}-{CALLER}-01")
    told(answer.json["revision"])

    spans = collector.spans()
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    (door,) = [span for span in spans if span.name.startswith("POST")]
    assert door.parent_span_id.hex() == CALLER


def test_a_caller_that_names_its_request_is_linked(cms, collector):
    headers = {"X-Request-ID": "mine", "traceparent": f"00-{TRACE}-{CALLER}-01"}
    cms.post_raw(_json(cms.article()), **headers)
    (door,) = collector.spans()
    assert door.trace_id.hex() != TRACE
    (link,) = door.links
    assert (link.trace_id.hex(), link.span_id.hex()) == (TRACE, CALLER)


def test_a_stage_that_fails_is_an_error_in_its_trace(cms, runtime, told, collector, monkeypatch):
    def broken(*_: object) -> None:
        raise LookupError("a broken row")

    revision = cms.post().json["revision"]
    monkeypatch.setattr("workers.classify.current_classifier", broken)
    with pytest.raises(LookupError):
        told(revision)
    (span,) = [one for one in collector.spans() if one.name == "classify.revision"]
    assert span.status.code == 2
    assert span.status.message == "LookupError"  # not its text, which may say what it read


def test_no_address_and_no_content_is_in_a_trace(cms, town, told, collector):
    town.reader(address="somebody@example.org")
    told(cms.post().json["revision"])
    told_of = b"".join(span.SerializeToString() for span in collector.spans())
    for private in ("somebody", "example.org", "karbon", TOPIC):
        assert private.encode() not in told_of


def test_a_collector_that_is_away_holds_up_nobody(cms, town, told, settings, collector):
    town.reader()
    collector.shutdown()
    collector.server_close()
    told(cms.post().json["revision"])
    assert [row.state for row in town.all(Delivery)] == [DeliveryState.SENT]


def test_probes_and_files_make_no_trace(client, collector):
    client.get("/health/live")
    client.get("/no/such/address")
    assert collector.spans() == []


def test_nothing_is_imported_where_no_collector_is_named():
    program = """
import sys
import service.app, workers.stages, workers.deliver, workers.classify, workers.plan
from service.settings import load
from service.telemetry import tracing
with tracing.span(load(), "stage") as span:
    span.request_id = "abc"
# The client of Redis imports what counts, where it is installed.
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter")
print([name for name in sys.modules if name.startswith(ours)])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("wrong", ["collector:4318", "ftp://collector", "http://"])
def test_an_address_that_takes_no_traces_is_refused(wrong):
    with pytest.raises(SettingsError, match="OTLP_ENDPOINT"):
        load(otlp_endpoint=wrong)


def _said(span: Any) -> dict[str, Any]:
    return {
        one.key: one.value.string_value or one.value.int_value or one.value.bool_value
        for one in span.attributes
    }


def _json(value: dict[str, Any]) -> bytes:
    import json

    return json.dumps(value).encode()


def test_what_chat_guards_does_not_keep_spans_from_an_internal_collector(client, collector):
    targets._install()  # as a worker of chat does, for as long as it lives
    client.get("/")
    assert [span.name for span in collector.spans()] == ["GET /"]
