"""What if the terms were others: which articles would gain or lose a topic, before they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.classify.decide import Band
from service.classify.engine import Classifier
from service.classify.labels import ArticleText, Classification


@dataclass(frozen=True)
class Change:
    """A topic that one article would gain or lose; `words` are those that speak for it.

    `key` and `title` are the article's, so that its text need not be kept.

    `before` and `after` are probabilities, 0 where the topic was not even in question.
    """

    key: str
    title: str
    slug: str
    is_gain: bool
    before: float
    after: float
    words: tuple[str, ...]


def compare(
    now: Classifier, then: Classifier, articles: Iterable[tuple[str, ArticleText]]
) -> Iterator[list[Change]]:
    """The changes of each article (`key`, text), an empty list for most."""
    for key, article in articles:
        yield list(_changes(key, article.title, now.classify(article), then.classify(article)))


def _changes(key: str, title: str, now: Classification, then: Classification) -> Iterator[Change]:
    before = {label.slug: label for label in now.topics}
    after = {label.slug: label for label in then.topics}
    for slug in sorted(before.keys() | after.keys()):
        old, new = before.get(slug), after.get(slug)
        was = old is not None and old.band is Band.PUBLISH
        will_be = new is not None and new.band is Band.PUBLISH
        if was == will_be:
            continue
        shown = new if will_be else old
        assert shown is not None
        yield Change(
            key,
            title,
            slug,
            is_gain=will_be,
            before=old.score if old is not None else 0.0,
            after=new.score if new is not None else 0.0,
            words=tuple(dict.fromkeys(evidence.text for evidence in shown.evidence)),
        )
