"""Pauses and cancels: of everything, an article, a topic, a channel or a mail lane."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from service.admin import halt_acts, now_words
from service.admin.access import me, needs
from service.admin.alarms import MAX_REASON, a_reason
from service.admin.article_acts import Doer
from service.admin.halt_acts import Unchanged
from service.admin.powers import Power
from service.admin.scope import OutOfScope
from service.ledger import pausing
from service.ledger.halts import live_pauses
from service.ledger.pausing import Target, TargetError
from service.ledger.refused import Refused
from service.models import Halt, HaltKind, HaltScope, Topic
from service.pages import language, page_url, runtime
from service.subscriptions.channels import list_channels

MOST_LISTED = 500
ACTS = ("pause", "cancel")


def add_views(part: Blueprint) -> None:
    """Add the list of what is paused, the form, and the acts."""
    _add_pages(part)
    _add_acts(part)


def _add_pages(part: Blueprint) -> None:
    @part.get("/pauses")
    @needs(Power.SEE)
    def pauses() -> str:
        with runtime().db.read() as session:
            found = [(halt, pausing.target_of(session, halt)) for halt in live_pauses(session)]
            return render_template(
                "staff/pauses.html", pauses=found, held=held(session), now_words=now_words
            )

    @part.get("/halt")
    @needs(Power.SEND)
    def halt() -> str:
        act, scope = request.args.get("act", "pause"), request.args.get("scope", "")
        if act not in ACTS or (scope and scope not in _scopes(act)):
            abort(404)
        return _form(act, scope, request.args.get("of", ""), {})


def _add_acts(part: Blueprint) -> None:
    @part.post("/pause")
    @needs(Power.SEND)
    def pause() -> ResponseReturnValue:
        target, reason, errors = _answers("pause")
        if target is None or errors:
            return _form("pause", _scope("pause"), request.form.get("of", ""), errors), 422
        try:
            with suppress(Unchanged):
                halt_acts.pause(Doer(runtime(), me()), target, reason)
        except Refused as error:
            return _refusal("pause", target, error)
        return redirect(page_url("deliveries.pauses"), 303)

    @part.post("/pauses/<int:halt_id>/resume")
    @needs(Power.SEND)
    def resume(halt_id: int) -> ResponseReturnValue:
        with runtime().db.read() as session:
            halt = session.get(Halt, halt_id)
            if halt is None or halt.kind != HaltKind.PAUSE:
                abort(404)
            target = pausing.target_of(session, halt)
        if halt.ended_at is None:
            try:
                with suppress(Unchanged):
                    halt_acts.resume(Doer(runtime(), me()), target)
            except OutOfScope:
                abort(403)
        return redirect(page_url("deliveries.pauses"), 303)

    @part.post("/cancel")
    @needs(Power.SEND)
    def cancel() -> ResponseReturnValue:
        target, reason, errors = _answers("cancel")
        if target is None or errors:
            return _form("cancel", _scope("cancel"), request.form.get("of", ""), errors), 422
        try:
            halt_acts.cancel(Doer(runtime(), me()), target, reason)
        except Refused as error:
            return _refusal("cancel", target, error)
        return redirect(page_url("deliveries.pauses"), 303)


def _refusal(act: str, target: Target, error: Refused) -> ResponseReturnValue:
    errors = {"reason": gettext(error.text, **error.values)}
    status = 403 if isinstance(error, OutOfScope) else 409
    return _form(act, target.scope, request.form.get("of", ""), errors), status


def held(session: Session) -> int:
    """How many batches wait for a pause to end, on `ix_batch_held`; to a limit."""
    query = select(text("1")).select_from(text("batch")).where(text("held_at IS NOT NULL"))
    found = select(func.count()).select_from(query.limit(pausing.MOST).subquery())
    return session.scalar(found) or 0


def _scopes(act: str) -> tuple[HaltScope, ...]:
    """What can be stopped so; a lane can only be paused."""
    every = tuple(HaltScope)
    return every if act == "pause" else tuple(one for one in every if one != HaltScope.LANE)


def _scope(act: str) -> str:
    scope: str = request.form.get("scope", "")
    if scope not in _scopes(act):
        abort(400)
    return scope


def _word(act: str, scope: str) -> str:
    """What somebody types to confirm; nothing where no such thing is asked."""
    if act == "cancel":
        return str(gettext("cancel"))
    return str(gettext("everything")) if scope == HaltScope.ALL else ""


def _answers(act: str) -> tuple[Target | None, str, dict[str, str]]:
    """The target, the reason and what is wrong with the form."""
    scope, errors = HaltScope(_scope(act)), {}
    reason = a_reason(request.form.get("reason", ""))
    if not reason:
        errors["reason"] = gettext("Write a reason")
    word = _word(act, scope)
    if word and " ".join(request.form.get("confirm", "").split()) != word:
        errors["confirm"] = gettext("Type the word as it is shown")
    try:
        with runtime().db.read() as session:
            return pausing.target(session, scope, request.form.get("of", "")), reason, errors
    except TargetError:
        return None, reason, {"of": gettext("There is no such thing")}


def _form(act: str, scope: str, of: str, errors: dict[str, str]) -> str:
    """What to stop, then which one, then how much it meets, with the reason."""
    target = None
    with runtime().db.read() as session:
        if scope and (of or scope == HaltScope.ALL):
            try:
                target = pausing.target(session, HaltScope(scope), of)
            except TargetError:
                errors = {"of": gettext("There is no such thing")}
        return render_template(
            "staff/halt.html",
            act=act,
            scope=scope,
            scopes=_scopes(act),
            of=of,
            target=target,
            met=pausing.met(session, target) if target else None,
            choices=_choices(session, scope) if scope and target is None else [],
            word=_word(act, scope),
            errors=errors,
            now_words=now_words,
            max_reason=MAX_REASON,
        )


def _choices(session: Session, scope: str) -> list[tuple[str, str]]:
    """What a scope offers to choose from: value and name; an article is typed by its number."""
    if scope == HaltScope.TOPIC:
        topics = session.scalars(select(Topic).order_by(Topic.position).limit(MOST_LISTED))
        return [(one.slug, one.name(language())) for one in topics]
    if scope == HaltScope.CHANNEL:
        return [(str(one.id), one.name) for one in list_channels(session)[:MOST_LISTED]]
    return [(one, one) for one in pausing.lanes(session)] if scope == HaltScope.LANE else []
