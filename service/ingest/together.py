"""New articles of several requests, stored by the same statements in one transaction.

Whatever is out of the ordinary (a known name or delivery, a source that was changed) is left to
`storing`. Where both are at work on the same article, constraints decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

import orjson
import psycopg
from sqlalchemy import Connection, bindparam, select, text

from service.db import Database, table_of, utcnow
from service.ingest.article import in_zone
from service.ingest.delivery import Outcome
from service.ingest.fresh import Fresh
from service.ingest.upsert import Stored
from service.models import ArticleState, NotificationKind, NotificationState, Source, Verdict

SOURCE = table_of(Source)
SOURCES = select(SOURCE).where(SOURCE.c.id.in_(bindparam("sources", expanding=True)))
KNOWN = text("""
    SELECT source_id, external_id FROM article
    WHERE source_id IN :sources AND external_id IN :values
    UNION ALL
    SELECT source_id, value FROM article_alias
    WHERE source_id IN :sources AND kind IN ('id', 'guid', 'url') AND value IN :values
    UNION ALL
    SELECT source_id, delivery_key FROM inbox
    WHERE source_id IN :sources AND delivery_key IN :values
""").bindparams(*(bindparam(name, expanding=True) for name in ("sources", "values")))

# Free numbers of a story, an article and a revision. SQLite, whose only writer we are, goes on from
# the highest as it does itself.
NUMBERS_OF_SQLITE = text("""
    SELECT coalesce((SELECT max(id) FROM story), 0), coalesce((SELECT max(id) FROM article), 0),
           coalesce((SELECT max(id) FROM revision), 0)
""")
NUMBERS_OF_POSTGRES = text("""
    SELECT nextval(pg_get_serial_sequence('story', 'id')),
           nextval(pg_get_serial_sequence('article', 'id')),
           nextval(pg_get_serial_sequence('revision', 'id'))
    FROM generate_series(1, :count)
""")

# In an order that fits what refers to what.
INSERTS = tuple(
    text(statement)
    for statement in (
        "INSERT INTO story (id, created_at) VALUES (:story, :now)",
        """
        INSERT INTO article
            (id, source_id, external_id, state, story_id, revision_id, is_urgent, is_commercial,
             published_at, source_updated_at, created_at)
        VALUES
            (:article, :source, :external, :state, :story, :revision, :is_urgent, :is_commercial,
             :published, :updated, :now)
        """,
        """
        INSERT INTO revision
            (id, article_id, content_hash, state, url, title, summary, body_html, body_text,
             language, sections, tags, places, image, classifier, request_id, created_at, rung_at)
        VALUES
            (:revision, :article, :content_hash, :revision_state, :url, :title, :summary,
             :body_html, :body_text, :language, :sections, :tags, :places, :image, '', :request_id,
             :now, :now)
        """,
        """
        INSERT INTO inbox
            (source_id, delivery_key, body_hash, sealed_body, headers, verdict, reason, article_id,
             revision_id, request_id, received_at)
        VALUES
            (:source, :delivery_key, :body_hash, :sealed_body, :headers, :verdict, :reason,
             :article, :revision, :request_id, :now)
        """,
    )
)
INSERT_NAME = text("""
    INSERT INTO article_alias (source_id, kind, value, article_id)
    VALUES (:source, :kind, :value, :article)
""")
INSERT_NOTIFICATION = text("""
    INSERT INTO notification
        (kind, state, article_id, payload, is_urgent, release_at, cursor, planned, request_id,
         created_at, rung_at)
    VALUES
        (:kind, :state, :article, '{}', :is_urgent, :release_at, 0, 0, :request_id, :now, :now)
""")


def store_together(db: Database, items: Sequence[Fresh]) -> list[Outcome | None]:
    """Store those that are new, in one transaction; null for each that is not.

    Raises:
        IntegrityError: somebody else stored one of them in the meantime; nothing is stored.
    """
    with db.write() as session:
        connection = session.connection()
        new = _new(connection, _of_unchanged_sources(connection, items))
        stored = dict(zip(new, _insert(connection, new, db.is_sqlite), strict=True)) if new else {}
    return [stored.get(item) for item in items]


def _of_unchanged_sources(connection: Connection, items: Sequence[Fresh]) -> list[Fresh]:
    """Those whose source still is what proved them."""
    ids = {"sources": list({item.source.id for item in items})}
    found = {row["id"]: row for row in connection.execute(SOURCES, ids).mappings()}
    unchanged = {
        source
        for source in {item.source for item in items}
        if source.id in found
        and all(getattr(source, name) == value for name, value in found[source.id].items())
    }
    return [item for item in items if item.source in unchanged]


def _new(connection: Connection, items: Sequence[Fresh]) -> list[Fresh]:
    """Those that share no name with a stored article or with one before them; sorted, so that two
    processes that insert the same articles wait for each other in one order."""
    values = {
        "sources": list({item.source.id for item in items}),
        "values": list({value for item in items for _, value in item.taken}),
    }
    taken = {(source_id, value) for source_id, value in connection.execute(KNOWN, values)}
    new = []
    for item in items:
        if not item.taken & taken:
            new.append(item)
        taken |= item.taken
    return sorted(new, key=lambda item: (item.source.id, item.article.id))


def _insert(connection: Connection, items: Sequence[Fresh], is_sqlite: bool) -> list[Outcome]:
    now, numbers = utcnow(), _numbers(connection, len(items), is_sqlite)
    rows = [_row(item, ids, now) for item, ids in zip(items, numbers, strict=True)]
    both = list(zip(items, rows, strict=True))
    with _one_trip(connection):
        for statement in INSERTS:
            connection.execute(statement, rows)
        if names := [name for item, row in both for name in _names(item, row)]:
            connection.execute(INSERT_NAME, names)
        if held := [_held(item, row) for item, row in both if item.release_at is not None]:
            connection.execute(INSERT_NOTIFICATION, held)
    return [_outcome(item, row) for item, row in both]


def _one_trip(connection: Connection) -> AbstractContextManager[object]:
    """Statements within it wait for no answer of PostgreSQL before the last of them."""
    raw = connection.connection.driver_connection
    return raw.pipeline() if isinstance(raw, psycopg.Connection) else nullcontext()


def _numbers(connection: Connection, count: int, is_sqlite: bool) -> list[tuple[int, int, int]]:
    """Numbers for so many stories, articles and revisions."""
    if not is_sqlite:
        found = connection.execute(NUMBERS_OF_POSTGRES, {"count": count})
        return [(story, article, revision) for story, article, revision in found]
    story, article, revision = connection.execute(NUMBERS_OF_SQLITE).one()
    return [(story + n, article + n, revision + n) for n in range(1, count + 1)]


def _row(item: Fresh, ids: tuple[int, int, int], now: datetime) -> dict[str, Any]:
    """What the four rows of every article are filled with."""
    incoming, delivery, columns = item.article, item.delivery, item.revision
    story, article, revision = ids
    return {
        **columns,
        **{name: _json(columns[name]) for name in ("sections", "tags", "places", "image")},
        "story": story,
        "article": article,
        "revision": revision,
        "now": now,
        "source": item.source.id,
        "external": incoming.id,
        "state": ArticleState.PUBLISHED.value,
        "revision_state": columns["state"].value,
        "is_urgent": incoming.urgent,
        "is_commercial": incoming.commercial,
        "published": item.published,
        "updated": in_zone(incoming.updated_at, item.source.timezone),
        "delivery_key": delivery.event.delivery_key,
        "body_hash": delivery.body_hash,
        "sealed_body": delivery.sealed_body,
        "headers": _json(dict(delivery.event.headers)),
        "verdict": (Verdict.QUARANTINED if item.is_damaged else Verdict.ACCEPTED).value,
        "reason": "damaged encoding" if item.is_damaged else "",
    }


def _names(item: Fresh, row: dict[str, Any]) -> list[dict[str, Any]]:
    """All names but the id, which the article itself holds."""
    names = sorted(item.names.known - {("id", item.article.id)})
    return [{**_few(row, "source", "article"), "kind": k, "value": v} for k, v in names]


def _held(item: Fresh, row: dict[str, Any]) -> dict[str, Any]:
    """A `new` notification, held."""
    return {
        **_few(row, "article", "is_urgent", "request_id", "now"),
        "kind": NotificationKind.NEW.value,
        "state": NotificationState.HELD.value,
        "release_at": item.release_at,
    }


def _few(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _outcome(item: Fresh, row: dict[str, Any]) -> Outcome:
    verdict, article, revision = Verdict(row["verdict"]), row["article"], row["revision"]
    stored = Stored(verdict, article, revision, waiting=None if item.is_damaged else revision)
    return Outcome(False, None, verdict, article, revision, (stored,))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
