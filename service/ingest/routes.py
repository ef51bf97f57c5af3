"""`POST /v1/sources/<slug>/articles` and the status of what was posted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, g, request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.contextvars import bind_contextvars

from service.ingest.delivery import Outcome, ready
from service.ingest.documented import DOOR_DOC, HANDSHAKE_DOC, STATUS_DOC, TRY_DOC
from service.ingest.mapping import Failed
from service.ingest.presets import Preset
from service.ingest.proving import (
    Proven,
    check_rate,
    find_source,
    prove,
    read_body,
    take_back_rate,
)
from service.ingest.reading import Event, errors_shown, parsed, read_event
from service.ingest.ringing import ring_for
from service.ingest.shortway import ShortWay
from service.ingest.status import STATUS_TOKEN, describe
from service.ingest.storing import store
from service.ingest.trying import try_event
from service.logs import get_logger
from service.models import Verdict
from service.problems import Problem
from service.runtime import Runtime

log = get_logger(__name__)
door = APIBlueprint("door", __name__, url_prefix="/v1", tag="Articles")

# Extensions of the app, made once per process.
PRESETS = "tellal.presets"
SHORT_WAY = "tellal.short_way"
ANSWERED = {Verdict.PENDING: Verdict.ACCEPTED, Verdict.FAILED: Verdict.QUARANTINED}
AWAY = (OperationalError, InterfaceError, PoolTimeout)


@door.post("/sources/<slug>/articles", provide_automatic_options=False)
@door.doc(**DOOR_DOC)
def post_article(slug: str) -> Response:
    """Take an event: verify it, map it, store it, answer, and only then ring for the workers."""
    runtime: Runtime = current_app.extensions["tellal"]
    short_way: ShortWay = current_app.extensions[SHORT_WAY]
    with _database_may_be_away():
        body = read_body()
        outcome = short_way.take(slug, body, g.request_id)
        if outcome is None:
            proven = prove_request(runtime, slug, body)
            outcome = _stored(runtime, proven, read_event(presets(), proven))
            short_way.remember(proven)
    ring_for(runtime, outcome)
    # Told by the request's own line in the log.
    bind_contextvars(source=slug, verdict=outcome.verdict.value, article_id=outcome.article_id)
    return _answer(runtime, outcome)


@door.post("/sources/<slug>/try")
@door.doc(**TRY_DOC)
def try_article(slug: str) -> Response:
    """Say what would become of an event, and store nothing."""
    runtime: Runtime = current_app.extensions["tellal"]
    with _database_may_be_away():
        proven = prove_request(runtime, slug, read_body())
        body = parsed(proven)
        found = try_event(runtime, presets(), proven.source, proven.headers, body, proven.at)
    return Response(orjson.dumps(found), mimetype="application/json")


@door.route("/sources/<slug>/articles", methods=["OPTIONS"])
@door.doc(**HANDSHAKE_DOC)
def shake_hands(slug: str) -> Response:
    """Let a sender of CloudEvents know that it may post here, and how often (CloudEvents 1.0,
    HTTP webhooks, section 4.2)."""
    runtime: Runtime = current_app.extensions["tellal"]
    with _database_may_be_away():
        source = find_source(runtime, slug)
    response = Response(status=200)
    response.headers["Allow"] = "POST, OPTIONS"
    if "WebHook-Request-Origin" in request.headers:
        # Where an event comes from proves nothing; its signature or token does.
        response.headers["WebHook-Allowed-Origin"] = "*"
        response.headers["WebHook-Allowed-Rate"] = str(source.rate_per_minute)
    return response


@door.get("/status/<token>")
@door.doc(**STATUS_DOC)
def get_status(token: str) -> Response:
    """Where an article is on its way; the token is the only credential."""
    runtime: Runtime = current_app.extensions["tellal"]
    numbers = runtime.vault.numbers(STATUS_TOKEN, token, 1)
    if numbers is None:
        raise Problem(404, "Not Found", "This status address is not one of ours.")
    with runtime.db.read() as session:
        found = describe(session, numbers[0])
    response = Response(orjson.dumps(found), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def presets() -> Mapping[str, Preset]:
    found: Mapping[str, Preset] = current_app.extensions[PRESETS]
    return found


def prove_request(runtime: Runtime, slug: str, body: bytes) -> Proven:
    """The source's own request, or a Problem."""
    source = find_source(runtime, slug)
    try:
        proven = prove(runtime, source, body)
    except Problem:
        take_back_rate(runtime, source)
        raise
    try:
        check_rate(runtime, source)
    except Problem:
        log.error("source over its rate", source=slug)
        raise
    return proven


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        log.error("database away", error=type(error).__name__)
        raise Problem(
            503,
            "Database away",
            "Nothing was stored. Send the same request again in half a minute.",
            headers={"Retry-After": "30"},
        ) from error


def _stored(runtime: Runtime, proven: Proven, event: Event) -> Outcome:
    """Store it. What breaks on our side must not cost the event of a CMS that sends but once."""
    delivery = ready(runtime.vault, proven, event, g.request_id)
    try:
        return store(runtime, delivery)
    except (Problem, *AWAY):
        raise
    except Exception as error:
        if isinstance(event.result, Failed):
            raise
        log.exception("event not stored as an article")
        failed = Failed(f"broke on our side: {type(error).__name__}")
        return store(runtime, replace(delivery, event=replace(event, result=failed)))


def _answer(runtime: Runtime, outcome: Outcome) -> Response:
    """An event that waits for the CMS's own words is accepted, and one that its preset does not fit
    quarantined: the inbox says what each waits for."""
    status_url = None
    if outcome.article_id:
        token = runtime.vault.token(STATUS_TOKEN, outcome.article_id)
        status_url = f"{runtime.settings.public_url}/v1/status/{token}"
    body: dict[str, Any] = {
        "article_id": outcome.article_id,
        "revision": outcome.revision_id,
        "status": ANSWERED.get(outcome.verdict, outcome.verdict).value,
        "status_url": status_url,
    }
    if outcome.failures:
        body["errors"] = errors_shown(outcome.failures)
    status = 200 if outcome.is_known else 202
    return Response(orjson.dumps(body), status=status, mimetype="application/json")
