"""What else to read: the same event elsewhere, then what shares topics and districts, and is near
in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import Session

from service.models import Article, ArticleState, Listing
from service.models.listing import ANY

MAX_STORY = 5
MAX_NEAR = 4
_MAX_LABELS = 3  # topics, and places, that are looked at
_EACH = 12  # articles of each of them, before and after


def same_story(session: Session, article: Article) -> list[int]:
    """Articles that tell the same event, the newest first."""
    if article.story_id is None:
        return []
    return list(
        session.scalars(
            select(Article.id)
            .where(Article.story_id == article.story_id, Article.id != article.id)
            .where(Article.state == ArticleState.PUBLISHED, Article.feed_seq.is_not(None))
            .order_by(Article.id.desc())
            .limit(MAX_STORY)
        )
    )


def nearest(
    session: Session,
    article_id: int,
    where: int,
    topic_ids: Sequence[int],
    place_ids: Sequence[int],
    without: Sequence[int] = (),
) -> list[int]:
    """Articles that share the most topics and places with this one at `where`, the nearest in time
    first. One query, which reads a bounded number of neighbours from the lists."""
    lists = [(topic_id, ANY) for topic_id in topic_ids[:_MAX_LABELS]]
    lists += [(ANY, place_id) for place_id in place_ids[:_MAX_LABELS]]
    if not lists:
        return []
    found = session.execute(
        union_all(*(part for one in lists for part in _neighbours(*one, where)))
    ).all()
    shared = Counter(row.article_id for row in found)
    distance = {row.article_id: abs(row.position - where) for row in found}
    left_out = {article_id, *without}
    ranked = sorted(shared, key=lambda one: (-shared[one], distance[one]))
    return [one for one in ranked if one not in left_out][:MAX_NEAR]


def _neighbours(topic_id: int, place_id: int, where: int) -> Iterator[Select[int, int]]:
    columns = (Listing.article_id, Listing.position)
    own = (Listing.topic_id == topic_id, Listing.place_id == place_id)
    before = select(*columns).where(*own, Listing.position <= where)
    after = select(*columns).where(*own, Listing.position > where)
    for side in (
        before.order_by(Listing.position.desc()),
        after.order_by(Listing.position.asc()),
    ):
        yield select(side.limit(_EACH).subquery())
