"""What a digest must tell one person, worked out by hand from plain rows: no SQL, no index.

Tests and the bench hold the real thing to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST = 20


@dataclass(frozen=True)
class Article:
    """`rank`: its place among all, the most important first."""

    id: int
    rank: int
    topics: frozenset[int]
    places: frozenset[int]
    story: int


@dataclass(frozen=True)
class Wish:
    topic: int | None
    place: int | None
    frequency: str
    is_local_only: bool = False
    is_live: bool = True
    changed_from: str | None = None  # a frequency that owes what is less new than `changed_rank`
    changed_rank: int = 0


@dataclass(frozen=True)
class Person:
    wishes: Sequence[Wish]
    heard: frozenset[int] = field(default_factory=frozenset)  # stories, by instant news
    is_verified: bool = True


def asks_for(wish: Wish, article: Article, frequency: str) -> bool:
    is_owed = wish.changed_from == frequency and article.rank > wish.changed_rank
    if not wish.is_live or not (wish.frequency == frequency or is_owed):
        return False
    if wish.topic is not None and wish.topic not in article.topics:
        return False
    if not article.places:
        return not wish.is_local_only
    return wish.place is None or wish.place in article.places


def matching(person: Person, articles: Sequence[Article], frequency: str) -> list[int]:
    """All that a digest has for a person, in order: each story once, and none that they heard."""
    found, stories = [], set(person.heard)
    if not person.is_verified:
        return []
    for article in sorted(articles, key=lambda one: one.rank):
        if article.story in stories:
            continue
        if any(asks_for(wish, article, frequency) for wish in person.wishes):
            stories.add(article.story)
            found.append(article.id)
    return found


def heard_at_once(person: Person, articles: Sequence[Article]) -> frozenset[int]:
    """The stories that a person's instant subscriptions told."""
    return frozenset(
        article.story
        for article in articles
        if any(asks_for(wish, article, "instant") for wish in person.wishes)
    )
