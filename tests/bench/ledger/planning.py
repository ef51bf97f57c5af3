"""Planning against a bare insert of the same rows from a table that holds them already.

Both write the same deliveries, into the same table with the same indexes, in turns. The bare one is
a single statement and a single commit; planning matches them, cuts the batches and rings for them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from sqlalchemy import text

from tests.bench.ledger.scene import Scene
from workers.plan import plan_notification

ROUNDS = 3
KEEP = text("""
    CREATE TABLE matched AS SELECT destination_id, batch_id, subscription_id
    FROM delivery ORDER BY destination_id
""")
BARE = text("""
    INSERT INTO delivery
        (notification_id, destination_id, state, batch_id, subscription_id, attempts)
    SELECT :notification, destination_id, 0, batch_id, subscription_id, 0 FROM matched
""")


def measure(scene: Scene, size: int, say: Callable[[str], None]) -> float:
    """The median of bare / planned: 1.0 means that planning costs no more than copying the rows."""
    scene.clear()
    plan_notification(scene.runtime, scene.news(size))
    with scene.runtime.db.write() as session:
        session.execute(KEEP)
    scene.tidy()
    ratios = []
    for _ in range(ROUNDS):
        bare_s, planned_s = (_timed(scene, size, run) for run in (_bare, _plan))
        ratios.append(bare_s / planned_s)
        say(f"{scene.name:11} {size:9,} {bare_s:8.2f} {planned_s:8.2f} {ratios[-1]:7.2f}")
    with scene.runtime.db.write() as session:
        session.execute(text("DROP TABLE matched"))
    return statistics.median(ratios)


def _bare(scene: Scene, notification_id: int) -> None:
    with scene.runtime.db.write() as session:
        session.execute(BARE, {"notification": notification_id})


def _plan(scene: Scene, notification_id: int) -> None:
    plan_notification(scene.runtime, notification_id)


def _timed(scene: Scene, size: int, run: Callable[[Scene, int], None]) -> float:
    scene.clear()
    notification_id = scene.news(size)
    started = time.perf_counter()
    run(scene, notification_id)
    seconds = time.perf_counter() - started
    with scene.runtime.db.read() as session:
        rows = session.execute(text("SELECT count(*) FROM delivery")).scalar_one()
    assert rows == size, f"{rows} rows instead of {size}"
    return seconds
