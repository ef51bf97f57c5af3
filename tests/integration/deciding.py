"""Staff that decide about articles which no term tells apart, so that only a model can."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from service.classify import ArticleText
from service.db import utcnow
from service.learning.current import current_classifier
from service.models import Article, LabelOrigin, LabelState, TopicLabel
from service.runtime import Runtime

SPORT, CULTURE = "spor", "kultur-sanat"
WORDS = {
    SPORT: ("salonda", "hakem", "düdük", "tribün", "forma", "rakip", "devre", "skor"),
    CULTURE: ("perde", "kulis", "dekor", "replik", "makyaj", "sufle", "seyirci", "tuluat"),
}
NEW_SPORT = "hakem düdük tribün forma skor"


def text_about(slug: str, dice: random.Random) -> str:
    """Twelve words of a topic, and one that no other text has."""
    return " ".join(dice.choices(WORDS[slug], k=12)) + f" {dice.getrandbits(40):x}"


class Editors:
    """Half of the articles that they decide about are sport, half culture."""

    def __init__(self, town: Any, runtime: Runtime) -> None:
        self._town, self._runtime = town, runtime
        self._dice = random.Random(1)

    def decide(
        self,
        count: int,
        says: Callable[[str], str] = lambda right: right,
        at: datetime | None = None,
    ) -> None:
        """Accept one topic of each article and reject the other; `says` may mistake them."""
        for n in range(count):
            right = (SPORT, CULTURE)[n % 2]
            accepted = says(right)
            self.label(
                self.article(text_about(right, self._dice)),
                {slug: slug == accepted for slug in WORDS},
                at,
            )

    def article(self, text: str, topics: tuple[str, ...] = ()) -> int:
        url = f"https://a.example/{self._dice.getrandbits(40)}"
        return int(self._town.article(topics, title=text, summary="", body_text=text, url=url))

    def label(self, article_id: int, labels: dict[str, bool], at: datetime | None = None) -> None:
        """Put decisions of the staff straight into the database."""
        rows = [
            {
                "revision_id": self._town.get(Article, article_id).shown_revision_id,
                "topic_id": self._town.topic(slug),
                "state": LabelState.PUBLISHED if is_right else LabelState.DROPPED,
                "origin": LabelOrigin.STAFF,
                "score": 0.1,
                "evidence": [],
                "decided_at": at or utcnow(),
            }
            for slug, is_right in labels.items()
        ]
        with self._runtime.db.write() as session:
            session.execute(insert(TopicLabel), rows)


def probability(runtime: Runtime, text: str, slug: str) -> float:
    """What the classifier in use gives a text."""
    with runtime.db.read() as session:
        classifier = current_classifier(session, runtime.settings)
    found = classifier.classify(ArticleText(text, "", text))
    return next((label.score for label in found.topics if label.slug == slug), 0.0)
