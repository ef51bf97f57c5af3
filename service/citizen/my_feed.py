"""My feed: one secret address that brings what a person chose; made, renewed and switched off."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import pages
from service.citizen.feed_addresses import Feed
from service.citizen.signed_in import signed_in_only
from service.feeds import opml
from service.feeds.private import keys_of_choices
from service.feeds.routes import serving
from service.models import Destination
from service.pages import language, page_url, runtime
from service.subscriptions import private_feeds
from service.subscriptions.choices import all_places, all_topics
from service.subscriptions.private_feeds import Chosen


def blueprint() -> Blueprint:
    """The page, and its three buttons."""
    part = Blueprint("my_feed", __name__, url_prefix="/my/feed")
    pages.protect_forms(part)

    @part.get("")
    @signed_in_only
    def show() -> Response:
        return _page()

    @part.get("/topics.opml")
    @signed_in_only
    def as_opml() -> Response:
        with runtime().db.read() as session:
            choices = private_feeds.choices_of(session, _subscriber_id(session))
        publisher, state = serving().publisher, serving().clock.state()
        data = opml.some_feeds(publisher, state, keys_of_choices(state, choices))
        response = Response(data, content_type=f"{opml.MEDIA_TYPE}; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="tellal-feeds.opml"'
        return response

    @part.post("/on")
    @signed_in_only
    def switch_on() -> ResponseReturnValue:
        with runtime().db.write() as session:
            private_feeds.switch_on(session, _subscriber_id(session))
        return _done("on")

    @part.post("/renew")
    @signed_in_only
    def renew() -> ResponseReturnValue:
        token = request.form.get("feed", "")[:100]
        with runtime().db.write() as session:
            private_feeds.renew(session, runtime().vault, _subscriber_id(session), token)
        return _done("renewed")

    @part.post("/off")
    @signed_in_only
    def switch_off() -> ResponseReturnValue:
        with runtime().db.write() as session:
            private_feeds.switch_off(session, _subscriber_id(session))
        return _done("off")

    return part


def _page() -> Response:
    held = runtime()
    with held.db.read() as session:
        person = _subscriber_id(session)
        token = private_feeds.token_of(session, held.vault, person)
        holds = _in_words(session, private_feeds.choices_of(session, person))
    page = render_template(
        "citizen/my/feed.html",
        feed=Feed(f"/feeds/my/{token}", gettext("My feed")) if token else None,
        token=token,
        holds=holds,
        done=request.args.get("done", ""),
    )
    return make_response(page)


def _in_words(
    session: Session, choices: tuple[Chosen, ...]
) -> list[tuple[str, list[str] | None, bool]]:
    """Topic, districts (None: the whole city), and whether of them alone; in the order of topics.

    What another choice brings already is not said once more.
    """
    topics = {one.id: one.name(language()) for one in all_topics(session)}
    places = {one.id: one.name for one in all_places(session)}
    found: list[tuple[str, list[str] | None, bool]] = []
    for topic_id in (None, *topics):
        name = topics[topic_id] if topic_id else gettext("All topics")
        of_it = [one for one in choices if one.topic_id == topic_id]
        if any(one.place_id is None for one in of_it):
            found.append((name, None, False))
            continue
        for only in (False, True):
            where = {one.place_id for one in of_it if one.is_local_only is only}
            if where:
                named = [place for number, place in places.items() if number in where]
                found.append((name, named, only))
    return found


def _done(what: str) -> ResponseReturnValue:
    return redirect(page_url("my_feed.show", done=what), 303)


def _subscriber_id(session: Session) -> int:
    """Who is signed in; 0 for an address of nobody, which has chosen nothing either."""
    found = select(Destination.subscriber_id).where(Destination.id == g.person_id)
    return session.scalar(found) or 0
