"""Deliveries: who was told what, with which answer; and what is paused or cancelled.

An address is typed into a form and looked up by its keyed hash: it is in no URL and no log, and the
pages name a reader by number alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import looking, pauses, words
from service.admin.access import needs
from service.admin.powers import Power
from service.admin.subscribers import look_up
from service.ledger.counts import outcome_counts
from service.ledger.finding import Found, Wanted, find, newest_answers
from service.models import (
    Article,
    Channel,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Notification,
    NotificationKind,
    Revision,
)
from service.pages import page_url, row_number, runtime

MAX_NUMBER = 2**63 - 1
MOST_NOTIFICATIONS = 50


@dataclass(frozen=True)
class Asked:
    """The filters of a page, as they came."""

    article: int | None
    notification: int | None
    reader: int | None
    state: str
    since: str
    until: str

    def url(self, **changes: Any) -> str:
        """The page with some of the filters changed; empty ones are left out."""
        values = {**self.__dict__, **changes}
        return page_url("deliveries.index", **{k: v for k, v in values.items() if v})


def blueprint() -> Blueprint:
    """Everybody on the staff may look; by address, who has to do with people; who may send stops
    and goes on."""
    part = Blueprint("deliveries", __name__, url_prefix="/staff/deliveries")
    pauses.add_views(part)

    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        return _page({})

    @part.post("/find")
    @needs(Power.PEOPLE)
    def find_reader() -> ResponseReturnValue:
        _, found, errors = look_up(looking.LOOK_DELIVERIES)
        if found is None:
            return _page(errors), 422
        if found.destination_id is None:
            return _page({"email": gettext("No reader has this address")}), 404
        return redirect(page_url("deliveries.index", reader=found.destination_id), 303)

    return part


def asked_for() -> Asked:
    """The filters of this request; what cannot be is left out."""

    def number(name: str) -> int | None:
        found = request.args.get(name, type=row_number)
        return found if found is not None and 0 < found <= MAX_NUMBER else None

    state = request.args.get("state", "")
    return Asked(
        number("article"),
        number("notification"),
        number("reader"),
        state if state in {one.word for one in DeliveryState} else "",
        _date(request.args.get("since", "")),
        _date(request.args.get("until", "")),
    )


def wanted_of(session: Session, asked: Asked) -> Wanted:
    """What to look for: of an article the notification that was named, or its news."""
    notification_id = asked.notification
    if notification_id is None and asked.article is not None:
        notification_id = _news_of(session, asked.article)
    return Wanted(
        notification_id,
        asked.reader,
        DeliveryState[asked.state.upper()] if asked.state else None,
        _start(asked.since, timedelta(0)),
        _start(asked.until, timedelta(days=1)),
    )


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if len(text) == len("2026-01-31") else ""
    except ValueError:
        return ""


def _start(text: str, later: timedelta) -> datetime | None:
    """When a day of the city begins."""
    if not text or not 1970 <= int(text[:4]) <= 9000:
        return None
    zone = ZoneInfo(runtime().settings.timezone)
    return datetime.combine(date.fromisoformat(text) + later, time.min, zone)


def notifications_of(session: Session, article_id: int) -> Sequence[Notification]:
    """What was to be told of an article, the newest first."""
    query = select(Notification).where(Notification.article_id == article_id)
    return session.scalars(query.order_by(Notification.id.desc()).limit(MOST_NOTIFICATIONS)).all()


def _news_of(session: Session, article_id: int) -> int:
    """Its news, else the newest of its notifications; 0 where it has none."""
    found = notifications_of(session, article_id)
    news = [one.id for one in found if one.kind == NotificationKind.NEW]
    return (news or [one.id for one in found] or [0])[0]


def _page(errors: dict[str, str]) -> str:
    asked = asked_for()
    after = request.args.get("after", type=row_number)
    with runtime().db.read() as session:
        wanted = wanted_of(session, asked)
        is_chosen = wanted.notification_id is not None or wanted.reader_id is not None
        found: list[Found] = []
        latest: list[DeliveryAnswer] = []
        if is_chosen:
            found, further = find(session, wanted, after)
        else:
            latest, further = newest_answers(session, wanted, after)
        readers = {one.delivery.destination_id for one in found}
        readers |= {one.destination_id for one in latest}
        shown = {one.notification.article_id for one in found}
        told = [one.notification_id for one in latest]
        about = {
            one.id: one
            for one in session.scalars(select(Notification).where(Notification.id.in_(told)))
        }
        shown |= {one.article_id for one in about.values()}
        return render_template(
            "staff/deliveries.html",
            asked=asked,
            wanted=wanted,
            is_chosen=is_chosen,
            found=found,
            latest=latest,
            about=about,
            after=after,
            further=further,
            titles=titles(session, {*shown, asked.article}),
            readers=readers_of(session, readers),
            counts=outcome_counts(session, asked.article) if asked.article else None,
            notifications=notifications_of(session, asked.article) if asked.article else [],
            states=[one.word for one in DeliveryState],
            state_words=words.DELIVERY,
            errors=errors,
            words=words,
            DeliveryState=DeliveryState,
        )


def titles(session: Session, article_ids: Iterable[int | None]) -> dict[int, tuple[str, str]]:
    """The titles of articles, each with its language."""
    query = (
        select(Article.id, Revision.title, Revision.language)
        .join(Revision, Revision.id == Article.revision_id)
        .where(Article.id.in_([one for one in article_ids if one is not None]))
    )
    return {id_: (title, spoken) for id_, title, spoken in session.execute(query)}


def readers_of(session: Session, ids: set[int]) -> dict[int, tuple[str, int | None, str]]:
    """Of each destination its lane, and where it is a channel of the city, that one's number and
    name. No address."""
    query = (
        select(Destination.id, Destination.lane, Channel.id, Channel.name)
        .outerjoin(Channel, Channel.id == Destination.channel_id)
        .where(Destination.id.in_(ids))
    )
    return {
        id_: (lane, channel_id, name or "")
        for id_, lane, channel_id, name in session.execute(query)
    }
