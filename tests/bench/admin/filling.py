"""A city of a million readers, put into PostgreSQL by statements over sets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import JSON, Boolean, Date, LargeBinary, Numeric, String, text
from sqlalchemy import Integer as AnyInteger
from sqlalchemy.orm import Session

from service.db import Base, Database, Moment

PER_ARTICLE = 190  # deliveries of most articles; one goes to everybody
DAYS = 365
LANES = "(ARRAY['gmail','gmail','gmail','microsoft','yahoo','other'])[1 + g % 6]"
AT = f"now() - interval '{DAYS} days' + g * interval '{DAYS} days' / :articles"
STATE = "CASE WHEN d % 100 = 0 THEN 3 WHEN d % 100 = 1 THEN 5 WHEN d % 1000 = 2 THEN 4 ELSE 1 END"
COUNTS = ("queued", "sent", "deferred", "rejected", "unknown", "suppressed", "cancelled")


def fill(db: Database, readers: int, articles: int, say: Callable[[str], None]) -> None:
    """Fill a migrated database that has topics, districts and at most a few rows of the rest."""
    values = {"readers": readers, "articles": articles, "all": articles + 1}
    for what, table, source, columns in _rows():
        begun = time.monotonic()
        with _bare(db, table), db.write() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            statement = _insert(table, source, columns)
            for name, number in values.items():  # a bound one has no type in generate_series
                statement = statement.replace(f" :{name}", f" {number}").replace(
                    f"(:{name}", f"({number}"
                )
            session.execute(text(statement))
        say(f"{what}: {time.monotonic() - begun:.0f} s")
    _tally(db, say)
    with db.write() as session:
        for table in Base.metadata.sorted_tables:
            if "id" in table.columns and table.columns["id"].autoincrement is not False:
                _continue_numbers(session, table.name)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _rows() -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """What, table, the rows it comes from, and the columns that are not as usual."""
    of_readers, of_articles = "generate_series(1, :readers) g", "generate_series(1, :all) g"
    yield "people", "subscriber", of_readers, {"id": "g", "language": "'tr'"}
    yield (
        "addresses",
        "destination",
        of_readers,
        {
            "id": "g",
            "kind": "CASE WHEN g % 20 = 0 THEN 'chat' ELSE 'email' END",
            "subscriber_id": "g",
            "address": "'okur' || g || '@example.com'",
            "address_hash": "md5(g::text) || md5(g::text)",
            "lane": LANES,
            "language": "'tr'",
            "verified_at": f"now() - (g % {DAYS}) * interval '1 day'",
        },
    )
    for number, topic in ((1, "1 + g % 20"), (2, "1 + (g * 7 + 3) % 20")):
        yield (
            f"subscriptions {number}",
            "subscription",
            of_readers,
            {
                "id": f"(g - 1) * 2 + {number}",
                "destination_id": "g",
                "topic_id": topic,
                "place_id": "CASE WHEN g % 3 = 0 THEN 1 + g % 30 END",
                "frequency": "CASE WHEN g % 4 = 0 THEN 'daily' ELSE 'instant' END",
                "ended_at": "CASE WHEN g % 10 = 0 THEN now() - (g % 300) * interval '1 day' END",
            },
        )
    yield (
        "consents",
        "consent",
        of_readers,
        {
            "id": "g",
            "address_hash": "md5(g::text) || md5(g::text)",
            "act": "'confirmed'",
            "language": "'tr'",
            "channel": "'email'",
        },
    )
    yield "source", "source", "generate_series(1, 1) g", {"id": "g", "slug": "'izmir'"}
    yield "stories", "story", of_articles, {"id": "g"}
    yield (
        "articles",
        "article",
        of_articles,
        {
            "id": "g",
            "source_id": "1",
            "external_id": "g::text",
            "state": "'published'",
            "story_id": "g",
            "revision_id": "g",
            "shown_revision_id": "g",
            "published_at": AT,
            "created_at": AT,
            "feed_seq": "g",
        },
    )
    yield (
        "revisions",
        "revision",
        of_articles,
        {
            "id": "g",
            "article_id": "g",
            "content_hash": "md5(g::text)",
            "state": "'classified'",
            "url": "'https://www.example.bel.tr/haber/' || g",
            "title": "'Haber ' || g",
            "body_text": "repeat('Gövde metni. ', 40)",
            "created_at": AT,
            "classified_at": AT,
        },
    )
    yield (
        "topics of articles",
        "topic_label",
        of_articles,
        {
            "revision_id": "g",
            "topic_id": "1 + g % 20",
            "state": "CASE WHEN g % 50 = 0 THEN 'review' ELSE 'published' END",
            "origin": "'classifier'",
            "score": "0.8",
            "decided_at": AT,
        },
    )
    yield (
        "districts of articles",
        "place_label",
        of_articles,
        {
            "revision_id": "g",
            "place_id": "1 + g % 30",
            "origin": "'classifier'",
        },
    )
    yield (
        "notifications",
        "notification",
        of_articles,
        {
            "id": "g",
            "kind": "'new'",
            "state": "'done'",
            "article_id": "g",
            "revision_id": "g",
            "release_at": AT,
            "created_at": AT,
            "released_at": AT,
            "planned_at": AT,
            "done_at": f"{AT} + interval '10 minutes'",
            "tallied_end": f"{AT} + interval '10 minutes'",
            "planned": f"CASE WHEN g = :all THEN :readers ELSE {PER_ARTICLE} END",
        },
    )
    yield (
        "batches",
        "batch",
        of_articles,
        {
            "id": "g",
            "notification_id": "g",
            "kind": "'email'",
            "lane": LANES,
            "queue": "'email'",
            "state": "2",
        },
    )
    sent = {
        "state": STATE,
        "batch_id": "g",
        "subscription_id": "d",
        "revision_id": "g",
        "attempts": "1",
        "settled_at": f"{AT} + (30 + d % 900) * interval '1 second'",
    }
    yield (
        "deliveries",
        "delivery",
        (f"generate_series(1, :articles) g, generate_series(1, {PER_ARTICLE}) d"),
        {"notification_id": "g", "destination_id": "1 + (g * 17 + d * 41) % :readers", **sent},
    )
    yield (
        "deliveries of the one to all",
        "delivery",
        ("generate_series(:all, :all) g, generate_series(1, :readers) d"),
        {"notification_id": "g", "destination_id": "d", **sent},
    )
    yield (
        "what readers doubt",
        "wrong_topic",
        of_articles,
        {
            "revision_id": "g",
            "topic_id": "1 + g % 20",
            "kind": "'wrong'",
            "count": "CASE WHEN g % 100 = 0 THEN 3 ELSE 1 END",
        },
    )
    yield (
        "articles in summaries",
        "digest_article",
        of_articles,
        {"notification_id": "g", "article_id": "g"},
    )
    yield (
        "answers",
        "delivery_answer",
        "generate_series(1, :articles * 2) g",
        {
            "id": "g",
            "notification_id": "1 + g % :articles",
            "destination_id": "1 + g % :readers",
            "state": "3",
            "code": "'550'",
            "detail": "'no such user'",
        },
    )
    yield (
        "bounces",
        "bounce",
        "generate_series(1, :articles) g",
        {
            "id": "g",
            "notification_id": "g",
            "destination_id": "1 + g % :readers",
            "verdict": "'hard'",
            "lane": LANES,
            "domain": "'alan' || g % 500 || '.example'",
            "at": AT,
        },
    )
    yield (
        "suppressions",
        "suppression",
        "generate_series(1, :articles / 2) g",
        {
            "address_hash": "md5(g::text) || md5(g::text)",
            "reason": "'hard bounce'",
        },
    )
    yield (
        "events",
        "inbox",
        of_articles,
        {
            "id": "g",
            "source_id": "1",
            "delivery_key": "'msg_' || g",
            "body_hash": "md5(g::text)",
            "received_at": AT,
            "verdict": "'accepted'",
            "article_id": "g",
        },
    )
    yield (
        "acts",
        "audit",
        of_articles,
        {
            "id": "g",
            "act": "'article.hold'",
            "object_id": "g",
            "at": AT,
            "via": "'page'",
            "detail": "'{}'",
        },
    )
    buckets = {"delay_day": 40, "tally_day": 7}
    for table, extra in (("delay_day", {"bucket": "k"}), ("tally_day", {"state": "k % 7"})):
        yield (
            f"days of {table}",
            table,
            (
                f"generate_series(0, {DAYS}) g, generate_series(1, {buckets[table]})"
                " k, unnest(ARRAY['gmail', 'microsoft', 'yahoo', 'other']) l"
            ),
            {
                "day": "current_date - g",
                "lane": "l",
                "destination_kind": "'email'",
                "kind": "'new'",
                "count": "1000",
                **extra,
            },
        )
    yield (
        "days of readers",
        "reader_day",
        (f"generate_series(0, {DAYS}) g, unnest(ARRAY['readers', 'joined', 'left']) f"),
        {"day": "current_date - g", "figure": "f", "key": "''", "count": "g"},
    )
    for figure, most in (("topic", 20), ("place", 30)):
        yield (
            f"readers by {figure}",
            "reader_day",
            (f"generate_series(0, {DAYS}) g, generate_series(1, {most}) k"),
            {"day": "current_date - g", "figure": f"'{figure}'", "key": "k::text", "count": "k"},
        )
    yield (
        "days of bounces",
        "bounce_day",
        (f"generate_series(0, {DAYS}) g, generate_series(1, 50) k"),
        {
            "day": "current_date - g",
            "domain": "'alan' || k || '.example'",
            "verdict": "'hard'",
            "count": "10",
        },
    )


def _insert(name: str, source: str, columns: dict[str, str]) -> str:
    """What is not named, and may not be null, gets the nothing of its type."""
    table = Base.metadata.tables[name]
    given = {one: sql for one, sql in columns.items() if one in table.columns}
    for column in table.columns:
        if not column.nullable and column.name not in given:
            given[column.name] = _nothing(column.type)
            if isinstance(column.type, JSON) and column.default is not None:
                given[column.name] = f"'{json.dumps(column.default.arg(None))}'"  # type: ignore[attr-defined]
    return (
        f"INSERT INTO {name} ({', '.join(given)}) SELECT {', '.join(given.values())} FROM {source}"
        " ON CONFLICT DO NOTHING"  # with what was there
    )


def _nothing(kind: object) -> str:
    for types, sql in (
        ((JSON,), "'[]'"),
        ((Boolean,), "false"),
        ((Moment,), "now()"),
        ((Date,), "current_date"),
        ((AnyInteger, Numeric), "0"),
        ((LargeBinary,), "''::bytea"),
        ((String,), "''"),
    ):
        if isinstance(kind, types):
            return sql
    raise ValueError(f"no nothing of {kind}")


@contextmanager
def _bare(db: Database, table: str) -> Iterator[None]:
    """A table without the indexes that only slow its filling down, which come back after it."""
    if table != "delivery":
        yield
        return
    with db.write() as session:
        found = session.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes"
                " WHERE tablename = 'delivery' AND indexname LIKE 'ix_%'"
            )
        ).all()
        for name, _ in found:
            session.execute(text(f"DROP INDEX {name}"))
    yield
    with db.write() as session:
        session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        for _, definition in found:
            session.execute(text(definition.replace(" ON ONLY ", " ON ")))


def _tally(db: Database, say: Callable[[str], None]) -> None:
    """The tallies that the chore would have made in the meantime."""
    begun = time.monotonic()
    sums = ", ".join(f"count(*) FILTER (WHERE state = {n})" for n in range(len(COUNTS)))
    with db.write() as session:
        session.execute(
            text(f"""
                INSERT INTO tally (notification_id, counted_at, day, cells, {", ".join(COUNTS)})
                SELECT notification_id, now(), current_date, '[]', {sums}
                FROM delivery GROUP BY notification_id""")
        )
    say(f"tallies: {time.monotonic() - begun:.0f} s")


def _continue_numbers(session: Session, table: str) -> None:
    sequence = session.scalar(text(f"SELECT pg_get_serial_sequence('{table}', 'id')"))
    if sequence:
        session.execute(
            text(f"SELECT setval('{sequence}', (SELECT coalesce(max(id), 0) + 1 FROM {table}))")
        )
