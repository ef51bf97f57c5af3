"""Who may do what on the staff's pages, and under which name it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, abort, g, make_response
from flask_security import auth_required, current_user
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin.powers import Power, powers_of
from service.models import Via
from service.pages import runtime
from service.security_headers import keep_private

F = TypeVar("F", bound=Callable[..., Any])


def needs(power: Power) -> Callable[[F], F]:
    """Let in signed-in staff who have this power; all pages are private."""

    def wrap(view: F) -> F:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Response:
            if not has_power(power):
                abort(403)
            return keep_private(make_response(view(*args, **kwargs)))

        guarded = auth_required("session")(checked)
        guarded.power = power  # what the structural test reads
        return cast(F, guarded)

    return wrap


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
