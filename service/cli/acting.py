"""Who acts: every change by hand is made under a name of the staff and noted in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# Of an article or a model; what is larger, no column of either database holds.
NUMBER = click.IntRange(1, 2**63 - 1)
STAFF = click.option("--staff", required=True, help="Your email address, for the audit log.")


@contextmanager
def acting(staff: str, act: str, object_id: int | None, **detail: Any) -> Iterator[Session]:
    """One transaction with its line in the audit log; a Refusal leaves neither.

    Raises:
        Refusal: nobody of the staff has this address.
    """
    from sqlalchemy import select

    from service.models import AuditEntry, Staff

    with opened_runtime() as runtime, runtime.db.write() as session:
        who = session.scalar(select(Staff.id).where(Staff.email == staff, Staff.active.is_(True)))
        if who is None:
            raise Refusal(f"{staff!r} is nobody of the staff; see `tellal staff add`")
        session.add(AuditEntry(staff_id=who, act=act, object_id=object_id, detail=detail))
        yield session
