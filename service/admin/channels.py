"""Channels as staff manage them: list, add, test, pause, resume. A stored URL is never shown."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import words
from service.admin.access import has_power, needs, record
from service.admin.powers import Power
from service.db import utcnow
from service.ledger import halts
from service.ledger.batches import ring_batch
from service.ledger.direct import queue_direct
from service.ledger.hold import free_held
from service.models import (
    AuditEntry,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    HaltScope,
    Notification,
    Subscription,
    Topic,
)
from service.pages import language, page_url, runtime
from service.subscriptions import channels
from service.subscriptions.channels import ChannelError
from service.subscriptions.choices import all_topics

ALL = "all"
CHANNEL = HaltScope.CHANNEL
TESTED = "channel.test"
MAX_REASON = 200


@dataclass(frozen=True)
class LastTest:
    """What became of the newest test message."""

    entry: AuditEntry
    state: str
    answers: list[DeliveryAnswer]


def blueprint() -> Blueprint:
    """Everybody on the staff may look; channel managers and administrators may act."""
    part = Blueprint("channels", __name__, url_prefix="/staff/channels")
    _add_views(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        with runtime().db.read() as session:
            rows = [(row, _topics_of(session, row)) for row in channels.list_channels(session)]
            paused = channels.paused(session)
        return render_template(
            "staff/channels.html", rows=rows, paused=paused, may_manage=has_power(Power.CHANNELS)
        )

    @part.get("/new")
    @needs(Power.CHANNELS)
    def new() -> str:
        return _form({}, "", [])

    @part.get("/<int:channel_id>")
    @needs(Power.SEE)
    def show(channel_id: int) -> str:
        return _channel_page(channel_id)


def _add_acts(part: Blueprint) -> None:
    @part.post("")
    @needs(Power.CHANNELS)
    def add() -> ResponseReturnValue:
        return _add()

    @part.post("/<int:channel_id>/test")
    @needs(Power.CHANNELS)
    def test(channel_id: int) -> Response:
        with runtime().db.write() as session:
            _get(session, channel_id)
            destination = channels.destination_of(session, channel_id)
            if destination is None:
                abort(404)
            batch = queue_direct(
                session,
                destination=destination,
                template="channel_test",
                payload={},
                request_id=g.request_id,
            )
            record(session, TESTED, channel_id, notification_id=batch.notification_id)
        ring_batch(runtime().doorbell, batch)
        return _back_to(channel_id)

    @part.post("/<int:channel_id>/pause")
    @needs(Power.CHANNELS)
    def pause(channel_id: int) -> ResponseReturnValue:
        reason = " ".join(request.form.get("reason", "").split())[:MAX_REASON]
        if not reason:
            return _channel_page(channel_id, {"reason": gettext("Write a reason")}), 422
        with runtime().db.write() as session:
            _get(session, channel_id)
            if halts.pause(session, CHANNEL, channel_id, reason, current_user.id, utcnow()):
                record(session, "channel.pause", channel_id, reason=reason)
        return _back_to(channel_id)

    @part.post("/<int:channel_id>/resume")
    @needs(Power.CHANNELS)
    def resume(channel_id: int) -> Response:
        with runtime().db.write() as session:
            _get(session, channel_id)
            if halts.resume(session, CHANNEL, channel_id, utcnow()):
                record(session, "channel.resume", channel_id)
        free_held(runtime().db, runtime().doorbell, CHANNEL, channel_id, utcnow())
        return _back_to(channel_id)


def _add() -> ResponseReturnValue:
    name, wanted = request.form.get("name", ""), request.form.getlist("topics")
    if not wanted:
        return _form({"topics": gettext("Select at least one topic")}, name, wanted), 422
    slugs = [] if ALL in wanted else wanted
    held = runtime()
    try:
        with held.db.write() as session:
            channel = channels.add_channel(
                session,
                held.vault,
                held.settings,
                name=name,
                url=request.form.get("url", ""),
                topic_slugs=slugs,
            )
            record(session, "channel.add", channel.id, scheme=channel.scheme, topics=slugs or [ALL])
    except ChannelError as error:
        return _form({error.field: gettext(error.text, **error.values)}, name, wanted), 422
    return _back_to(channel.id)


def _form(errors: dict[str, str], name: str, wanted: list[str]) -> str:
    """The form; the URL that was typed is not in it again, because it is a secret."""
    with runtime().db.read() as session:
        return render_template(
            "staff/channel_new.html",
            errors=errors,
            name=name,
            wanted=wanted,
            everything=ALL,
            topics=all_topics(session),
            schemes=runtime().settings.chat_schemes,
        )


def _channel_page(channel_id: int, errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        channel = _get(session, channel_id)
        return render_template(
            "staff/channel.html",
            channel=channel,
            paused=channels.paused(session),
            topics=_topics_of(session, channel),
            test=_last_test(session, channel_id),
            may_manage=has_power(Power.CHANNELS),
            errors=errors or {},
            words=words,
        )


def _get(session: Session, channel_id: int) -> Channel:
    return session.get(Channel, channel_id) or abort(404)


def _topics_of(session: Session, channel: Channel) -> list[str] | None:
    """The names of what a channel hears of; None: everything."""
    destination = channels.destination_of(session, channel.id)
    rows = session.execute(
        select(Subscription.topic_id, Topic)
        .outerjoin(Topic, Topic.id == Subscription.topic_id)
        .where(Subscription.destination_id == (destination.id if destination else 0))
        .where(Subscription.ended_at.is_(None))
        .order_by(Topic.position)
    ).all()
    if any(topic_id is None for topic_id, _ in rows):
        return None
    return list(dict.fromkeys(topic.name(language()) for _, topic in rows))


def _last_test(session: Session, channel_id: int) -> LastTest | None:
    entry = session.scalar(
        select(AuditEntry)
        .where(AuditEntry.act == TESTED, AuditEntry.object_id == channel_id)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    destination = channels.destination_of(session, channel_id)
    if entry is None or destination is None:
        return None
    key = (entry.detail["notification_id"], destination.id)
    delivery = session.get(Delivery, key)
    answers = session.scalars(
        select(DeliveryAnswer)
        .where(DeliveryAnswer.notification_id == key[0], DeliveryAnswer.destination_id == key[1])
        .order_by(DeliveryAnswer.id.desc())
    ).all()
    state = DeliveryState(delivery.state).word if delivery else _final_state(session, key[0])
    return LastTest(entry, state, list(answers))


def _final_state(session: Session, notification_id: int) -> str:
    """The outcome of a test whose row has gone by its age."""
    final = session.scalar(
        select(Notification.final_counts).where(Notification.id == notification_id)
    )
    return next(iter(final or {}), DeliveryState.QUEUED.word)


def _back_to(channel_id: int) -> Response:
    """Show the channel's page; a reload of it repeats nothing."""
    return redirect(page_url("channels.show", channel_id=channel_id), 303)  # type: ignore[return-value]
