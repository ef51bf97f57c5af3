"""The full text index, behind one door: FTS5 on SQLite, tsvector and GIN on PostgreSQL.

Both hold the same words, made by `service.archive.words`; neither database cuts, folds or stems
anything itself. Rows are numbered by their `position`, so that the newest come first and a month is
a range.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.archive.words import TITLE, Query

_PUT_SQLITE = text("INSERT OR REPLACE INTO listing_words (rowid, words) VALUES (:position, :words)")
_PUT_POSTGRES = text("""
    INSERT INTO listing_words (position, words)
    VALUES (:position, array_to_tsvector(string_to_array(:words, ' ')))
    ON CONFLICT (position) DO UPDATE SET words = excluded.words
""")
_DROP = {
    "sqlite": text("DELETE FROM listing_words WHERE rowid = :position"),
    "postgresql": text("DELETE FROM listing_words WHERE position = :position"),
}
# Newest first, and oldest first for the way back.
_FIND_SQLITE = """
    SELECT rowid FROM listing_words
    WHERE listing_words MATCH :query AND rowid > :lower AND rowid < :upper
    ORDER BY rowid {order} LIMIT :size
"""
_FIND_POSTGRES = """
    SELECT position FROM listing_words
    WHERE words @@ CAST(:query AS tsquery) AND position > :lower AND position < :upper
    ORDER BY position {order} LIMIT :size
"""
_FIND = {
    (name, is_backward): text(sql.format(order="ASC" if is_backward else "DESC"))
    for name, sql in (("sqlite", _FIND_SQLITE), ("postgresql", _FIND_POSTGRES))
    for is_backward in (False, True)
}


def put(session: Session, position: int, words: str) -> None:
    """Remember the words of the article at this position."""
    statement = _PUT_SQLITE if _is_sqlite(session) else _PUT_POSTGRES
    session.execute(statement, {"position": position, "words": words})


def drop(session: Session, position: int) -> None:
    """Forget the words of the article at this position."""
    session.execute(_DROP[session.get_bind().dialect.name], {"position": position})


def find(
    session: Session,
    query: Query,
    labels: Sequence[str],
    *,
    in_title: bool,
    between: tuple[int, int],
    size: int,
    is_backward: bool = False,
) -> list[int]:
    """Positions between these two (both excluded) of what holds every word and every label.

    `in_title`: those that hold all words in their title, else those that do not.
    """
    is_sqlite = _is_sqlite(session)
    write = _for_sqlite if is_sqlite else _for_postgres
    values = {
        "query": write(query, labels, in_title),
        "lower": between[0],
        "upper": between[1],
        "size": size,
    }
    statement = _FIND["sqlite" if is_sqlite else "postgresql", is_backward]
    return list(session.scalars(statement, values))


def _for_sqlite(query: Query, labels: Sequence[str], in_title: bool) -> str:
    def words(mark: str) -> list[str]:
        groups = [[f'"{mark}{form}"' for form in forms] for forms in query.words]
        if query.begun:
            groups[-1].append(f'"{mark}{query.begun}" *')
        return [f"({' OR '.join(group)})" for group in groups]

    found = " AND ".join([*words(TITLE if in_title else ""), *(f'"{one}"' for one in labels)])
    return found if in_title else f"({found}) NOT ({' AND '.join(words(TITLE))})"


def _for_postgres(query: Query, labels: Sequence[str], in_title: bool) -> str:
    def words(mark: str) -> list[str]:
        groups = [[f"'{mark}{form}'" for form in forms] for forms in query.words]
        if query.begun:
            groups[-1].append(f"'{mark}{query.begun}':*")
        return [f"({' | '.join(group)})" for group in groups]

    found = " & ".join([*words(TITLE if in_title else ""), *(f"'{one}'" for one in labels)])
    return found if in_title else f"{found} & !({' & '.join(words(TITLE))})"


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
