"""What staff do with sources."""

from __future__ import annotations

from typing import Any

from service.db import utcnow
from service.ingest.managing.sources import store
from service.ingest.pulling import setting
from service.models import InboxEvent, PullKind, Source, Verdict
from service.runtime import Runtime
from tests.integration.admin.examples import Example

FEED = "https://www.example.bel.tr/feed/"
ARTICLE = '{"id": "1", "state": "published", "title": "Yeni park", "url": "https://a.example/1"}'


def one(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        store(session, runtime.vault, "kent")
        return {"source_id": session.query(Source).one().id}


def pulled(runtime: Runtime) -> dict[str, Any]:
    values = one(runtime)
    with runtime.db.write() as session:
        setting.configure(session, values["source_id"], PullKind.FEED, FEED, {}, utcnow())
    return values


def received(runtime: Runtime, verdict: Verdict = Verdict.FAILED) -> dict[str, Any]:
    values = one(runtime)
    with runtime.db.write() as session:
        event = InboxEvent(
            source_id=values["source_id"],
            delivery_key="msg_1",
            body_hash="h",
            sealed_body=runtime.vault.encrypt(ARTICLE),
            headers={"content-type": "application/json"},
            verdict=verdict,
            reason="no such field",
            request_id="0123456789abcdef",
        )
        session.add(event)
        session.flush()
        return {**values, "event_id": event.id}


ANY = {"If-Match": "*"}
NEW = {"slug": "kent", "preset": "ghost"}
PULL = {"kind": "feed", "url": FEED}
EXAMPLES = {
    "sources.add": Example("source.add", NEW),
    "sources.change": Example("source.change", {"hold_s": "60", "version": "*"}, one),
    "sources.rotate": Example("source.rotate", {"version": "*"}, one),
    "sources.set_pull": Example("source.pull", PULL, one),
    "sources.act_on_pull": Example("source.pull-pause", {"act": "pause"}, pulled),
    "sources.open_event": Example("source.open-event", prepare=received),
    "sources.try_": Example("", {"body": ARTICLE}, one),
    "sources.start_replay": Example("source.replay", prepare=one),
    "admin_sources.add": Example("source.add", NEW),
    "admin_sources.change": Example("source.change", {"hold_s": 60}, one, ANY),
    "admin_sources.rotate": Example("source.rotate", {}, one, ANY),
    "admin_sources.set_pull": Example("source.pull", PULL, one),
    "admin_sources.act_on_pull": Example("source.pull-pause", {"act": "pause"}, pulled),
    "admin_sources.open_event": Example("source.open-event", prepare=received),
    "admin_sources.try_event": Example("", {"body": ARTICLE}, one),
    "admin_sources.start_replay": Example("source.replay", prepare=one),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    "sources.list_events": ({}, {"verdict": "failed"}),
    "admin_sources.list_events": ({}, {"verdict": "failed"}),
}
