"""Examples: what the staff decided, and the archive, as training takes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify import ArticleText, Classifier
from service.classify.stories import StoryIndex, shingles
from service.classify.train import Example
from service.models import (
    ArchiveText,
    Article,
    LabelOrigin,
    LabelState,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Text:
    """One text with its labels, and when the last of them was decided."""

    article: ArticleText
    labels: dict[str, bool]
    decided_at: datetime


def texts(session: Session) -> Iterator[Text]:
    """Every article and archived text; most have no labels."""
    topics = dict(session.execute(select(Topic.id, Topic.slug)).all())
    yield from _articles(session, topics)
    for row in session.scalars(select(ArchiveText).order_by(ArchiveText.id)):
        article = ArticleText(row.title, row.summary, row.body_text)
        given = None if row.topics is None else set(row.topics)
        labels = {} if given is None else {slug: slug in given for slug in topics.values()}
        yield Text(article, labels, row.imported_at if labels else LONG_AGO)


def _articles(session: Session, topics: dict[int, str]) -> Iterator[Text]:
    labels = defaultdict(list)
    for label in session.scalars(
        select(TopicLabel).join(Article, Article.shown_revision_id == TopicLabel.revision_id)
    ):
        labels[label.revision_id].append(label)
    found = session.execute(
        select(Revision.id, Revision.title, Revision.summary, Revision.body_text)
        .join(Article, Article.shown_revision_id == Revision.id)
        .where(Revision.state == RevisionState.CLASSIFIED)
        .order_by(Revision.id)
    )
    for revision_id, title, summary, body in found:
        own = labels[revision_id]
        decided = [label for label in own if label.origin == LabelOrigin.STAFF]
        yield Text(
            ArticleText(title, summary, body),
            _labels(own, topics) if decided else {},
            max((label.decided_at for label in decided), default=LONG_AGO),
        )


def _labels(own: list[TopicLabel], topics: dict[int, str]) -> dict[str, bool]:
    """Yes and no of a reviewed article. Whoever decided about it saw what was published and what
    was asked; of these the undecided ones are unknown, and all other topics are no."""
    found = dict.fromkeys(topics.values(), False)
    for label in own:
        slug = topics[label.topic_id]
        if label.origin == LabelOrigin.STAFF:
            found[slug] = label.state == LabelState.PUBLISHED
        elif label.state != LabelState.DROPPED:
            del found[slug]
    return found


def examples_of(
    found: list[Text], classifier: Classifier, on_progress: Callable[[int], None]
) -> list[Example]:
    """Texts as training takes them, oldest decision first; of copies without labels one is kept."""
    index: StoryIndex[int] = StoryIndex()
    examples = []
    for number, text in enumerate(sorted(found, key=lambda text: text.decided_at)):
        on_progress(number + 1)
        article = text.article
        grams = shingles(article.title, article.summary, article.body)
        if not text.labels and index.matches(grams):
            continue
        index.add(number, grams)
        signals = classifier.signals(article)
        examples.append(Example(signals.words, signals.seeds, text.labels))
    return examples
