"""A copy of what is stored about an article, in a database of its own that lives in memory.

The dry run moves the copy as the real upsert would move the article, and locks nothing that the
door may be waiting for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.db import Base, Database, table_of
from service.ingest.claiming import Names, known_articles
from service.models import (
    Article,
    ArticleAlias,
    FeedClock,
    Notification,
    Revision,
    Source,
    Story,
)


@contextmanager
def scratch(db: Database, source: Source, names: Names) -> Iterator[Session]:
    """A transaction on the copy of every article that these names may mean."""
    copy = Database("sqlite://")
    try:
        Base.metadata.create_all(copy.engine)
        with copy.write() as session:
            with db.read() as original:
                _fill(session, original, source, names)
            yield session
    finally:
        copy.close()


def _fill(session: Session, original: Session, source: Source, names: Names) -> None:
    for statement in _of(source, known_articles(original, source, names)):
        rows = [dict(row) for row in original.execute(statement).mappings()]
        if rows:
            table = statement.get_final_froms()[0]
            session.execute(Base.metadata.tables[str(table)].insert(), rows)


def _of(source: Source, articles: set[int]) -> list[Select[tuple[object, ...]]]:
    """In an order that fits what refers to what."""
    story, article = table_of(Story), table_of(Article)
    own = article.c.id.in_(articles)
    parts = [table_of(model) for model in (ArticleAlias, Revision, Notification)]
    return [
        select(table_of(FeedClock)),
        select(table_of(Source)).where(table_of(Source).c.id == source.id),
        select(story).where(story.c.id.in_(select(article.c.story_id).where(own))),
        select(article).where(own),
        *(select(part).where(part.c.article_id.in_(articles)) for part in parts),
    ]
