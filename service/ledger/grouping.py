"""Which articles hang together by the links between them: each such group is one story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Article, Story, StoryLink


def regroup(session: Session, members: Sequence[Article]) -> None:
    """Give each group of the locked articles of a story one of its own, after a link has gone.

    The group of the first one given keeps the story.
    """
    ids = [article.id for article in members]
    links = session.execute(
        select(StoryLink.article_id, StoryLink.earlier_id)
        .where(StoryLink.article_id.in_(ids), StoryLink.earlier_id.in_(ids))
        .where(StoryLink.split_at.is_(None))
    )
    groups = _groups(ids, [(row.article_id, row.earlier_id) for row in links])
    for group in groups[1:]:
        story = Story()
        session.add(story)
        session.flush()
        for article in members:
            if article.id in group:
                article.story_id = story.id
    session.flush()


def _groups(ids: Sequence[int], pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """The connected parts, in the order of their first members."""
    group_of = {one: {one} for one in ids}
    for one, other in pairs:
        if group_of[one] is not group_of[other]:
            group_of[one] |= group_of[other]
            group_of |= dict.fromkeys(group_of[one], group_of[one])
    groups: list[set[int]] = []
    for one in ids:
        if group_of[one] not in groups:
            groups.append(group_of[one])
    return groups
