"""A newspaper for tests of archives: its own time, its articles, and a reader that walks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from lxml import etree

from service.ledger.closing import close_due
from service.ledger.publish import stamp_feeds
from service.models import Article, ArticleState, LabelState, Revision, TopicLabel
from service.runtime import Runtime
from tests.integration.town import Town

ZONE = ZoneInfo("Europe/Istanbul")
GRACE = timedelta(days=7)
START = datetime(2025, 3, 10, 9, tzinfo=UTC)
BASE = "http://localhost:8080"
ATOM = "{http://www.w3.org/2005/Atom}"
STONE = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"
FORMATS = ("atom", "rss", "json")

Said = dict[str, tuple[str, str]]  # id → updated and title
_numbers = itertools.count(1)


@dataclass
class Document:
    """What a reader takes from a document of a feed: entries in order, ids that it says are gone,
    and where it leads to."""

    entries: list[tuple[str, str, str]]
    gone: set[str]
    older: str | None


class Paper:
    """Publishes, edits, withdraws and closes at a time of its own, which only goes on."""

    def __init__(self, runtime: Runtime, client: FlaskClient) -> None:
        self.runtime, self.client, self.now = runtime, client, START
        self.town = Town(runtime)

    def wait(self, **parts: float) -> None:
        self.now += timedelta(**parts)

    def publish(
        self, topics: tuple[str, ...] = ("ulasim",), at: datetime | None = None, **fields: Any
    ) -> int:
        """A new article, published now, or said to be of another time."""
        fields = {"title": f"Haber {next(_numbers)}", "created_at": self.now, **fields}
        article_id = self.town.article(topics, **fields)
        with self.runtime.db.write() as session:
            session.get_one(Article, article_id).published_at = at or self.now
            stamp_feeds(session, article_id, self.now)
        return article_id

    def edit(self, article_id: int, title: str) -> None:
        """The same article with another title; an earlier text comes back as the same revision."""
        with self.runtime.db.write() as session:
            article = session.get_one(Article, article_id)
            shown = session.get_one(Revision, article.shown_revision_id)
            known = {one.title: one for one in session.query(Revision).filter_by(article=article)}
            if title in known:
                revision = known[title]
            else:
                columns = ("state", "url", "summary", "body_html", "body_text")
                revision = Revision(
                    article_id=article_id,
                    content_hash=f"{next(_numbers):063d}e",
                    title=title,
                    created_at=self.now,
                    **{name: getattr(shown, name) for name in columns},
                )
                session.add(revision)
                session.flush()
                labels = session.query(TopicLabel).filter_by(revision_id=shown.id)
                for topic_id in [label.topic_id for label in labels]:
                    self._label(session, revision.id, topic_id)
            article.revision_id = article.shown_revision_id = revision.id
            if article.feed_seq and article.state == ArticleState.PUBLISHED:
                stamp_feeds(session, article_id, self.now)

    def revert(self, article_id: int) -> None:
        """The first text of an article again."""
        with self.runtime.db.read() as session:
            texts = session.query(Revision).filter_by(article_id=article_id)
            first = texts.order_by(Revision.id).first().title
        self.edit(article_id, first)

    def add_topic(self, article_id: int, topic: str) -> None:
        with self.runtime.db.write() as session:
            article = session.get_one(Article, article_id)
            self._label(session, article.shown_revision_id, self.town.topic(topic))
            stamp_feeds(session, article_id, self.now)

    def set_state(self, article_id: int, state: ArticleState) -> None:
        with self.runtime.db.write() as session:
            article = session.get_one(Article, article_id)
            article.state = state
            article.withdrawn_at = self.now if state == ArticleState.WITHDRAWN else None
            stamp_feeds(session, article_id, self.now)

    def withdraw(self, article_id: int) -> None:
        self.set_state(article_id, ArticleState.WITHDRAWN)

    def close(self) -> list[str]:
        closed = close_due(self.runtime.db, ZONE, GRACE, self.now)
        return [str(month) for month in closed]

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/feeds/{path}", headers=headers)

    def read(self, path: str) -> Document:
        answer = self.get(path)
        assert answer.status_code == 200, path
        return _READERS[path.rpartition(".")[2]](answer)

    def walk(self, key: str, suffix: str, *, archive_alone: bool = False) -> tuple[Said, list[str]]:
        """What a reader that begins today knows in the end, and the documents that it read."""
        known: Said = {}
        path, names = f"{key}.{suffix}", []
        if archive_alone:
            path = (self.read(path).older or "").removeprefix(f"{BASE}/feeds/")
        while path:
            document = self.read(path)
            names.append(path)
            for entry_id, updated, title in document.entries:
                if entry_id not in known or known[entry_id][0] < updated:
                    known[entry_id] = updated, title
            path = (document.older or "").removeprefix(f"{BASE}/feeds/")
            assert path not in names, "a reader walks in circles"
        return known, names

    def titles(self, key: str, suffix: str = "atom") -> set[str]:
        return {title for _, title in self.walk(key, suffix)[0].values()}

    def public(self) -> set[str]:
        """The titles of what the city says today."""
        with self.runtime.db.read() as session:
            found = session.query(Revision.title).join(
                Article, Article.shown_revision_id == Revision.id
            )
            return {row.title for row in found.filter(Article.state == ArticleState.PUBLISHED)}

    def _label(self, session: Any, revision_id: int, topic_id: int) -> None:
        session.add(
            TopicLabel(
                revision_id=revision_id,
                topic_id=topic_id,
                state=LabelState.PUBLISHED,
                origin="classifier",
                score=0.9,
                evidence=[],
            )
        )


def _atom(answer: Any) -> Document:
    root = etree.fromstring(answer.data)
    return Document(
        [
            tuple(one.findtext(f"{ATOM}{name}") for name in ("id", "updated", "title"))
            for one in root.findall(f"{ATOM}entry")
        ],
        {one.get("ref") for one in root.findall(STONE)},
        _link(root, "prev-archive"),
    )


def _rss(answer: Any) -> Document:
    (channel,) = etree.fromstring(answer.data)
    entries = [
        tuple(one.findtext(name) for name in ("guid", f"{ATOM}updated", "title"))
        for one in channel.findall("item")
    ]
    return _without_notices(entries, _link(channel, "prev-archive"))


def _json(answer: Any) -> Document:
    feed = answer.get_json(force=True)
    entries = [(one["id"], one["date_modified"], one["title"]) for one in feed["items"]]
    return _without_notices(entries, feed.get("next_url"))


def _link(parent: etree._Element, relation: str) -> str | None:
    found = parent.find(f"{ATOM}link[@rel='{relation}']")
    return None if found is None else found.get("href")


def _without_notices(entries: list[Any], older: str | None) -> Document:
    said = [entry for entry in entries if not entry[2].startswith("Geri çekildi")]
    return Document(said, {entry[0] for entry in entries} - {entry[0] for entry in said}, older)


_READERS = {"atom": _atom, "rss": _rss, "json": _json}
