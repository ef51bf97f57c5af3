"""What staff do about what goes on now: alarms, given-up work, pauses, a search by address."""

from __future__ import annotations

from typing import Any

from service.db import utcnow
from service.ledger import pausing
from service.ledger.alarms import raise_alarm
from service.ledger.attempts import MAX_CLASSIFY_ATTEMPTS
from service.ledger.given_up import Given
from service.models import Alarm, AlarmKind, HaltScope, InboxEvent, RevisionState, Source, Verdict
from service.runtime import Runtime
from tests.integration.admin.examples import Example
from tests.integration.town import Town

ADDRESS = "ayse@example.com"


def alarm(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        raise_alarm(session, AlarmKind.LEDGER_WRONG, 1, "it does not add up", utcnow())
        session.flush()
        return {"alarm_id": session.query(Alarm.id).scalar()}


def text(runtime: Runtime) -> dict[str, Any]:
    """A text that was given up, with number 1."""
    town = Town(runtime)
    article_id = town.article(state=RevisionState.QUARANTINED, attempts=MAX_CLASSIFY_ATTEMPTS)
    assert article_id == 1
    with runtime.db.write() as session:
        raise_alarm(session, AlarmKind.REVISION_GIVEN_UP, 1, "it killed its worker", utcnow())
    return {}


def event(runtime: Runtime) -> dict[str, Any]:
    """An event that failed, with number 1."""
    with runtime.db.write() as session:
        source = Source(slug="izmir", sealed_secret="")
        session.add(source)
        session.flush()
        session.add(
            InboxEvent(
                source_id=source.id,
                delivery_key="1",
                body_hash="1",
                sealed_body=runtime.vault.encrypt('{"title": "Körfez", "tags": [1, 2], "n": 3}'),
                headers={"content-type": "application/json"},
                verdict=Verdict.FAILED,
                reason="no title",
                request_id="r",
            )
        )
    return {}


def paused(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        target = pausing.target(session, HaltScope.LANE, "other")
        pausing.pause(session, target, "yavaş", None, utcnow())
    return {"halt_id": 1}


def reader(runtime: Runtime) -> dict[str, Any]:
    Town(runtime).reader(address=ADDRESS)
    return {}


def api_text(runtime: Runtime) -> dict[str, Any]:
    return {**text(runtime), "kind": "text", "number": 1}


def api_event(runtime: Runtime) -> dict[str, Any]:
    return {**event(runtime), "kind": "event", "number": 1}


def api_texts(runtime: Runtime) -> dict[str, Any]:
    return {**text(runtime), "kind": "text"}


REASON = {"reason": "Arıza"}
ONE = {"kind": "text", "id": "1"}
EXAMPLES = {
    "alarms.clear": Example("alarm.clear", REASON, alarm),
    "admin_alarms.clear": Example("alarm.clear", REASON, alarm),
    "dead_letters.retry": Example("text.retry", ONE, text),
    "dead_letters.retry_all": Example(
        "event.retry-all", {"kind": "event", "confirm": "yeniden dene"}, event
    ),
    "dead_letters.discard": Example("text.discard", {**ONE, **REASON}, text),
    "admin_dead_letters.retry": Example("event.retry", prepare=api_event),
    "admin_dead_letters.retry_all": Example("text.retry-all", prepare=api_texts),
    "admin_dead_letters.discard": Example("event.discard", REASON, api_event),
    "deliveries.find_reader": Example("deliveries.search", {"email": ADDRESS}, reader),
    "deliveries.pause": Example("deliveries.pause", {"scope": "lane", "of": "other", **REASON}),
    "deliveries.resume": Example("deliveries.resume", prepare=paused),
    "deliveries.cancel": Example(
        "deliveries.cancel", {"scope": "topic", "of": "spor", "confirm": "iptal", **REASON}
    ),
    "admin_deliveries.find_reader": Example("deliveries.search", {"email": ADDRESS}, reader),
    "admin_deliveries.pause": Example("deliveries.pause", {"scope": "all", **REASON}),
    "admin_deliveries.resume": Example("deliveries.resume", prepare=paused),
    "admin_deliveries.cancel": Example("deliveries.cancel", {"scope": "all", **REASON}),
    "domains.check": Example(""),
    "admin_domains.check": Example(""),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    "deliveries.index": (
        {},
        {"article": "{article_id}"},
        {"notification": "{notification_id}", "state": "rejected", "since": "2026-01-01"},
        {"reader": 1},
        {"reader": 1, "state": "unknown", "until": "2026-01-01"},
    ),
    "admin_deliveries.search": (
        {"notification": "{notification_id}", "state": "rejected"},
        {"reader": 1},
    ),
    "admin_deliveries.met": ({"scope": "all"}, {"scope": "topic", "of": "spor"}),
    "dead_letters.index": tuple({"kind": kind} for kind in Given),
    "admin_dead_letters.list_given_up": tuple({"kind": kind} for kind in Given),
}
