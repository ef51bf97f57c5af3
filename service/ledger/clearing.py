"""Clearing: the rows of archived notifications go in steps, each a short transaction.

The first run after years must not hold a lock for minutes, nor keep SQLite's one writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Delete, bindparam, delete, select, text, update

from service.db import Database, rows
from service.models import Batch, Bounce, Delivery, DeliveryAnswer, DigestArticle, Notification

STEP = 2_000  # rows a transaction

# A walk along the primary key, from where the step before ended.
NEXT_RANGE = text("""
    SELECT max(destination_id) FROM (
        SELECT destination_id FROM delivery
        WHERE notification_id = :notification AND destination_id > :lower
        ORDER BY destination_id LIMIT :size) AS next_range
""")
ROWS = text("""
    DELETE FROM delivery
    WHERE notification_id = :notification AND destination_id > :lower AND destination_id <= :upper
""")
ALL_ROWS = text("DELETE FROM delivery WHERE notification_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
# What a reader was told in a digest goes with its delivery, or before.
ITEMS = text("""
    DELETE FROM digest_item
    WHERE notification_id = :notification AND destination_id > :lower AND destination_id <= :upper
""")
ALL_ITEMS = text("DELETE FROM digest_item WHERE notification_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)


def clear(db: Database, group: Sequence[Notification], now: datetime) -> Iterator[int]:
    """Delete deliveries, answers and batches of archived notifications, and mark them as cleared.

    The group is one notification, or several that have no more than `STEP` deliveries together.
    Yields the number of rows after each commit that deleted some. It may be left at any of them:
    another run goes on there.
    """
    ids = [one.id for one in group]
    if len(ids) == 1:
        yield from _clear_ranges(db, ids[0])
    else:
        with db.write() as session:
            session.execute(ALL_ITEMS, {"ids": ids})
            done = rows(session, ALL_ROWS, ids=ids)
        if done:
            yield done
    for model in (DeliveryAnswer, Batch):
        some = select(model.id).where(model.notification_id.in_(ids)).limit(STEP)
        yield from _in_steps(db, delete(model).where(model.id.in_(some)))
    with db.write() as session:
        session.execute(delete(DigestArticle).where(DigestArticle.notification_id.in_(ids)))
        session.execute(
            update(Notification)
            .where(Notification.id.in_(ids), Notification.archived_at.is_not(None))
            .where(~select(Delivery).where(Delivery.notification_id == Notification.id).exists())
            .values(cleared_at=now)
            .execution_options(synchronize_session=False)
        )


def clear_bounces(db: Database) -> Iterator[int]:
    """Delete the bounces of cleared notifications, also those that came after the clearing."""
    some = (
        select(Bounce.id)
        .join(Notification, Notification.id == Bounce.notification_id)
        .where(Notification.cleared_at.is_not(None))
        .limit(STEP)
    )
    yield from _in_steps(db, delete(Bounce).where(Bounce.id.in_(some)))


def _in_steps(db: Database, statement: Delete) -> Iterator[int]:
    """Run a statement that deletes at most `STEP` rows until there are no more."""
    done = STEP
    while done == STEP:
        with db.write() as session:
            done = rows(session, statement.execution_options(synchronize_session=False))
        if done:
            yield done


def _clear_ranges(db: Database, notification_id: int) -> Iterator[int]:
    lower = 0
    while True:
        keys = {"notification": notification_id, "lower": lower}
        with db.write() as session:
            upper = session.execute(NEXT_RANGE, {**keys, "size": STEP}).scalar()
            if upper is None:
                return
            session.execute(ITEMS, {**keys, "upper": upper})
            done = rows(session, ROWS, **keys, upper=upper)
        yield done
        lower = upper
