"""How long a sign-in lasts: from its start, without a request, and until it must be confirmed.

The session is a signed cookie; these times are part of it. What ends all sessions of somebody at
once is another `fs_uniquifier` of the account.
"""

from __future__ import annotations

from flask import session

from service.db import utcnow

LIFE_S = 12 * 3600  # from signing in, however busy: a working day
IDLE_S = 2 * 3600  # without a request
FRESH_S = 15 * 60  # in which roles are given, keys made and people erased without asking again
NOTED_EVERY_S = 60  # so that not every answer sets the cookie anew
PENDING_S = 15 * 60  # from the password to the code
_BEGAN, _SEEN, _PROVED = "staff_began", "staff_seen", "staff_proved"
_PENDING = "staff_pending"


def begin(proved_at: int | None = None) -> None:
    """Note a sign-in that is complete. `proved_at`: when the person proved who they are, in seconds
    since 1970, where that was not just now."""
    session[_BEGAN] = session[_SEEN] = now = _now()
    session[_PROVED] = now if proved_at is None else min(now, proved_at)


def confirm() -> None:
    """Note that the person has proved anew who they are."""
    session[_PROVED] = _now()


def is_over() -> bool:
    """Whether this sign-in is too old, or has not been used for too long."""
    now = _now()
    return bool(now - session.get(_BEGAN, 0) > LIFE_S or now - session.get(_SEEN, 0) > IDLE_S)


def touch() -> None:
    """Note a request."""
    if _now() - session[_SEEN] >= NOTED_EVERY_S:
        session[_SEEN] = _now()


def is_fresh() -> bool:
    return bool(_now() - session.get(_PROVED, 0) <= FRESH_S)


def set_pending(uniquifier: str, wanted: str | None) -> None:
    """Remember whose password was right, and where they wanted to go, until the code comes."""
    session[_PENDING] = {"who": uniquifier, "wanted": wanted, "at": _now()}


def pending() -> tuple[str, str | None] | None:
    """Whose password was right, and where they wanted to go; None for nobody, or too long ago."""
    found = session.get(_PENDING)
    if not isinstance(found, dict) or _now() - found["at"] > PENDING_S:
        return None
    return found["who"], found["wanted"]


def _now() -> int:
    return int(utcnow().timestamp())
