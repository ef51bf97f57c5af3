"""Bytes of all that is no delivery: people, articles, answers, items of digests; rings in Redis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis
from sqlalchemy import insert, text

from service.db import Base, utcnow
from service.models import (
    Article,
    Consent,
    DeliveryAnswer,
    Destination,
    DigestItem,
    Notification,
    Revision,
    Story,
    Subscriber,
    Subscription,
    TopicLabel,
)
from service.runtime import Runtime
from service.tasks import Priority, Queue, Task
from tests.bench.ledger.scene import Scene
from tests.bench.scale.figure import Figure

COUNT, ARTICLES, RINGS = 20_000, 400, 2_000
FROM = 10_000_000  # ids, above all that the scene has
TEXT = "Büyükşehir Belediyesi iklim eylem planını kabul etti; körfez için yeni dönem başlıyor. "
BODY = TEXT * 36  # 3,000 characters, in words that do not compress to nothing: numbers follow
SIZE = text("SELECT pg_total_relation_size(CAST(:table AS text)::regclass)")
PARTED = text("""
    SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)
    FROM pg_inherits WHERE inhparent = CAST(:table AS text)::regclass
""")


def measure(scene: Scene) -> Iterator[Figure]:
    """Each kind of row, written by the thousands; what its table and indexes grew by."""
    now, numbers = utcnow(), range(FROM, FROM + COUNT)
    people = [{"id": n, "language": "tr", "created_at": now} for n in numbers]
    addresses = [
        {
            **{"id": n, "subscriber_id": n, "kind": "email", "lane": "gmail", "language": "tr"},
            **{"address": f"okur.adi.{n}@gmail.example", "address_hash": f"{n * 7919:064x}"},
            **{"verified_at": now, "created_at": now},
        }
        for n in numbers
    ]
    wishes = [
        {"id": n, "destination_id": n, "topic_id": 1, "frequency": "instant", "created_at": now}
        for n in numbers
    ]
    consents = [
        {
            **{"id": n, "address_hash": f"{n * 7919:064x}", "act": "confirmed", "language": "tr"},
            **{
                "text_hash": f"{1:064x}",
                "channel": "email",
                "how": "web",
                "at": now,
                "origin": "https://haber.example.org/abone",
            },
            "choices": [{"topic": "iklim-cevre", "place": None, "frequency": "instant"}],
        }
        for n in numbers
    ]
    answers = [
        {
            **{"id": n, "notification_id": 1, "destination_id": n, "state": 2, "code": "4.2.2"},
            **{"detail": "452 4.2.2 The mailbox is over its quota; try again later", "at": now},
        }
        for n in numbers
    ]
    items = [
        {"notification_id": 1, "destination_id": n, "article_id": 1, "revision_id": 1}
        for n in numbers
    ]
    for name, model, made in (
        ("subscriber", Subscriber, people),
        ("destination", Destination, addresses),
        ("subscription", Subscription, wishes),
        ("consent", Consent, consents),
        ("answer", DeliveryAnswer, answers),
        ("digest_item", DigestItem, items),
    ):
        yield Figure(f"{name}_bytes", round(_grown(scene.runtime, {model: made}), 1), "bytes")
    grown = _grown(scene.runtime, _articles())
    yield Figure("article_bytes", round(grown, 1), "bytes")


def _articles() -> Mapping[type[Base], Sequence[Mapping[str, Any]]]:
    now, numbers = utcnow(), range(FROM, FROM + ARTICLES)
    common = {"created_at": now}
    return {
        Story: [{"id": n, **common} for n in numbers],
        Article: [
            {
                **{"id": n, "source_id": 1, "external_id": f"haber-{n}", "state": "published"},
                **{"story_id": n, "published_at": now, **common},
            }
            for n in numbers
        ],
        Revision: [
            {
                **{"id": n, "article_id": n, "content_hash": f"{n:064}", "state": "classified"},
                **{"url": f"https://www.example.bel.tr/haber/{n}", "title": TEXT[:70]},
                **{"summary": TEXT, "body_html": f"<p>{_unlike(n)}</p>", "body_text": _unlike(n)},
                **common,
            }
            for n in numbers
        ],
        TopicLabel: [
            {"revision_id": n, "topic_id": t, "origin": "terms", "state": "published", "score": 0.9}
            for n in numbers
            for t in (1, 2)
        ],
        Notification: [
            {
                **{"id": n, "kind": "new", "state": "cancelled", "article_id": n},
                **{"release_at": now, **common},
            }
            for n in numbers
        ],
    }


def _unlike(number: int) -> str:
    """A body that compresses as text does, and not as a repetition."""
    words = TEXT.split()
    return " ".join(
        f"{words[(number * k) % len(words)]}{(number * k) % 977}" for k in range(1, 400)
    )


def _grown(runtime: Runtime, made: Mapping[type[Base], Sequence[Mapping[str, Any]]]) -> float:
    """Bytes for each row of the first of these tables; the others belong to it."""
    before = sum(_size(runtime, model) for model in made)
    for model, found in made.items():
        with runtime.db.write() as session:
            session.execute(insert(model.__table__), list(found))  # type: ignore[arg-type]
    return (sum(_size(runtime, model) for model in made) - before) / len(next(iter(made.values())))


def _size(runtime: Runtime, model: type[Base]) -> int:
    table = {"table": model.__tablename__}
    with runtime.db.read() as session:
        parts = session.execute(PARTED, table).scalar_one()
        return int(parts or session.execute(SIZE, table).scalar_one())


def rings(runtime: Runtime) -> Iterator[Figure]:
    """Memory of Redis: empty, and for each batch that is rung for."""
    with redis.Redis.from_url(runtime.settings.redis_url.get_secret_value()) as connection:
        connection.flushall()
        before = connection.info("memory")["used_memory"]
        for number in range(RINGS):
            rung = [FROM + number]
            assert runtime.doorbell.ring_once(Task.EMAIL_BATCH, rung, Queue.EMAIL, Priority.BULK)
        after = connection.info("memory")["used_memory"]
        connection.flushall()
    yield Figure("redis_base_bytes", before, "bytes")
    yield Figure("ring_bytes", round((after - before) / RINGS, 1), "bytes")
