"""Channels as staff manage them: from the list to the removal. A stored URL is never shown."""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import channel_words, words
from service.admin.access import has_power, me, needs
from service.admin.api.channels import version_of
from service.admin.channel_forms import ALL, Answers, answers_of, given, stored_answers
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.batches import ring_batch
from service.ledger.hold import free_held
from service.models import Channel, HaltScope
from service.pages import language, page_url, runtime
from service.subscriptions import channel_acts, channel_removal, channels, webhook_keys
from service.subscriptions.channel_missed import missed
from service.subscriptions.channel_tests import last_test, queue_test
from service.subscriptions.channels import ChannelError
from service.subscriptions.chat_schemes import WEBHOOK
from service.subscriptions.chat_urls import N_
from service.subscriptions.choices import all_places, all_topics

Errors = dict[str, str]


def blueprint() -> Blueprint:
    """Everybody on the staff may look; channel managers and administrators may act."""
    part = Blueprint("channels", __name__, url_prefix="/staff/channels")
    _add_views(part)
    _add_changes(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        with runtime().db.read() as session:
            rows = [
                (row, *_hears_of(session, row), channels.options_of_channel(session, row.id))
                for row in channels.list_channels(session)
            ]
            paused, keyless = channels.paused(session), webhook_keys.keyless(session)
        return render_template(
            "staff/channels.html",
            rows=rows,
            paused=paused,
            keyless=keyless,
            channel_words=channel_words,
        )

    @part.get("/new")
    @needs(Power.CHANNELS)
    def new() -> str:
        return _form(None, Answers(), {})

    @part.get("/<int:channel_id>")
    @needs(Power.SEE)
    def show(channel_id: int) -> str:
        return _channel_page(channel_id, {})

    @part.get("/<int:channel_id>/edit")
    @needs(Power.CHANNELS)
    def edit(channel_id: int) -> str:
        with runtime().db.read() as session:
            channel = _get(session, channel_id)
            answers = stored_answers(session, channel, version_of(session, channel))
        return _form(channel, answers, {})

    @part.get("/<int:channel_id>/remove")
    @needs(Power.CHANNELS)
    def ask_remove(channel_id: int) -> str:
        return _remove_page(channel_id, {})


def _add_changes(part: Blueprint) -> None:
    @part.post("")
    @needs(Power.CHANNELS)
    def add() -> ResponseReturnValue:
        answers, held = answers_of(request.form), runtime()
        try:
            with held.db.write() as session:
                said = given(answers, is_new=True)
                channel = channel_acts.add(session, held.vault, held.settings, me(), **said)
        except ChannelError as error:
            return _form(None, answers, _said(error)), 422
        return _back_to(channel.id)

    @part.post("/<int:channel_id>/edit")
    @needs(Power.CHANNELS)
    def change(channel_id: int) -> ResponseReturnValue:
        answers, held = answers_of(request.form), runtime()
        try:
            with held.db.write() as session:
                channel = _get(session, channel_id, lock=True)
                _require_version(version_of(session, channel), answers.version)
                said = given(answers, is_new=False)
                channel_acts.change(session, held.vault, held.settings, me(), channel, **said)
        except ChannelError as error:
            with held.db.read() as session:
                channel = _get(session, channel_id)
            return _form(channel, answers, _said(error)), 422
        return _back_to(channel_id)

    @part.post("/<int:channel_id>/remove")
    @needs(Power.CHANNELS)
    def remove(channel_id: int) -> ResponseReturnValue:
        said = {name: request.form.get(name, "") for name in ("confirmed", "reason")}
        try:
            with runtime().db.write() as session:
                channel = _get(session, channel_id, lock=True)
                channel_removal.remove(session, runtime().vault, me(), channel, utcnow(), **said)
        except ChannelError as error:
            return _remove_page(channel_id, _said(error)), 422
        return redirect(page_url("channels.index"), 303)


def _add_acts(part: Blueprint) -> None:
    @part.post("/<int:channel_id>/test")
    @needs(Power.CHANNELS)
    def test(channel_id: int) -> Response:
        with runtime().db.write() as session:
            channel = _get(session, channel_id)
            batch = queue_test(session, runtime().vault, me(), channel, g.request_id)
        ring_batch(runtime().doorbell, batch)
        return _back_to(channel_id)

    @part.post("/<int:channel_id>/try-again")
    @needs(Power.CHANNELS)
    def try_again(channel_id: int) -> Response:
        held = runtime()
        with held.db.write() as session:
            channel = _get(session, channel_id, lock=True)
            asked = (session, held.vault, me(), channel, g.request_id)
            batch = channel_acts.try_again(*asked, utcnow())
        ring_batch(held.doorbell, batch)
        free_held(held.db, held.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
        return _back_to(channel_id)

    @part.post("/<int:channel_id>/pause")
    @needs(Power.CHANNELS)
    def pause(channel_id: int) -> ResponseReturnValue:
        reason = request.form.get("reason", "")
        try:
            with runtime().db.write() as session:
                channel = _get(session, channel_id)
                channel_acts.pause(session, runtime().vault, me(), channel, reason, utcnow())
        except ChannelError as error:
            return _channel_page(channel_id, _said(error)), 422
        return _back_to(channel_id)

    @part.post("/<int:channel_id>/resume")
    @needs(Power.CHANNELS)
    def resume(channel_id: int) -> Response:
        with runtime().db.write() as session:
            channel = _get(session, channel_id)
            channel_acts.resume(session, runtime().vault, me(), channel, utcnow())
        free_held(runtime().db, runtime().doorbell, HaltScope.CHANNEL, channel_id, utcnow())
        return _back_to(channel_id)


def _form(channel: Channel | None, answers: Answers, errors: Errors) -> str:
    """The form; a URL that was typed is not in it again, because it is a secret."""
    with runtime().db.read() as session:
        return render_template(
            "staff/channel_form.html",
            channel=channel,
            answers=answers,
            errors=errors,
            everything=ALL,
            channel_words=channel_words,
            topics=all_topics(session),
            places=all_places(session),
            schemes=runtime().settings.chat_schemes,
            languages=runtime().settings.brand.languages,
        )


def _channel_page(channel_id: int, errors: Errors) -> str:
    with runtime().db.read() as session:
        channel = _get(session, channel_id)
        topics, places = _hears_of(session, channel)
        return render_template(
            "staff/channel.html",
            channel=channel,
            paused=channels.paused(session),
            topics=topics,
            places=places,
            options=channels.options_of_channel(session, channel_id),
            missed=missed(session, channel),
            service=channel_words.service_of(channel.scheme),
            channel_words=channel_words,
            provider=runtime().settings.abroad.get(channel.scheme, ""),
            test=last_test(session, channel_id),
            is_webhook=channel.scheme == WEBHOOK,
            key=webhook_keys.key_of(session, channel_id),
            keyless=webhook_keys.keyless(session),
            may_manage=has_power(Power.CHANNELS),
            errors=errors,
            words=words,
        )


def _remove_page(channel_id: int, errors: Errors) -> str:
    with runtime().db.read() as session:
        return render_template(
            "staff/channel_remove.html",
            channel=_get(session, channel_id),
            loss=channel_removal.loss(session, channel_id),
            reason=request.form.get("reason", ""),
            errors=errors,
        )


def _get(session: Session, channel_id: int, *, lock: bool = False) -> Channel:
    return channels.channel_of(session, channel_id, lock=lock) or abort(404)


def _hears_of(session: Session, channel: Channel) -> tuple[list[str] | None, list[str] | None]:
    """The names of the topics and districts that a channel hears of; None: of all."""
    topics, places = channels.choices_of(session, channel.id)
    spoken = language()
    return (
        None if topics is None else [topic.name(spoken) for topic in topics],
        None if places is None else [place.name for place in places],
    )


def _require_version(now: str, seen: str) -> None:
    if seen not in (now, "*"):  # as If-Match (RFC 9110, section 13.1.1)
        text = N_("Somebody has changed it since you opened this page. Open it again.")
        raise ChannelError(text, "name")


def _said(error: ChannelError) -> Errors:
    return {error.field: gettext(error.text, **error.values)}


def _back_to(channel_id: int) -> Response:
    """Show the channel's page; a reload of it repeats nothing."""
    return redirect(page_url("channels.show", channel_id=channel_id), 303)  # type: ignore[return-value]
