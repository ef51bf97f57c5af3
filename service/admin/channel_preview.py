"""What a channel would be sent about the newest article, as a page."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from service.admin import channel_words, words
from service.admin.access import needs
from service.admin.powers import Power
from service.messages.chat_preview import KINDS
from service.pages import runtime
from service.subscriptions import channels
from service.subscriptions.channel_preview import preview_for
from service.subscriptions.chat_schemes import WEBHOOK


def blueprint() -> Blueprint:
    """Everybody on the staff may look."""
    part = Blueprint("channel_preview", __name__, url_prefix="/staff/channels/<int:channel_id>")

    @part.get("/preview")
    @needs(Power.SEE)
    def show(channel_id: int) -> str:
        wanted, held = request.args.get("kind", ""), runtime()
        kind = wanted if wanted in KINDS else KINDS[0]
        with held.db.read() as session:
            channel = channels.channel_of(session, channel_id) or abort(404)
            return render_template(
                "staff/channel_preview.html",
                channel=channel,
                shown=preview_for(session, held.settings, channel, kind),
                options=channels.options_of_channel(session, channel_id),
                is_webhook=channel.scheme == WEBHOOK,
                service=channel_words.service_of(channel.scheme),
                kinds={one: words.KIND[one].text for one in KINDS},
            )

    return part
