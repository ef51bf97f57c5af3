"""Who may do what on the staff's pages, and under which name it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, abort, current_app, g, make_response, redirect, request
from flask_login import logout_user
from flask_security import auth_required, current_user
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from service import acts
from service.acts import Actor
from service.admin import scope, sessions
from service.admin.powers import Power, powers_of
from service.admin.sign_in import ask_to_sign_in
from service.models import Via
from service.pages import page_url, runtime
from service.security_headers import keep_private

F = TypeVar("F", bound=Callable[..., Any])


def needs(power: Power, *, fresh: bool = False) -> Callable[[F], F]:
    """Let in signed-in staff who have this power; all pages are private.

    `fresh`: only within a quarter of an hour of proving who they are; after that they are asked for
    password and code again. For roles, keys, erasing. Put it on the page with the form as well, so
    that nobody fills in a form in vain.
    """

    def wrap(view: F) -> F:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Response:
            if sessions.is_over():
                logout_user()  # this browser's session alone ends
                return ask_to_sign_in()
            if not has_power(power):
                abort(403)
            sessions.touch()
            if fresh and not sessions.is_fresh():
                return keep_private(_ask_again())
            return keep_private(make_response(view(*args, **kwargs)))

        guarded = auth_required("session")(checked)
        guarded.power = power  # what the structural test reads
        guarded.fresh = fresh
        return cast(F, guarded)

    return wrap


def _ask_again() -> Response:
    """To the page that asks who this is, and back: from a form, to the page that it stands on."""
    wanted = request.full_path.rstrip("?")
    if request.method != "GET":
        wanted, adapter = request.path, current_app.create_url_adapter(request)
        while wanted.count("/") > 1 and not _can_be_read(adapter, wanted):
            wanted = wanted.rpartition("/")[0]
    return redirect(page_url("entrance.confirm", next=wanted))  # type: ignore[return-value]


def _can_be_read(adapter: Any, path: str) -> bool:
    try:
        adapter.match(path, method="GET")
    except HTTPException:
        return False
    return True


def has_power(power: Power) -> bool:
    """Whether the person of this request may do this."""
    return power in powers_of([role.name for role in current_user.roles])


def me() -> Actor:
    """Who acts in this request of a page."""
    return Actor(current_user.id, Via.PAGE, g.get("request_id", ""))


def record(
    session: Session, act: str, object_id: int | None = None, *, subject: str = "", **detail: Any
) -> None:
    """Note what the person of this page does, in the transaction that does it."""
    acts.record(session, runtime().vault, me(), act, object_id, subject=subject, **detail)


def may_decide(session: Session, topic_id: int) -> bool:
    """Whether the person of this page may decide about this topic; see `scope.may_decide`."""
    return scope.may_decide(session, current_user.id, (topic_id,))
