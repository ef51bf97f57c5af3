"""Another address for a channel: offered, tested, and put in the place of the old one."""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import channel_words, words
from service.admin.access import me, needs
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.batches import ring_batch
from service.ledger.hold import free_held
from service.models import Channel, HaltScope
from service.pages import page_url, runtime
from service.subscriptions import channel_swap, channels
from service.subscriptions.channel_tests import test_of_next
from service.subscriptions.chat_urls import ChannelError

Errors = dict[str, str]


def blueprint() -> Blueprint:
    """For channel managers and administrators alone: nobody else has a reason to look."""
    part = Blueprint("channel_address", __name__, url_prefix="/staff/channels/<int:channel_id>")

    @part.get("/address")
    @needs(Power.CHANNELS)
    def show(channel_id: int) -> str:
        return _page(channel_id, {})

    @part.post("/address")
    @needs(Power.CHANNELS)
    def offer(channel_id: int) -> ResponseReturnValue:
        held, url = runtime(), request.form.get("url", "")
        try:
            with held.db.write() as session:
                channel = _get(session, channel_id, lock=True)
                asked = (session, held.vault, held.settings, me(), channel, url)
                batch = channel_swap.offer(*asked, g.request_id)
        except ChannelError as error:
            return _page(channel_id, _said(error)), 422
        ring_batch(held.doorbell, batch)
        return _back_to(channel_id)

    @part.post("/address/test")
    @needs(Power.CHANNELS)
    def test(channel_id: int) -> ResponseReturnValue:
        held = runtime()
        try:
            with held.db.write() as session:
                channel = _get(session, channel_id, lock=True)
                asked = (session, held.vault, me(), channel)
                batch = channel_swap.test_next(*asked, g.request_id)
        except ChannelError as error:
            return _page(channel_id, _said(error)), 422
        ring_batch(held.doorbell, batch)
        return _back_to(channel_id)

    @part.post("/address/swap")
    @needs(Power.CHANNELS)
    def swap(channel_id: int) -> ResponseReturnValue:
        held = runtime()
        try:
            with held.db.write() as session:
                channel = _get(session, channel_id, lock=True)
                asked = (session, held.vault, held.settings, me(), channel)
                channel_swap.swap(*asked, utcnow())
        except ChannelError as error:
            return _page(channel_id, _said(error)), 422
        free_held(held.db, held.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
        return redirect(page_url("channels.show", channel_id=channel_id), 303)

    @part.post("/address/drop")
    @needs(Power.CHANNELS)
    def drop(channel_id: int) -> Response:
        with runtime().db.write() as session:
            channel = _get(session, channel_id, lock=True)
            channel_swap.drop(session, runtime().vault, me(), channel)
        return _back_to(channel_id)

    return part


def _page(channel_id: int, errors: Errors) -> str:
    """A URL that was typed is not in it again, because it is a secret."""
    with runtime().db.read() as session:
        channel = _get(session, channel_id)
        return render_template(
            "staff/channel_address.html",
            channel=channel,
            test=test_of_next(session, channel),
            schemes=runtime().settings.chat_schemes,
            service=channel_words.service_of(channel.scheme),
            errors=errors,
            words=words,
        )


def _get(session: Session, channel_id: int, *, lock: bool = False) -> Channel:
    return channels.channel_of(session, channel_id, lock=lock) or abort(404)


def _said(error: ChannelError) -> Errors:
    return {error.field: gettext(error.text, **error.values)}


def _back_to(channel_id: int) -> Response:
    return redirect(page_url("channel_address.show", channel_id=channel_id), 303)  # type: ignore[return-value]
