"""The link by which somebody new, or somebody who forgot it, chooses a password.

It names account, end and session mark, signed; it ends when it is used, because a new password
changes that mark. An administrator hands it over: no secret is mailed.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import rows
from service.models import Staff

LIFE = timedelta(hours=72)
PURPOSE = "staff-first"
_PARTS = 3


def make(vault: Vault, staff: Staff, now: datetime) -> str:
    """The token of a link; an earlier link of the account ends where its mark was renewed."""
    return vault.token(PURPOSE, staff.id, int((now + LIFE).timestamp()), _mark(staff))


def owner(session: Session, vault: Vault, token: str, now: datetime) -> Staff | None:
    """Whose link this is; None where it is not ours, over, or used."""
    found = vault.numbers(PURPOSE, token, _PARTS)
    if found is None or found[1] < now.timestamp():
        return None
    staff = session.scalar(select(Staff).where(Staff.id == found[0], Staff.active.is_(True)))
    return staff if staff is not None and _mark(staff) == found[2] else None


def use(
    session: Session, vault: Vault, token: str, password_hash: str, now: datetime
) -> Staff | None:
    """Set the password and end the link and all sessions; None where it had ended already."""
    staff = owner(session, vault, token, now)
    if staff is None:
        return None
    change = update(Staff).where(
        Staff.id == staff.id, Staff.fs_uniquifier == staff.fs_uniquifier, Staff.active.is_(True)
    )
    values = {"password": password_hash, "fs_uniquifier": secrets.token_hex(32)}
    return staff if rows(session, change.values(**values)) else None


def _mark(staff: Staff) -> int:
    return int.from_bytes(hashlib.sha256(staff.fs_uniquifier.encode()).digest()[:8], "big")
