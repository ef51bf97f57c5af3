"""New articles of several requests, stored by the same statements in one transaction.

Whatever is out of the ordinary (a known name or delivery, a source that was changed) is left to
`storing`. Where both are at work on the same article, constraints decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text

from service.db import Database, table_of, utcnow
from service.ingest.article import in_zone
from service.ingest.bulk import Row, insert
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
    new = [_New(item, now, *ids) for item, ids in zip(items, numbers, strict=True)]
    insert(
        connection,
        {
            "story": [one.story_row() for one in new],
            "article": [one.article_row() for one in new],
            "revision": [one.revision_row() for one in new],
            "article_alias": [row for one in new for row in one.alias_rows()],
            "notification": [one.notification_row() for one in new if one.item.release_at],
            # Those who take the long way begin here, so PostgreSQL does it here too (`insert`).
            "inbox": sorted((one.inbox_row() for one in new), key=_source_and_key),
        },
    )
    return [one.outcome() for one in new]


def _numbers(connection: Connection, count: int, is_sqlite: bool) -> list[tuple[int, int, int]]:
    """Numbers for so many stories, articles and revisions."""
    if not is_sqlite:
        found = connection.execute(NUMBERS_OF_POSTGRES, {"count": count})
        return [(story, article, revision) for story, article, revision in found]
    story, article, revision = connection.execute(NUMBERS_OF_SQLITE).one()
    return [(story + n, article + n, revision + n) for n in range(1, count + 1)]


@dataclass(frozen=True)
class _New:
    """A new article with its numbers, and the rows that it becomes."""

    item: Fresh
    now: datetime
    story_id: int
    article_id: int
    revision_id: int

    def story_row(self) -> Row:
        return {"id": self.story_id, "created_at": self.now}

    def article_row(self) -> Row:
        incoming, source = self.item.article, self.item.source
        return {
            "id": self.article_id,
            "source_id": source.id,
            "external_id": incoming.id,
            "state": ArticleState.PUBLISHED.value,
            "story_id": self.story_id,
            "revision_id": self.revision_id,
            "is_urgent": incoming.urgent,
            "is_commercial": incoming.commercial,
            "published_at": self.item.published,
            "source_updated_at": in_zone(incoming.updated_at, source.timezone),
            "created_at": self.now,
        }

    def revision_row(self) -> Row:
        return {
            "id": self.revision_id,
            "article_id": self.article_id,
            **self.item.revision,
            "state": self.item.revision["state"].value,
            "classifier": "",
            "created_at": self.now,
            "rung_at": self.now,
        }

    def alias_rows(self) -> list[Row]:
        """All names but the id, which the article itself holds."""
        of = {"source_id": self.item.source.id, "article_id": self.article_id}
        names = sorted(self.item.names.known - {("id", self.item.article.id)})
        return [{**of, "kind": kind, "value": value} for kind, value in names]

    def notification_row(self) -> Row:
        """A `new` notification, held."""
        return {
            "kind": NotificationKind.NEW.value,
            "state": NotificationState.HELD.value,
            "article_id": self.article_id,
            "payload": {},
            "is_urgent": self.item.article.urgent,
            "release_at": self.item.release_at,
            "cursor": 0,
            "planned": 0,
            "request_id": self.item.delivery.request_id,
            "created_at": self.now,
            "rung_at": self.now,
        }

    def inbox_row(self) -> Row:
        delivery = self.item.delivery
        return {
            "source_id": self.item.source.id,
            "delivery_key": delivery.event.delivery_key,
            "body_hash": delivery.body_hash,
            "sealed_body": delivery.sealed_body,
            "headers": dict(delivery.event.headers),
            "verdict": self._verdict.value,
            "reason": "damaged encoding" if self.item.is_damaged else "",
            "article_id": self.article_id,
            "revision_id": self.revision_id,
            "request_id": delivery.request_id,
            "received_at": self.now,
        }

    def outcome(self) -> Outcome:
        waiting = None if self.item.is_damaged else self.revision_id
        stored = Stored(self._verdict, self.article_id, self.revision_id, waiting=waiting)
        return Outcome(False, None, self._verdict, self.article_id, self.revision_id, (stored,))

    @property
    def _verdict(self) -> Verdict:
        return Verdict.QUARANTINED if self.item.is_damaged else Verdict.ACCEPTED


def _source_and_key(row: Row) -> tuple[int, str]:
    return row["source_id"], row["delivery_key"]
