"""`POST /v1/sources/<slug>/articles` and the status of what was posted."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, g, request
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ingest.article import CanonicalArticle
from service.ingest.documented import DOOR_DOC, STATUS_DOC
from service.ingest.payload import MAX_BODY_BYTES, PayloadError, parse_object
from service.ingest.signatures import SignatureError, verify_standard
from service.ingest.status import STATUS_TOKEN, describe
from service.ingest.upsert import Stored, upsert
from service.logs import get_logger
from service.models import InboxEvent, Source, Verdict
from service.problems import Problem
from service.runtime import Runtime
from service.tasks import Queue, Task

log = get_logger(__name__)
door = APIBlueprint("door", __name__, url_prefix="/v1", tag="Articles")

PER_SOURCE = "600/minute"

TAKE_DELIVERY = text("""
    INSERT INTO inbox (source_id, delivery_key, body_hash, verdict, reason, request_id, received_at)
    VALUES (:source, :key, :hash, 'accepted', '', :request, :now)
    ON CONFLICT (source_id, delivery_key) DO NOTHING
    RETURNING id
""")


@door.post("/sources/<slug>/articles")
@door.doc(**DOOR_DOC)
def post_article(slug: str) -> Response:
    """Take an article: verify it, store it, answer, and only then ring for the workers."""
    runtime: Runtime = current_app.extensions["tellal"]
    try:
        source = _source(runtime, slug)
        body = _read_body()
        delivery_key = _verify(runtime, source, body)
        _check_rate(runtime, slug)
        article = _parse(body)
        _check_host(source, article)
        status, stored, is_urgent = _store(runtime, source, delivery_key, body, article)
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        log.error("database away", error=type(error).__name__)
        raise Problem(
            503,
            "Database away",
            "Nothing was stored. Send the same request again in half a minute.",
            headers={"Retry-After": "30"},
        ) from error
    if stored.waiting is not None:
        queue = Queue.URGENT if is_urgent else None
        runtime.doorbell.ring(Task.CLASSIFY_REVISION, stored.waiting, queue)
    log.info("article", source=slug, verdict=stored.verdict.value, article_id=stored.article_id)
    return _answer(runtime, status, stored)


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


def _source(runtime: Runtime, slug: str) -> Source:
    source = None
    if "\0" not in slug:  # PostgreSQL refuses even to look for it
        with runtime.db.read() as session:
            source = session.scalar(select(Source).where(Source.slug == slug))
    if source is None:
        raise Problem(404, "Unknown source", f"No source is called {slug!r}. Check the address.")
    return source


def _check_rate(runtime: Runtime, slug: str) -> None:
    """600 a minute per source. Without Redis the limit is not counted: the door stays open.

    Counted after the signature: a stranger must not use up what the CMS may send.
    """
    if not runtime.limits.allow(PER_SOURCE, f"source:{slug}"):
        log.error("source over its rate", source=slug)
        raise Problem(
            429,
            "Too Many Requests",
            "More than 600 requests in a minute. Send the rest later.",
            headers={"Retry-After": "60"},
        )


def _read_body() -> bytes:
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise Problem(
            415, "Unsupported Media Type", "Send JSON with Content-Type: application/json."
        )
    body = b""
    if (request.content_length or 0) <= MAX_BODY_BYTES:
        body = request.stream.read(MAX_BODY_BYTES + 1)
    if (not body and request.content_length) or len(body) > MAX_BODY_BYTES:
        raise Problem(413, "Content Too Large", f"The body is over {MAX_BODY_BYTES} bytes.")
    return body


def _verify(runtime: Runtime, source: Source, body: bytes) -> str:
    secret = runtime.vault.decrypt(source.sealed_secret)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        return verify_standard(headers, body, secret, utcnow())
    except SignatureError:
        raise Problem(
            401,
            "Not verified",
            "The signature is missing, wrong or older than 5 minutes. Check the secret, the clock, "
            "and that the body is signed as it is sent.",
        ) from None


def _parse(body: bytes) -> CanonicalArticle:
    try:
        payload = parse_object(body)
    except PayloadError as error:
        raise Problem(400, "Body not understood", str(error)) from error
    try:
        return CanonicalArticle.model_validate(payload)
    except ValidationError as error:
        raise Problem(
            422,
            "Article not accepted",
            "Some fields are missing or wrong; each is named in errors.",
            errors=[_field_error(dict(item)) for item in error.errors()],
        ) from error


def _check_host(source: Source, article: CanonicalArticle) -> None:
    """A source that lists hosts publishes there and nowhere else."""
    if not source.hosts or article.state == "withdrawn":
        return
    if urlsplit(article.url or "").hostname not in source.hosts:
        message = f"must be on {' or '.join(source.hosts)}, the hosts of this source"
        raise Problem(
            422,
            "Article not accepted",
            "The address is on a foreign host.",
            errors=[{"field": "url", "message": message}],
        )


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    field = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if not field:
        field, _, message = message.partition(": ")
    return {"field": field, "message": message}


def _store(
    runtime: Runtime, source: Source, delivery_key: str, body: bytes, article: CanonicalArticle
) -> tuple[int, Stored, bool]:
    """One transaction: the sender's delivery id, the article, the verdict."""
    digest = hashlib.sha256(body).hexdigest()
    sealed = runtime.vault.encrypt(body.decode("utf-8"))
    now = utcnow()
    with runtime.db.write() as session:
        inbox_id = session.execute(
            TAKE_DELIVERY,
            {
                "source": source.id,
                "key": delivery_key,
                "hash": digest,
                "request": g.request_id,
                "now": now,
            },
        ).scalar()
        if inbox_id is None:
            return 200, _known_delivery(session, source, delivery_key, digest), False
        event = session.get_one(InboxEvent, inbox_id)
        if source.is_paused:
            stored = Stored(Verdict.IGNORED, 0, None, reason="the source is paused")
        else:
            stored = upsert(session, source, article, now, g.request_id)
        event.sealed_body = sealed
        event.verdict, event.reason = stored.verdict, stored.reason
        event.article_id, event.revision_id = stored.article_id or None, stored.revision_id
    return 202, stored, article.urgent


def _known_delivery(session: Session, source: Source, delivery_key: str, digest: str) -> Stored:
    event = session.scalars(
        select(InboxEvent).where(
            InboxEvent.source_id == source.id, InboxEvent.delivery_key == delivery_key
        )
    ).one()
    if event.body_hash != digest:
        raise Problem(
            409,
            "Delivery id used twice",
            "This webhook-id came before with another body. Give every event an id of its own.",
        )
    return Stored(Verdict(event.verdict), event.article_id or 0, event.revision_id)


def _answer(runtime: Runtime, status: int, stored: Stored) -> Response:
    status_url = None
    if stored.article_id:
        token = runtime.vault.token(STATUS_TOKEN, stored.article_id)
        status_url = f"{runtime.settings.public_url}/v1/status/{token}"
    body = {
        "article_id": stored.article_id or None,
        "revision": stored.revision_id,
        "status": stored.verdict.value,
        "status_url": status_url,
    }
    return Response(orjson.dumps(body), status=status, mimetype="application/json")
