"""Webhooks for programs: what was sent, events sent again, the signing secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from service.admin.api.channels import found_channel, refused
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.paging import Page, cursor, key_of, next_page
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.batches import ring_batch
from service.ledger.finding import Wanted, find
from service.messages.webhook_event import ArticleEvent, TestEvent
from service.models import DeliveryState
from service.pages import runtime
from service.subscriptions import channels, webhook_keys
from service.subscriptions.channel_error import ChannelError
from service.subscriptions.webhook_replay import MOST, articles_of, number_of, replay

api = APIBlueprint(
    "admin_webhooks", __name__, url_prefix="/v1/admin/channels/<int:channel_id>", tag="Channels"
)
BIGGEST = 2**63 - 1


class AfterQuery(BaseModel):
    """Which page."""

    after: str | None = Field(None, description="The `next` of the page before.", max_length=500)


class TryOut(BaseModel):
    """One try that was no plain yes, or any of a webhook. `took_ms`: to the answer."""

    at: datetime
    state: str
    status: str = Field(description="The HTTP status, or a word where there was none.")
    detail: str
    took_ms: int | None


class SentOut(BaseModel):
    """One delivery. `id`: the event's number, which is its `webhook-id`."""

    id: str
    notification: int
    kind: str
    article: int | None
    state: str
    attempts: int
    settled_at: datetime | None
    due_at: datetime | None
    is_replay: bool
    tries: list[TryOut] = Field(description="The newest first, up to ten.")


class ReplayIn(BaseModel):
    """What to send again: of one article, or all that ended since a moment."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None
    article: int | None = Field(None, ge=1, le=BIGGEST)
    after: int = Field(0, ge=0, le=BIGGEST, description="The `further` of the call before.")


class ReplayOut(BaseModel):
    """How many events were queued. `further`: name it as `after` for the rest; null: no rest."""

    events: int = Field(le=MOST)
    further: int | None


class KeyOut(BaseModel):
    """Of the secret only when it was made. `before_until`: how long the one before signs too."""

    made_at: datetime | None = Field(description="Null: none was made, and nothing is sent.")
    before_until: datetime | None


class SecretOut(KeyOut):
    """The secret, this once."""

    secret: str


@api.get("/deliveries")
@needs(Power.SEE)
@api.input(AfterQuery, location="query", arg_name="page")
@api.doc(**described("List what a channel was sent", Page[SentOut], 404))
def deliveries(channel_id: int, page: AfterQuery) -> dict[str, Any]:
    """Newest first."""
    (after,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        found_channel(session, channel_id)
        destination = channels.destination_of(session, channel_id)
        assert destination is not None, "a channel has its destination"
        found, further = find(session, Wanted(reader_id=destination.id), after)
        articles = articles_of(session, [one.notification for one in found])
    items = [
        SentOut(
            id=number_of(one.notification, destination.id),
            notification=one.delivery.notification_id,
            kind=one.notification.kind,
            article=article,
            state=DeliveryState(one.delivery.state).word,
            attempts=one.delivery.attempts,
            settled_at=one.delivery.settled_at,
            due_at=one.delivery.due_at,
            is_replay="of" in one.notification.payload,
            tries=[
                TryOut(
                    at=answer.at,
                    state=DeliveryState(answer.state).word,
                    status=answer.code,
                    detail=answer.detail,
                    took_ms=answer.took_ms,
                )
                for answer in one.answers
            ],
        )
        for one, article in zip(found, articles, strict=True)
    ]
    last = cursor(further) if further is not None else None
    return Page[SentOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.post("/replay")
@needs(Power.CHANNELS)
@api.input(ReplayIn, arg_name="wanted")
@api.doc(**described("Send events of a webhook again", ReplayOut, 404, status=202))
def send_again(channel_id: int, wanted: ReplayIn) -> tuple[dict[str, Any], int]:
    """To this channel alone, under the same `webhook-id`; 200 at a time."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found_channel(session, channel_id, lock=True)
            done = replay(
                *(session, held.vault, me(), channel),
                since=wanted.since,
                article_id=wanted.article,
                after=wanted.after,
                request_id=g.get("request_id", ""),
            )
    except ChannelError as error:
        raise refused(error) from None
    for batch in done.batches:
        ring_batch(held.doorbell, batch)
    return ReplayOut(events=len(done.batches), further=done.further).model_dump(mode="json"), 202


@api.get("/secret")
@needs(Power.CHANNELS)
@api.doc(**described("Read when a webhook's secret was made", KeyOut, 404, *VERSIONED))
def show_secret(channel_id: int) -> Response:
    with runtime().db.read() as session:
        found_channel(session, channel_id)
        body = _shown(session, channel_id)
    return with_etag(jsonify(body), etag_of(body))


@api.post("/secret")
@needs(Power.CHANNELS)
@api.doc(**described("Make a secret for a webhook", SecretOut, 404, 412, 428, status=201))
def make_secret(channel_id: int) -> tuple[dict[str, Any], int]:
    """The one before signs beside it for seven days; one that is older is void at once."""
    held = runtime()
    try:
        with held.db.write() as session:
            channel = found_channel(session, channel_id, lock=True)
            require_match(etag_of(_shown(session, channel_id)))
            secret = webhook_keys.make(session, held.vault, me(), channel, utcnow())
            session.flush()
            return {**_shown(session, channel_id), "secret": secret}, 201
    except ChannelError as error:
        raise refused(error) from None


def describe_webhooks(spec: dict[str, Any]) -> dict[str, Any]:
    """Add what webhooks send to the OpenAPI document."""
    webhooks: dict[str, Any] = {}
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    for model in (ArticleEvent, TestEvent):
        schema = model.model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
        there = {"$ref": f"#/components/schemas/{model.__name__}"}
        content = {"application/json": {"schema": there}}
        webhooks[model.__name__] = {
            "post": {
                "summary": (model.__doc__ or "").strip(),
                "tags": ["Webhooks"],
                "requestBody": {"content": content, "required": True},
                "responses": {"2XX": {"description": "Taken."}, "410": {"description": "No more."}},
            }
        }
    spec["x-webhooks"] = webhooks  # `webhooks` is OpenAPI 3.1, and this document is 3.0
    return spec


def _shown(session: Session, channel_id: int) -> dict[str, Any]:
    key = webhook_keys.key_of(session, channel_id)
    return KeyOut(
        made_at=key.made_at if key else None, before_until=key.before_until if key else None
    ).model_dump(mode="json")
