"""My page: what a person asks for, and all they can change about it. Each view is for them alone.

Rules are in `service.subscriptions`; these pages show, ask once more where something ends, and send
people back to the list with one sentence about what was done.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, make_response, redirect, request
from flask import render_template as render
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from service import pages
from service.citizen.draft import ALL
from service.citizen.group_form import Answer, answers, drawn, said
from service.citizen.signed_in import signed_in_only
from service.db import utcnow
from service.models import Destination, Suppression
from service.pages import page_url, row_number, runtime
from service.subscriptions import changing, unsubscribe
from service.subscriptions.choices import all_places
from service.subscriptions.endings import EVERYTHING
from service.subscriptions.preferences import clock_of
from service.subscriptions.targets import live_targets


def blueprint() -> Blueprint:
    """The list, one group of subscriptions, the end of one and of all, and undo."""
    part = Blueprint("my", __name__, url_prefix="/my")
    pages.protect_forms(part)

    @part.get("")
    @signed_in_only
    def show() -> Response:
        return _list()

    @part.get("/subscriptions/<int:subscription_id>")
    @signed_in_only
    def one(subscription_id: int) -> Response:
        with runtime().db.read() as session:
            group = _group(session, subscription_id)
            return _form(session, group, subscription_id, said(group, session), {})

    @part.post("/subscriptions/<int:subscription_id>")
    @signed_in_only
    def change(subscription_id: int) -> ResponseReturnValue:
        with runtime().db.write() as session:
            group = _group(session, subscription_id)
            answer, errors = answers(request.form, session)
            if errors:
                return _form(session, group, subscription_id, answer, errors)
            person = session.get_one(Destination, g.person_id)
            changing.change(session, person, subscription_id, answer.asking(session))
        return done("changed")

    @part.get("/subscriptions/<int:subscription_id>/end")
    @signed_in_only
    def ask_end(subscription_id: int) -> Response:
        with runtime().db.read() as session:
            group = drawn(session, _group(session, subscription_id))
        return make_response(render("citizen/my/end.html", group=group))

    @part.post("/subscriptions/<int:subscription_id>/end")
    @signed_in_only
    def end(subscription_id: int) -> ResponseReturnValue:
        with runtime().db.write() as session:
            group = changing.group_of(session, g.person_id, subscription_id)
            if group:
                unsubscribe.end_on_page(session, g.person_id, group.ids)
            elif not unsubscribe.ended_together(session, g.person_id, subscription_id):
                abort(404)
        return done("ended", undo=subscription_id)

    @part.post("/subscriptions/<int:subscription_id>/undo")
    @signed_in_only
    def undo(subscription_id: int) -> ResponseReturnValue:
        with runtime().db.write() as session:
            is_back = unsubscribe.undo_on_page(session, g.person_id, subscription_id)
        return done("undone") if is_back else redirect(page_url("my.show"), 303)

    @part.get("/end-all")
    @signed_in_only
    def ask_end_all() -> Response:
        with runtime().db.read() as session:
            found = [drawn(session, one) for one in changing.groups(session, g.person_id)]
            person = session.get_one(Destination, g.person_id).subscriber_id
            chats = live_targets(session, person) if person else []
        return make_response(render("citizen/my/end_all.html", groups=found, chats=chats))

    @part.post("/end-all")
    @signed_in_only
    def end_all() -> ResponseReturnValue:
        with runtime().db.write() as session:
            unsubscribe.end_everything(session, session.get_one(Destination, g.person_id))
            ended = unsubscribe.last_ended(session, g.person_id, EVERYTHING)
        return done("all-ended", undo=ended[0].id if ended else 0)

    return part


def done(what: str, **more: int) -> ResponseReturnValue:
    """Back to the list, which says in one sentence what was done."""
    return redirect(page_url("my.show", done=what, **more), 303)


def _list() -> Response:
    now, undo = utcnow(), request.args.get("undo", type=row_number)
    with runtime().db.read() as session:
        person = session.get_one(Destination, g.person_id)
        suppression = session.get(Suppression, person.address_hash)
        page = render(
            "citizen/my/show.html",
            person=person,
            groups=[drawn(session, one) for one in changing.groups(session, person.id)],
            has_chats=bool(live_targets(session, person.subscriber_id or 0)),
            is_on_break=person.paused_until is not None and person.paused_until > now,
            suppression=suppression,
            clock=clock_of,
            done=request.args.get("done", ""),
            undo=undo if undo and unsubscribe.ended_together(session, person.id, undo) else None,
        )
    return make_response(page)


def _group(session: Session, subscription_id: int) -> changing.Group:
    """A live group of whoever is signed in. Somebody else's is not found, as one that is none."""
    return changing.group_of(session, g.person_id, subscription_id) or abort(404)


def _form(
    session: Session,
    group: changing.Group,
    subscription_id: int,
    answer: Answer,
    errors: dict[str, str],
) -> Response:
    return make_response(
        render(
            "citizen/my/subscription.html",
            subscription_id=subscription_id,
            group=drawn(session, group),
            answer=answer,
            errors=errors,
            everything=ALL,
            places=all_places(session),
        )
    )
