"""Which articles a source has already, by any of their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ingest.listing.entry import key_of
from service.models import Article, ArticleAlias, ArticleState

CHUNK = 500  # values in one statement


def find_known(session: Session, source_id: int, names: Iterable[str]) -> dict[str, Article]:
    """Articles by those of these names that they have: id, guid or address.

    Of several with one name the public one counts, else the newest.
    """
    keys = {key_of(name): name for name in names}
    found: dict[str, Article] = {}
    for values in chunks(keys):
        by_id = select(Article, Article.external_id).where(
            Article.source_id == source_id, Article.external_id.in_(values)
        )
        by_alias = (
            select(Article, ArticleAlias.value)
            .join(ArticleAlias, ArticleAlias.article_id == Article.id)
            .where(ArticleAlias.source_id == source_id, ArticleAlias.value.in_(values))
        )
        for article, key in (*session.execute(by_id), *session.execute(by_alias)):
            other = found.get(keys[key])
            if other is None or _rank(article) > _rank(other):
                found[keys[key]] = article
    return found


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Sorted, each once, some at a time: a statement takes only so many values."""
    ordered = sorted(set(values))
    return (ordered[at : at + CHUNK] for at in range(0, len(ordered), CHUNK))


def _rank(article: Article) -> tuple[bool, int]:
    return article.state == ArticleState.PUBLISHED, article.id
