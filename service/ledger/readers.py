"""The readers of one notification by outcome, page by page, along the ledger's primary key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from service.models import Delivery, DeliveryAnswer, DeliveryState

PAGE_SIZE = 50
LOOK = 10_000  # deliveries that one page looks at: the rejected may be few among a million


@dataclass(frozen=True)
class Reader:
    """A destination by its number alone, what became of it, and the last answer where there is
    one."""

    delivery: Delivery
    code: str | None
    detail: str | None


@dataclass(frozen=True)
class ReaderPage:
    """`next`: the destination after which the next page begins; null at the end."""

    readers: list[Reader]
    next: int | None


def readers_page(
    session: Session, notification_id: int, state: DeliveryState | None, after: int
) -> ReaderPage:
    """The next readers after a destination, of one outcome or of all; a page may be short, or
    empty, where it looked at its share and found few."""
    own = select(Delivery).where(Delivery.notification_id == notification_id)
    own = own.where(Delivery.destination_id > after).order_by(Delivery.destination_id)
    look = own.limit(LOOK).subquery()
    row = aliased(Delivery, look)
    query = select(row)
    if state is not None:
        query = query.where(row.state == state)
    found = session.scalars(query.order_by(row.destination_id).limit(PAGE_SIZE + 1)).all()
    if len(found) > PAGE_SIZE:
        following: int | None = found[PAGE_SIZE - 1].destination_id
    else:
        last, many = session.execute(
            select(func.max(look.c.destination_id), func.count()).select_from(look)
        ).one()
        following = last if many == LOOK else None
    shown = found[:PAGE_SIZE]
    answers = _answers(session, notification_id, shown)
    return ReaderPage(
        [Reader(one, *answers.get(one.destination_id, (None, None))) for one in shown], following
    )


def _answers(
    session: Session, notification_id: int, shown: Sequence[Delivery]
) -> dict[int, tuple[str, str]]:
    """The last answer of each, on `ix_delivery_answer_pair`."""
    rows = session.execute(
        select(DeliveryAnswer.destination_id, DeliveryAnswer.code, DeliveryAnswer.detail)
        .where(
            and_(
                DeliveryAnswer.notification_id == notification_id,
                DeliveryAnswer.destination_id.in_([one.destination_id for one in shown]),
            )
        )
        .order_by(DeliveryAnswer.id)
    )
    return {row.destination_id: (row.code, row.detail) for row in rows}
