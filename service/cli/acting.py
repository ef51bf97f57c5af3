"""Who acts: every change by hand is made under a name of the staff and noted in the log of acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.admin.article_acts import Doer

# Of an article or a model; what is larger, no column of either database holds.
NUMBER = click.IntRange(1, 2**63 - 1)
STAFF = click.option("--staff", required=True, help="Your email address, for the log of acts.")


@contextmanager
def acting(
    staff: str, act: str, object_id: int | None, *, subject: str = "", **detail: Any
) -> Iterator[Session]:
    """One transaction with its line in the log of acts; a Refusal leaves neither.

    Raises:
        Refusal: nobody of the staff has this address.
    """
    from service import acts

    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        acts.record(session, runtime.vault, actor, act, object_id, subject=subject, **detail)
        yield session


@contextmanager
def doing(staff: str) -> Iterator[Doer]:
    """Who acts, for a rule that owns its transaction and its line in the log; what it refuses is
    said in its sentence."""
    from service.admin.article_acts import Doer
    from service.ledger.refused import Refused

    with opened_runtime() as runtime:
        with runtime.db.read() as session:
            actor = actor_named(session, staff)
        try:
            yield Doer(runtime, actor)
        except Refused as error:
            raise Refusal(str(error)) from error


def actor_named(session: Session, staff: str) -> Actor:
    """Who this address is.

    Raises:
        Refusal: nobody of the staff has it.
    """
    from sqlalchemy import select

    from service.acts import Actor
    from service.models import Staff, Via

    who = session.scalar(select(Staff.id).where(Staff.email == staff, Staff.active.is_(True)))
    if who is None:
        raise Refusal(f"{staff!r} is nobody of the staff; see `tellal staff add`")
    return Actor(who, Via.CLI)
