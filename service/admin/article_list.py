"""The staff's list of articles: its filters, each along an index, and its pages by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, text, tuple_
from sqlalchemy.orm import Session

from service.archive import search
from service.archive.position import FIRST, LAST
from service.archive.words import read_query
from service.ledger.counts import outcome_counts
from service.models import (
    Article,
    LabelState,
    Listing,
    Notification,
    NotificationState,
    Revision,
    Source,
    Topic,
    TopicLabel,
)
from service.models.listing import ANY
from service.models.notification import IS_UNFINISHED

PAGE_SIZE = 25
MOST_EXPORTED = 10_000
STAGES = ("received", "review", "held", "planning", "sending", "quarantined", "withdrawn")
_IN_STAGE = {
    "held": (NotificationState.HELD,),
    "planning": (NotificationState.RELEASED, NotificationState.PLANNING),
    "sending": (NotificationState.PLANNED,),
}


@dataclass(frozen=True)
class Filters:
    """What is wanted; `text` looks among what is public, as the archive does."""

    stage: str = ""
    source: str = ""
    topic: str = ""
    urgent: bool = False
    text: str = ""

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Filters:
        """What an address asks for; what is unknown is left out."""
        stage = str(args.get("stage", ""))
        return cls(
            stage=stage if stage in STAGES else "",
            source=str(args.get("source", ""))[:64],
            topic=str(args.get("topic", ""))[:64],
            urgent=str(args.get("urgent", "")).lower() in ("1", "true", "yes"),
            text=" ".join(str(args.get("text", "")).split())[:200],
        )

    def values(self) -> dict[str, str]:
        """Those that are set, for an address."""
        found = {"stage": self.stage, "source": self.source, "topic": self.topic, "text": self.text}
        found["urgent"] = "1" if self.urgent else ""
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Line:
    """One article of the list."""

    article: Article
    title: str
    topics: list[tuple[Topic, LabelState]]
    counts: dict[str, int]


@dataclass(frozen=True)
class Lines:
    """A page, and the key after which the next one begins; null on the last."""

    lines: list[Line]
    older: int | None


def lines_page(
    session: Session, filters: Filters, before: int | None, size: int = PAGE_SIZE
) -> Lines:
    """The articles before a key, newest first. With a text to find the key is a place in the
    archive, and a page may be short: the other filters are asked of what was found."""
    if filters.text:
        ids, older = _found(session, filters.text, before, size)
        query = wanted(session, filters).where(Article.id.in_(ids))
        rows = {article.id: (article, title) for article, title in session.execute(query)}
        shown = [rows[id_] for id_ in ids if id_ in rows]
    else:
        query = wanted(session, filters)
        if before is not None:
            query = query.where(Article.id < before)
        found = session.execute(query.order_by(Article.id.desc()).limit(size + 1)).all()
        shown = [(article, title) for article, title in found[:size]]
        older = shown[-1][0].id if len(found) > size else None
    topics = _topics_of(session, [article.revision_id for article, _ in shown])
    lines = [
        Line(
            article=article,
            title=title or article.external_id,
            topics=topics.get(article.revision_id, []),
            counts=outcome_counts(session, article.id),
        )
        for article, title in shown
    ]
    return Lines(lines, older)


def all_lines(session: Session, filters: Filters) -> Iterator[Line]:
    """The newest `MOST_EXPORTED`, page by page."""
    before: int | None = None
    left = MOST_EXPORTED
    while left > 0:
        page = lines_page(session, filters, before, 200)
        yield from page.lines[:left]
        left -= len(page.lines)
        if page.older is None:
            return
        before = page.older
        session.expunge_all()


# By the article too: an article is found by its own number alone, and so a rare topic need not be
# looked for from the newest article on.
_SHOWN = tuple_(Article.id, Article.shown_revision_id)
_LABELLED = select(Revision.article_id, Revision.id).join_from(
    TopicLabel, Revision, Revision.id == TopicLabel.revision_id
)


def wanted(session: Session, filters: Filters) -> Select[Article, str | None]:
    """The query of what fits all filters but the words, each title with it."""
    query = select(Article, Revision.title).outerjoin(Revision, Revision.id == Article.revision_id)
    if filters.source:
        query = query.where(Article.source_id == _number(session, Source, filters.source))
    if filters.urgent:  # partial indices want their condition in its own words
        query = query.where(text("article.is_urgent"))
    if filters.topic:
        topic_id = _number(session, Topic, filters.topic)
        labelled = _LABELLED.where(TopicLabel.topic_id == topic_id)
        labelled = labelled.where(TopicLabel.state != LabelState.DROPPED)
        query = query.where(_SHOWN.in_(labelled))
    if filters.stage == "withdrawn":
        query = query.where(text("article.state = 'withdrawn'"))
    elif filters.stage in ("received", "quarantined"):
        # Few, and by the partial index of their state, which wants the state in its own words.
        texts = select(Revision.article_id, Revision.id)
        texts = texts.where(text(f"revision.state = '{filters.stage}'"))
        query = query.where(tuple_(Article.id, Article.revision_id).in_(texts))
    elif filters.stage == "review":
        # Few, and by `ix_topic_label_review`.
        query = query.where(_SHOWN.in_(_LABELLED.where(text("topic_label.state = 'review'"))))
    elif filters.stage:
        # Few, and by `ix_notification_unfinished`; a correction counts too.
        states = _IN_STAGE[filters.stage]
        unfinished = select(Notification.article_id).where(IS_UNFINISHED)
        unfinished = unfinished.where(Notification.state.in_(states))
        query = query.where(Article.id.in_(unfinished))
    return query


def _number(session: Session, model: type[Source] | type[Topic], slug: str) -> int:
    """The number behind a slug; 0, which no row has, where there is none."""
    return session.scalar(select(model.id).where(model.slug == slug)) or 0


def _found(
    session: Session, words: str, before: int | None, size: int
) -> tuple[list[int], int | None]:
    """The next articles with these words, newest first, and the place of the last one."""
    query = read_query(words)
    if query is None:
        return [], None
    between = (FIRST, LAST if before is None else before)
    places = sorted(
        place
        for in_title in (True, False)
        for place in search.find(
            session, query, [], in_title=in_title, between=between, size=size + 1
        )
    )[::-1]
    shown = places[:size]
    found = session.execute(
        select(Listing.position, Listing.article_id)
        .where(Listing.topic_id == ANY, Listing.place_id == ANY)
        .where(Listing.position.in_(shown))
        .order_by(Listing.position.desc())
    )
    return [row.article_id for row in found], shown[-1] if len(places) > size else None


def _topics_of(
    session: Session, revision_ids: Sequence[int | None]
) -> dict[int | None, list[tuple[Topic, LabelState]]]:
    rows = session.execute(
        select(TopicLabel.revision_id, TopicLabel.state, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id.in_([i for i in revision_ids if i is not None]))
        .where(TopicLabel.state != LabelState.DROPPED)
        .order_by(TopicLabel.score.desc())
    )
    found: dict[int | None, list[tuple[Topic, LabelState]]] = {}
    for revision_id, state, topic in rows:
        found.setdefault(revision_id, []).append((topic, LabelState(state)))
    return found
