"""Finds or makes the row of an article by any of its names, and locks it until the commit.

The first owner keeps a name. Two requests that bring the same new article under different ids at
once meet at the unique names: the later one waits there, and then gives up its own row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, text
from sqlalchemy.orm import Session

from service.db import rows
from service.ingest.drafting import Alias
from service.models import Article, ArticleState, Source, Story

MAX_VALUE = 500  # column of article_alias
_BY_NAMES = text("""
    SELECT id, state, 'id' AS kind, external_id AS value FROM article
    WHERE source_id = :source AND external_id IN :names
    UNION ALL
    SELECT a.id, a.state, n.kind, n.value FROM article_alias n JOIN article a ON a.id = n.article_id
    WHERE n.source_id = :source AND n.kind IN ('id', 'guid', 'url') AND n.value IN :names
""").bindparams(bindparam("names", expanding=True))
_NEW_ARTICLE = text("""
    INSERT INTO article (source_id, external_id, state, is_urgent, is_commercial, created_at)
    VALUES (:source, :external, 'withdrawn', :no, :no, :now)
    ON CONFLICT (source_id, external_id) DO NOTHING
""")
_NEW_NAME = text("""
    INSERT INTO article_alias (source_id, kind, value, article_id)
    VALUES (:source, :kind, :value, :article)
    ON CONFLICT (source_id, kind, value) DO NOTHING
""")
_GIVE_UP = (
    text("UPDATE article_alias SET article_id = :owner WHERE article_id = :article"),
    text("DELETE FROM article WHERE id = :article"),
)


@dataclass(frozen=True)
class Seen:
    """How an article stood; another value later means that somebody changed it in between."""

    article_id: int
    state: str
    revision_id: int | None
    withdrawn_at: datetime | None
    heard_at: datetime | None  # an event that changed nothing was heard, too


@dataclass(frozen=True)
class Claim:
    """A locked article; `is_new` where this transaction made it, `before` how it stood if not."""

    article: Article
    is_new: bool
    before: Seen | None


@dataclass(frozen=True)
class Names:
    """What an event calls its article. Where `by_url` is false the id alone decides: whoever
    writes canonical articles names each of them, and may list several on one page."""

    external_id: str
    aliases: tuple[Alias, ...] = ()
    by_url: bool = True

    @property
    def known(self) -> set[tuple[str, str]]:
        return {("id", self.external_id), *((alias.kind, _short(alias)) for alias in self.aliases)}


def seen(session: Session, source: Source, names: Names) -> Seen | None:
    """How the article stands that would be claimed by these names, locking nothing."""
    article_id = _owner(_rows(session, source, names), names)
    article = session.get(Article, article_id) if article_id is not None else None
    return _seen(article) if article is not None else None


def known_articles(session: Session, source: Source, names: Names) -> set[int]:
    """Every article that has one of these names."""
    return {row.id for row in _rows(session, source, names)}


def _seen(article: Article) -> Seen:
    return Seen(
        article.id, article.state, article.revision_id, article.withdrawn_at, article.heard_at
    )


def claim(session: Session, source: Source, names: Names, now: datetime) -> Claim:
    """The article's row, made if need be, with all its names, locked until the commit."""
    found = _rows(session, source, names)
    missing = names.known - {(row.kind, row.value) for row in found}
    article_id, is_new = _owner(found, names), False
    if article_id is None:
        missing.discard(("id", names.external_id))
        article_id, is_new = _new_article(session, source, names, now)
    # Locked before a name refers to it: the reference is a shared lock, and two that hold one and
    # then want the row alone wait for each other.
    article = _locked(session, article_id)
    if _keep(session, source, article_id, missing) or not is_new:
        return _with_story(session, article, is_new)
    owner = _owner((r for r in _rows(session, source, names) if r.id != article_id), names)
    if owner is None:
        return _with_story(session, article, is_new)
    session.expunge(article)
    article = _locked(session, owner)
    for statement in _GIVE_UP:
        session.execute(statement, {"owner": owner, "article": article_id})
    _keep(session, source, owner, {("id", names.external_id)})
    return _with_story(session, article, is_new=False)


def _rows(session: Session, source: Source, names: Names) -> Sequence[Row[Any]]:
    values = sorted({value for _, value in names.known})
    return session.execute(_BY_NAMES, {"source": source.id, "names": values}).all()


def _owner(found: Iterable[Row[Any]], names: Names) -> int | None:
    """The article that is meant: by its id, else by another name, else by its page."""
    own = ("id", names.external_id)
    fitting = [row for row in found if _fits(row, names)]
    fitting.sort(key=lambda row: ((row.kind, row.value) != own, row.kind == "url", row.id))
    return fitting[0].id if fitting else None


def _fits(row: Row[Any], names: Names) -> bool:
    if (row.kind, row.value) not in names.known:
        return "://" in row.value  # an address means the same page by whatever kind it is called
    if row.kind != "url":
        return True
    # One page shows one article at a time; a page that was deleted and written anew is another.
    return names.by_url and row.state == ArticleState.PUBLISHED


def _new_article(session: Session, source: Source, names: Names, now: datetime) -> tuple[int, bool]:
    values = {"source": source.id, "external": names.external_id, "now": now, "no": False}
    is_new = bool(rows(session, _NEW_ARTICLE, **values))
    article_id = session.scalars(
        select(Article.id).where(
            Article.source_id == source.id, Article.external_id == names.external_id
        )
    ).one()
    return article_id, is_new


def _keep(
    session: Session, source: Source, article_id: int, names: Iterable[tuple[str, str]]
) -> bool:
    """Note names that nobody has; false where somebody has one. Sorted, so that none deadlocks."""
    kept = [
        rows(session, _NEW_NAME, source=source.id, kind=kind, value=value, article=article_id)
        for kind, value in sorted(names)
    ]
    return all(kept)


def _locked(session: Session, article_id: int) -> Article:
    return session.scalars(select(Article).where(Article.id == article_id).with_for_update()).one()


def _with_story(session: Session, article: Article, is_new: bool) -> Claim:
    if article.story_id is None:
        story = Story()
        session.add(story)
        session.flush()
        article.story_id = story.id
    return Claim(article, is_new, None if is_new else _seen(article))


def _short(alias: Alias) -> str:
    if len(alias.value) <= MAX_VALUE:
        return alias.value
    return "sha256:" + hashlib.sha256(alias.value.encode("utf-8", "replace")).hexdigest()
