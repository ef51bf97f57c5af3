"""Today: how the news goes its way at this moment, and what somebody should look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.orm import Session

from service.admin import job_acts, now_words, words
from service.admin.access import needs
from service.admin.powers import Power
from service.db import utcnow
from service.ledger import canary_state, given_up, pipeline
from service.ledger.alarms import live_alarms
from service.ledger.given_up import Given
from service.models import Channel
from service.pages import runtime
from service.subscriptions import channels
from service.tasks import Queue

EVERY_S = 30


def blueprint() -> Blueprint:
    """The staff's front page."""
    part = Blueprint("today", __name__, url_prefix="/staff")

    @part.get("/")
    @needs(Power.SEE)
    def show() -> Response:
        is_live = request.args.get("every") == str(EVERY_S)
        lengths = runtime().doorbell.lengths()  # asks the broker: before the transaction
        with runtime().db.read() as session:
            page = {**look(session, lengths), "is_live": is_live, "every": EVERY_S}
            page["canary_limit"] = timedelta(seconds=runtime().settings.canary_limit_s)
            answer = make_response(
                render_template(
                    "staff/today.html",
                    words=words,
                    now_words=now_words,
                    job_title=job_acts.title,
                    **page,
                )
            )
        # Only who asks for it gets a page that loads itself (WCAG 2.2.2), and can stop it.
        if is_live:
            answer.headers["Refresh"] = str(EVERY_S)
        return answer

    return part


def look(session: Session, lengths: dict[Queue, int] | None) -> dict[str, Any]:
    """All that the page shows, each by a bounded look. `lengths`: of the queues, null where the
    broker is away."""
    now = utcnow()
    lanes, rung = pipeline.batches(session, now)
    stages = pipeline.stages(session, now)
    alarms = live_alarms(session)
    closed = pipeline.closed_lanes(session, now)
    given = {kind: found for kind in Given if (found := given_up.count(session, kind))}
    return {
        "now": now,
        "stages": stages,
        "queues": pipeline.queues(session, lengths, rung),
        "is_broker_away": lengths is None,
        "lanes": lanes,
        "closed": closed,
        "paused_channels": paused_channels(session),
        "sources": pipeline.troubled_sources(session),
        "jobs": pipeline.unfinished_jobs(session),
        "alarms": alarms,
        "given": given,
        "canaries": canary_state.look(session, now),
        "is_well": not (alarms or closed) and all(one.tone == "good" for one in stages),
    }


def paused_channels(session: Session) -> list[tuple[int, str, str]]:
    """Channels to which nothing goes, with their names and the reasons."""
    return [
        (channel_id, session.get_one(Channel, channel_id).name, reason)
        for channel_id, reason in sorted(channels.paused(session).items())
    ]
