"""How pages name colleagues: by the part of their address before the @, which tells who it is."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Staff


def names_of(session: Session, staff_ids: Iterable[int | None]) -> dict[int, str]:
    """The names of these of the staff, by id."""
    wanted = {one for one in staff_ids if one is not None}
    if not wanted:
        return {}
    found = session.execute(select(Staff.id, Staff.email).where(Staff.id.in_(wanted)))
    return {staff_id: email.partition("@")[0] for staff_id, email in found}
