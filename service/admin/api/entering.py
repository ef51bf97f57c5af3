"""Who a program is: its key, the powers of that key, and how often it may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, g, make_response, request
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin import scope
from service.admin.keys import PURPOSE
from service.admin.powers import Power, powers_of
from service.db import utcnow
from service.limits import client
from service.models import ApiKey, Staff, Via
from service.pages import holds_nul, runtime
from service.problems import Problem

F = TypeVar("F", bound=Callable[..., Any])

SCHEME = "ApiKey"  # its name in the OpenAPI document
PER_KEY = "600 per minute"
FAILURES = "30 per minute"  # unknown keys, of one client
NOTED_EVERY = timedelta(minutes=1)  # when a key was last used
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tellal"'}  # RFC 6750, section 3


def needs(power: Power) -> Callable[[F], F]:
    """Let in programs whose key, and the person behind it, have this power."""

    def wrap(view: F) -> F:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Response:
            g.actor, g.powers = _enter()
            if power not in g.powers:
                detail = f"This key lacks the power `{power.value}`; ask an administrator for it."
                raise Problem(403, "Forbidden", detail)
            _refuse_unreadable()
            answer = make_response(view(*args, **kwargs))
            answer.headers.setdefault("Cache-Control", "private, no-store")
            return answer

        checked.power = power  # type: ignore[attr-defined]  # what the structural test reads
        checked.api_power = power  # type: ignore[attr-defined]
        return cast(F, checked)

    return wrap


def me() -> Actor:
    """Who acts in this request of the API."""
    return cast(Actor, g.actor)


def my_powers() -> frozenset[Power]:
    """What this key may do: no more than that may it hand on."""
    return cast(frozenset[Power], g.powers)


def may_decide(session: Session, topic_id: int) -> bool:
    """Whether the person behind this key may decide about a topic; see `scope.may_decide`."""
    return scope.may_decide(session, me().staff_id, (topic_id,))


def record(
    session: Session, act: str, object_id: int | None = None, *, subject: str = "", **detail: Any
) -> None:
    """Note what a program does in its person's name, in the transaction that does it."""
    acts.record(session, runtime().vault, me(), act, object_id, subject=subject, **detail)


def _enter() -> tuple[Actor, frozenset[Power]]:
    """The person behind the key of this request, and what both may do.

    Raises:
        Problem: no key, an unknown, revoked or expired one, or too many requests.
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        detail = "Send `Authorization: Bearer <key>`; keys are made on the staff's pages."
        raise Problem(401, "Unauthorized", detail, headers=CHALLENGE)
    hashed, now = runtime().vault.keyed_hash(PURPOSE, secret.strip()), utcnow()
    with runtime().db.read() as session:
        row = session.execute(
            select(ApiKey, Staff)
            .join(Staff, Staff.id == ApiKey.staff_id)
            .where(ApiKey.key_hash == hashed, ApiKey.revoked_at.is_(None))
            .where(ApiKey.expires_at > now, Staff.active.is_(True))
        ).first()
        if row is None:
            _count_failure()
            detail = "This key is unknown, revoked or expired."
            raise Problem(401, "Unauthorized", detail, headers=CHALLENGE)
        key, staff = row
        powers = powers_of([role.name for role in staff.roles]) & {Power(p) for p in key.powers}
    if not runtime().limits.allow(PER_KEY, f"api-key:{key.id}"):
        raise Problem(429, "Too Many Requests", "At most 600 a minute; wait a little.")
    _note_use(key)
    return Actor(staff.id, Via.API, g.get("request_id", ""), key.id), powers


def _refuse_unreadable() -> None:
    """Refuse what is nested so deeply that reading it fails, or holds what no database stores.

    Raises:
        Problem: 400.
    """
    try:
        body = request.get_json(force=True, silent=True)
        is_good = not _holds_nul(body) and not holds_nul()
    except RecursionError:
        is_good = False
    if not is_good:
        detail = "The request is nested too deeply, or holds the character U+0000."
        raise Problem(400, "Bad Request", detail)


def _holds_nul(body: Any) -> bool:
    left = [body]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str) and "\0" in one:
            return True
    return False


def _count_failure() -> None:
    if not runtime().limits.allow(FAILURES, f"api-failure:{client()}"):
        raise Problem(429, "Too Many Requests", "Too many unknown keys; wait a minute.")


def _note_use(key: ApiKey) -> None:
    now = utcnow()
    if key.last_used_at is not None and now - key.last_used_at < NOTED_EVERY:
        return
    with runtime().db.write(is_durable=False) as session:
        session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
