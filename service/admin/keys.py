"""API keys: the rules under the page, the API and the command line."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.admin.powers import Power
from service.crypto import Vault
from service.db import rows
from service.models import ApiKey, Staff
from service.subscriptions.chat_urls import N_

PURPOSE = "api-key"
PREFIX = "tlk_"
KEY_BYTES = 32  # 256 bits
SHOWN = 12  # letters by which a key is known afterwards
MAX_DAYS = 365
MAX_NAME = 100
MOST_LIVE = 50  # of one person


class RefusedKey(ValueError):
    """A key cannot be made; the text is one sentence with `%(name)s` marks, the field what to
    mend."""

    def __init__(self, text: str, field: str, **values: str) -> None:
        super().__init__(text % values)
        self.text, self.field, self.values = text, field, values


def make(
    session: Session,
    vault: Vault,
    staff: Staff,
    *,
    name: str,
    powers: Collection[str],
    days: int,
    ceiling: frozenset[Power],
    now: datetime,
    latest: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key of somebody; returns its row, and the key itself, which nobody sees again.

    Args:
        session: of the caller's transaction, which notes the act.
        vault: keeps the key's hash.
        staff: whose key.
        name: what it is for.
        powers: some of the ceiling.
        days: until it expires, at most a year.
        ceiling: what the one who asks may do; a key that makes a key hands on no more.
        now: the present.
        latest: when the key that asks expires; this one ends then at the latest.

    Raises:
        RefusedKey: no name, no power or one beyond the ceiling, too long a life, or too many keys.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise RefusedKey(N_("Give the key a name of at most 100 characters"), "name")
    if not powers or not set(powers) <= {one.value for one in ceiling}:
        raise RefusedKey(N_("Choose one or more of your own powers"), "powers")
    if not 1 <= days <= MAX_DAYS:
        raise RefusedKey(N_("Choose an end between tomorrow and a year from now"), "days")
    expires = min(now + timedelta(days=days), latest or datetime.max.replace(tzinfo=UTC))
    session.refresh(staff, with_for_update=True)  # so that two at once count each other
    if len(_live_ids(session, staff.id, now)) >= MOST_LIVE:
        raise RefusedKey(N_("You have 50 keys: revoke one first"), "name")
    secret = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    key = ApiKey(
        staff_id=staff.id,
        name=name,
        prefix=secret[:SHOWN],
        key_hash=vault.keyed_hash(PURPOSE, secret),
        powers=sorted(set(powers)),
        created_at=now,
        expires_at=expires,
    )
    session.add(key)
    session.flush()
    return key, secret


def revoke(session: Session, key_id: int, now: datetime) -> bool:
    """End a key for good; False where it was revoked already."""
    live = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
    return bool(rows(session, live.values(revoked_at=now)))


def _live_ids(session: Session, staff_id: int, now: datetime) -> list[int]:
    query = select(ApiKey.id).where(ApiKey.staff_id == staff_id, ApiKey.revoked_at.is_(None))
    return list(session.scalars(query.where(ApiKey.expires_at > now).limit(MOST_LIVE)))
