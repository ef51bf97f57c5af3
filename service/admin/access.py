"""Who may do what, and the record of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, abort, g, make_response
from flask_security import auth_required, current_user
from sqlalchemy.orm import Session

from service.models import AuditEntry
from service.models.staff import ROLES
from service.security_headers import keep_private

F = TypeVar("F", bound=Callable[..., Any])

ADMINISTRATOR = "administrator"
CHANNEL_MANAGER = "channel-manager"
EVERY_ROLE = tuple(ROLES)


def staff_only(*roles: str) -> Callable[[F], F]:
    """Let in signed-in staff with one of these roles, or administrators; all pages are private."""
    accepted = frozenset(roles) | {ADMINISTRATOR}

    def wrap(view: F) -> F:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Response:
            if not has_role(*accepted):
                abort(403)
            return keep_private(make_response(view(*args, **kwargs)))

        guarded = auth_required("session")(checked)
        guarded.staff_roles = accepted  # what the structural test reads
        return cast(F, guarded)

    return wrap


def has_role(*roles: str) -> bool:
    """Whether the person of this request has one of these roles."""
    return any(role.name in roles for role in current_user.roles)


def may_manage_channels() -> bool:
    return has_role(ADMINISTRATOR, CHANNEL_MANAGER)


def audit(
    session: Session,
    act: str,
    object_id: int | None = None,
    *,
    staff_id: int | None = None,
    **detail: Any,
) -> None:
    """Record an act in the transaction that does it. The detail holds no secret, no address."""
    session.add(
        AuditEntry(
            staff_id=staff_id or current_user.id,
            act=act,
            object_id=object_id,
            detail=detail,
            request_id=g.get("request_id", ""),
        )
    )
