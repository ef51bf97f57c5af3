"""What `tellal capacity` predicts of the ledger, beside a ledger of PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text, update

from service.capacity.costs import Costs
from service.capacity.load import Load
from service.capacity.plan import PARTITION_DAYS, Means, plan
from service.db import utcnow
from service.models import Delivery, DeliveryState, Destination, Subscription
from workers.plan import plan_notification

READERS, ARTICLES = 12_000, 4
TOLERANCE = 0.15  # of the bytes; settling leaves more or fewer dead rows behind
STEP = 200  # deliveries that one commit settles, as workers do
PARTS = text("""
    SELECT sum(pg_table_size(inhrelid) + pg_indexes_size(inhrelid)),
        pg_total_relation_size('batch')
    FROM pg_inherits WHERE inhparent = 'delivery'::regclass
""")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_bytes_of_a_real_ledger_are_those_that_were_predicted(town, runtime, say):
    """Rows exactly, and bytes within the tolerance, of what several articles add."""
    _readers(runtime, town.topic())
    added = []
    for _ in range(ARTICLES):
        notification = town.notification(town.article())
        plan_notification(runtime, notification)
        _settle(runtime, notification)
        _vacuum(runtime)
        with runtime.db.read() as session:
            added.append(sum(map(int, session.execute(PARTS).one())))
    assert len(town.all(Delivery)) == READERS * ARTICLES
    real = added[-1] - added[0]

    load = Load(
        subscribers=READERS, articles=ARTICLES - 1, mail=1, chat=0, topics=1, topics_each=1,
        topics_of_article=1, digest=0, failing=0, retention_days=7,
    )  # fmt: skip
    found = plan(load, Means(), Costs.measured())
    predicted = found.ledger_bytes / (7 + PARTITION_DAYS)
    say(f"capacity: {found.deliveries_day:,.0f} deliveries, {predicted:,.0f} bytes predicted, "
        f"{real:,} found ({predicted / real - 1:+.1%})")  # fmt: skip
    assert found.deliveries_day == READERS * (ARTICLES - 1)
    assert predicted == pytest.approx(real, rel=TOLERANCE)


def _readers(runtime, topic: int) -> None:
    now, numbers = utcnow(), range(1, READERS + 1)
    with runtime.db.write() as session:
        session.execute(
            insert(Destination),
            [
                {
                    **{"id": n, "kind": "email", "address": f"c{n}@example.org", "lane": "gmail"},
                    **{"address_hash": f"{n:064}", "verified_at": now},
                }
                for n in numbers
            ],
        )
        session.execute(
            insert(Subscription),
            [{"destination_id": n, "topic_id": topic, "frequency": "instant"} for n in numbers],
        )


def _settle(runtime, notification: int) -> None:
    """As the batches of a worker do, a few at a time."""
    for first in range(1, READERS + 1, STEP):
        with runtime.db.write() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.notification_id == notification)
                .where(Delivery.destination_id.between(first, first + STEP - 1))
                .values(
                    state=DeliveryState.SENT, attempts=1, settled_at=utcnow(), revision_id=1
                )
            )  # fmt: skip


def _vacuum(runtime) -> None:
    with runtime.db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM"))
