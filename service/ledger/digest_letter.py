"""What one reader's digest tells: chosen from their items by what they ask for now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.ledger.digest_articles import Candidate
from service.ledger.digest_match import TOLD
from service.ledger.halts import Halts


@dataclass(frozen=True)
class Item:
    """An article of a letter: its text, the topic it stands under, and the reader's wish."""

    article_id: int
    revision_id: int
    topic_id: int | None
    subscription_id: int


@dataclass(frozen=True)
class Wish:
    """A live subscription of a reader. `until`: it asks for another frequency since then, and is
    owed what came out before."""

    id: int
    topic_id: int | None
    place_id: int | None
    is_local_only: bool
    until: datetime | None = None

    def strength(self, article: Candidate) -> int | None:
        """How well an article meets it, 0 the best; null where it does not."""
        if self.until is not None and article.released_at >= self.until:
            return None
        if not article.concerns(self.place_id, is_local_only=self.is_local_only):
            return None
        return article.strength(self.topic_id)


@dataclass(frozen=True)
class Letter:
    """What a digest tells one reader: its items, the most important first, how many more wait
    behind its link, and all that the reader asks for at this frequency."""

    items: tuple[Item, ...]
    more: int
    wishes: tuple[Wish, ...]


def choose(
    articles: Iterable[Candidate],
    planned: Collection[int],
    wishes: Sequence[Wish],
    story_of: Mapping[int, int],
    heard: Collection[int],
) -> Letter:
    """The letter of one reader: of the `articles`, which are in order of importance, what was
    `planned` for them, is asked for by a wish, and is of no story that they `heard`."""
    items, told = [], set(heard)
    for article in articles:
        story = story_of[article.article_id]
        if article.article_id not in planned or story in told:
            continue
        wish = _best(article, wishes)
        if wish is None:
            continue
        told.add(story)
        topic_id = wish.topic_id or (article.topics[0] if article.topics else None)
        items.append(Item(article.article_id, article.revision_id, topic_id, wish.id))
    return Letter(tuple(items[:TOLD]), max(len(items) - TOLD, 0), tuple(wishes))


def _best(article: Candidate, wishes: Sequence[Wish]) -> Wish | None:
    """The wish that an article meets best; of equal ones the oldest."""
    best: tuple[int, int, Wish] | None = None
    for wish in wishes:
        strength = wish.strength(article)
        if strength is not None and (best is None or (strength, wish.id) < best[:2]):
            best = strength, wish.id, wish
    return best[2] if best else None


def without_halted(wishes: Sequence[Wish], halts: Halts) -> list[Wish]:
    """A topic that staff paused or cancelled is no reason to be told now."""
    halted = {*halts.paused_topics, *halts.cancelled_topics}
    return [wish for wish in wishes if wish.topic_id not in halted] if halted else list(wishes)
