"""What a channel was sent, and what only webhooks have: their secret, and events sent again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import words
from service.admin.access import has_power, me, needs
from service.admin.deliveries import titles
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.batches import ring_batch
from service.ledger.finding import Wanted, find
from service.models import Channel, DeliveryState, WebhookKey
from service.pages import page_url, row_number, runtime
from service.subscriptions import channels, webhook_keys
from service.subscriptions.channel_error import N_, ChannelError
from service.subscriptions.chat_schemes import WEBHOOK
from service.subscriptions.webhook_replay import MOST, articles_of, number_of, replay

Errors = dict[str, str]


def blueprint() -> Blueprint:
    """Everybody on the staff may look; channel managers and administrators may act."""
    part = Blueprint("webhooks", __name__, url_prefix="/staff/channels/<int:channel_id>")
    _add_deliveries(part)
    _add_secret(part)
    return part


def _add_deliveries(part: Blueprint) -> None:
    @part.get("/deliveries")
    @needs(Power.SEE)
    def deliveries(channel_id: int) -> str:
        return _deliveries_page(channel_id, {})

    @part.post("/replay")
    @needs(Power.CHANNELS)
    def send_again(channel_id: int) -> ResponseReturnValue:
        held = runtime()
        try:
            with held.db.write() as session:
                channel = _get(session, channel_id, lock=True)
                done = replay(
                    *(session, held.vault, me(), channel),
                    since=_start(request.form.get("since", "")),
                    article_id=_article(request.form.get("article", "")),
                    after=request.form.get("after", type=row_number) or 0,
                    request_id=g.request_id,
                )
        except ChannelError as error:
            return _deliveries_page(channel_id, _said(error)), 422
        for batch in done.batches:
            ring_batch(held.doorbell, batch)
        there: dict[str, Any] = {"queued": len(done.batches), "left": done.further}
        if done.further is not None:
            there["since"] = request.form.get("since", "")
        return redirect(page_url("webhooks.deliveries", channel_id=channel_id, **there), 303)


def _add_secret(part: Blueprint) -> None:
    @part.get("/secret")
    @needs(Power.CHANNELS, fresh=True)
    def ask_secret(channel_id: int) -> str:
        return _secret_page(channel_id, {})

    @part.post("/secret")
    @needs(Power.CHANNELS, fresh=True)
    def make_secret(channel_id: int) -> ResponseReturnValue:
        """The one page that shows the secret."""
        held, now = runtime(), utcnow()
        try:
            with held.db.write() as session:
                channel = _get(session, channel_id, lock=True)
                key = webhook_keys.key_of(session, channel_id)
                if request.form.get("version", "") not in (_version(key), "*"):
                    text = N_("Somebody has changed it since you opened this page. Open it again.")
                    raise ChannelError(text, "secret")
                secret = webhook_keys.make(session, held.vault, me(), channel, now)
        except ChannelError as error:
            return _secret_page(channel_id, _said(error)), 422
        return render_template("staff/webhook_secret_made.html", channel=channel, secret=secret)


def _deliveries_page(channel_id: int, errors: Errors) -> str:
    after = request.args.get("after", type=row_number)
    with runtime().db.read() as session:
        channel = _get(session, channel_id)
        destination = channels.destination_of(session, channel_id)
        assert destination is not None, "a channel has its destination"
        found, further = find(session, Wanted(reader_id=destination.id), after)
        articles = articles_of(session, [one.notification for one in found])
        return render_template(
            "staff/channel_deliveries.html",
            channel=channel,
            is_webhook=channel.scheme == WEBHOOK,
            found=found,
            numbers=[number_of(one.notification, destination.id) for one in found],
            articles=articles,
            titles=titles(session, articles),
            after=after,
            further=further,
            may_manage=has_power(Power.CHANNELS),
            most=MOST,
            queued=request.args.get("queued", type=row_number),
            left=request.args.get("left", type=row_number),
            given={name: request.values.get(name, "")[:20] for name in ("since", "article")},
            errors=errors,
            words=words,
            DeliveryState=DeliveryState,
        )


def _secret_page(channel_id: int, errors: Errors) -> str:
    with runtime().db.read() as session:
        channel = _get(session, channel_id)
        if channel.scheme != WEBHOOK:
            abort(404)
        key = webhook_keys.key_of(session, channel_id)
        return render_template(
            "staff/webhook_secret.html",
            channel=channel,
            key=key,
            days=webhook_keys.GRACE.days,
            version=_version(key),
            errors=errors,
        )


def _version(key: WebhookKey | None) -> str:
    return key.made_at.astimezone(UTC).isoformat() if key is not None else ""


def _get(session: Session, channel_id: int, *, lock: bool = False) -> Channel:
    return channels.channel_of(session, channel_id, lock=lock) or abort(404)


def _start(text: str) -> datetime | None:
    """When a day of the city begins; null where none was typed.

    Raises:
        ChannelError: it is no day.
    """
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise ChannelError(N_("Write the day as 2026-01-31."), "since") from None
    if not 1970 <= day.year <= 9000:
        raise ChannelError(N_("Write the day as 2026-01-31."), "since")
    return datetime.combine(day, time.min, ZoneInfo(runtime().settings.timezone))


def _article(text: str) -> int | None:
    """The number of an article; null where none was typed.

    Raises:
        ChannelError: it is none.
    """
    if not text.strip():
        return None
    try:
        return row_number(text.strip())
    except ValueError:
        raise ChannelError(N_("An article’s number has digits only."), "article") from None


def _said(error: ChannelError) -> Errors:
    return {error.field: gettext(error.text, **error.values)}
