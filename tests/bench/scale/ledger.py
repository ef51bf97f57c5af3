"""What a delivery costs the ledger on PostgreSQL: bytes as they stay, and processor time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from sqlalchemy import text

from service.runtime import Runtime
from tests.bench.ledger.cost import NoSender, batches
from tests.bench.ledger.scene import Scene
from tests.bench.scale.figure import Figure, spent
from workers.deliver import deliver_batch
from workers.plan import plan_notification

ROUNDS = 4
PARTS = text("""
    SELECT coalesce(sum(pg_table_size(inhrelid)), 0), coalesce(sum(pg_indexes_size(inhrelid)), 0)
    FROM pg_inherits WHERE inhparent = 'delivery'::regclass
""")
TOTAL = "SELECT pg_total_relation_size('{}')"
WRITTEN = text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")


@dataclass(frozen=True)
class Sizes:
    """Bytes of a ledger: of deliveries, of their indexes, of batches, of the log written for it."""

    table: int
    indexes: int
    batches: int
    log: int

    @classmethod
    def of(cls, runtime: Runtime) -> Sizes:
        with runtime.db.read() as session:
            table, indexes = session.execute(PARTS).one()
            whole = session.execute(text(TOTAL.format("batch"))).scalar_one()
            return cls(int(table), int(indexes), whole, int(session.execute(WRITTEN).scalar_one()))


def measure(scene: Scene, readers: int) -> Iterator[Figure]:
    """Several articles, planned and settled one after the other, and vacuumed between them: what
    settling leaves behind is used again by the next, as it is in a long run.

    The first round pays for the empty table; bytes are those that the others added.
    """
    runtime = scene.runtime
    scene.clear()
    planning, settling, sizes = [], [], []
    for _ in range(ROUNDS):
        notification = scene.news(readers)
        planning.append(spent(runtime, lambda n=notification: plan_notification(runtime, n)))
        settling.append(spent(runtime, lambda: deliver_all(runtime)))
        scene.tidy()
        sizes.append(Sizes.of(runtime))
    count = readers * (ROUNDS - 1)
    first, last = sizes[0], sizes[-1]
    yield Figure("delivery_table_bytes", round((last.table - first.table) / count, 1), "bytes")
    yield Figure("delivery_index_bytes", round((last.indexes - first.indexes) / count, 1), "bytes")
    yield Figure("batch_bytes", round((last.batches - first.batches) / count, 2), "bytes")
    yield Figure("delivery_log_bytes", round((last.log - first.log) / count, 1), "bytes")
    for name, of in (("plan", planning), ("settle", settling)):
        # The median round: the server's own chores fall into one or another.
        ours, database = (median(getattr(one, who) for one in of) for who in ("ours", "database"))
        yield Figure(f"{name}_cpu_us", round(ours / readers * 1e6, 2), "µs")
        if name == "settle":  # planning has a bench of its own, with a million readers
            yield Figure(f"{name}_database_us", round(database / readers * 1e6, 2), "µs")


def deliver_all(runtime: Runtime) -> None:
    for batch in list(batches(runtime)):
        deliver_batch(runtime, batch, NoSender)
