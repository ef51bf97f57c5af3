"""Who is signed in: a person who has opened a link that came to their address, for one hour.

There are no accounts and no passwords. The session names the destination, and a part of its
address's hash, so that it ends when the address is changed or erased.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, g, make_response, redirect, session
from sqlalchemy.orm import Session

from service.models import Destination
from service.pages import page_url, runtime
from service.security_headers import keep_private

F = TypeVar("F", bound=Callable[..., Any])

SIGNED_IN_FOR_S = 3600
_NAME = "person"
_MARK = 16  # digits of the address's hash


def sign_in(destination: Destination) -> None:
    """Sign in the person of a verified destination. Whoever was signed in here before is not any
    more."""
    mark = destination.address_hash[:_MARK]
    session[_NAME] = [destination.id, mark, int(time.time())]


def sign_out() -> None:
    """Forget who was signed in."""
    session.pop(_NAME, None)


def person(database: Session) -> Destination | None:
    """The destination by which somebody is signed in, or None."""
    number, mark, at = session.get(_NAME) or (None, None, 0)
    if number is None or not 0 <= time.time() - at < SIGNED_IN_FOR_S:
        return None
    found = database.get(Destination, number)
    if found is None or found.verified_at is None or found.address_hash[:_MARK] != mark:
        return None
    return found


def signed_in_only(view: F) -> F:
    """Let in whoever is signed in, and send others to the sign-in page; all such pages are private.

    The view finds the destination's id in `g.person_id`.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Response:
        with runtime().db.read() as database:
            found = person(database)
        if found is None:
            return keep_private(make_response(redirect(page_url("sign_in.ask"), 303)))
        g.person_id = found.id
        return keep_private(make_response(view(*args, **kwargs)))

    checked.is_personal = True  # type: ignore[attr-defined]  # what the structural test reads
    return cast(F, checked)
