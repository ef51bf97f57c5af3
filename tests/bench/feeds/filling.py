"""Articles by the thousand in the lists that feeds join, put there by statements over sets."""

from __future__ import annotations

import html
import itertools
import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text, update

from service.archive.position import position
from service.db import Database, utcnow
from service.ledger.publish import stamp_feeds
from service.models import (
    Article,
    ArticleState,
    FeedClock,
    LabelOrigin,
    LabelState,
    Listing,
    Place,
    PlaceLabel,
    Revision,
    RevisionState,
    Source,
    Topic,
    TopicLabel,
)
from service.models.listing import ANY, CITY

DEMO = json.loads(
    (Path(__file__).parents[3] / "config/demo/article.json").read_text(encoding="utf-8")
)
BODY_BYTES = 4_500
STEP = 1_000  # articles that go in at once
_STAMP = text("""
    INSERT INTO feed_stamp (topic_id, place_id, seq, at)
    SELECT topic_id, place_id, max(feed_seq), max(feed_at)
    FROM listing JOIN article ON article.id = article_id GROUP BY topic_id, place_id
""")


class City:
    """A migrated database with so many articles; every topic and every district has its share."""

    def __init__(self, db: Database, articles: int, seed: int = 1) -> None:
        self._db, self._chance = db, random.Random(seed)
        written = f"{DEMO['summary']} {DEMO['title']} {DEMO['body_html']}"
        self._words = re.sub("<[^>]*>|&[^;]*;", " ", written).split()
        with db.read() as session:
            self.topics = dict(session.execute(select(Topic.slug, Topic.id)).tuples().all())
            self.places = dict(session.execute(select(Place.slug, Place.id)).tuples().all())
        with db.write() as session:
            source = Source(slug="feeds", sealed_secret="")
            session.add(source)
            session.flush()
            self._source_id = source.id
            now = utcnow() - timedelta(seconds=5)
            for first in range(1, articles + 1, STEP):
                numbers = range(first, min(first + STEP, articles + 1))
                rows = [
                    self._rows(number, now - timedelta(minutes=articles - number))
                    for number in numbers
                ]
                for table, place in ((Article, 0), (Revision, 1), (TopicLabel, 2), (PlaceLabel, 3)):
                    session.execute(insert(table), [one for row in rows for one in row[place]])
                session.execute(insert(Listing), [one for row in rows for one in row[4]])
            session.execute(update(FeedClock).values(seq=articles))
            session.execute(_STAMP)

    def keys(self, count: int) -> list[str]:
        """Combinations of two topics and a district, each once."""
        pairs = itertools.combinations(sorted(self.topics), 2)
        every = [f"{a}+{b}@{place}" for (a, b), place in itertools.product(pairs, self.places)]
        return self._chance.sample(every, count)

    def publish(self) -> None:
        """Change one article, which is of the whole of one topic in one district."""
        with self._db.write() as session:
            article_id = session.scalars(select(Article.id).order_by(Article.id.desc())).first()
            assert article_id is not None, "the city has articles"
            stamp_feeds(session, article_id, utcnow())

    def _rows(self, number: int, at: datetime) -> tuple[list[dict[str, Any]], ...]:
        topic = self._chance.choice(list(self.topics.values()))
        place = self._chance.choice([None, *self.places.values()])
        body = self._text(BODY_BYTES)
        article = {
            "id": number,
            "source_id": self._source_id,
            "external_id": str(number),
            "state": ArticleState.PUBLISHED,
            "revision_id": number,
            "shown_revision_id": number,
            "published_at": at,
            "created_at": at,
            "feed_seq": number,
            "feed_at": at,
        }
        revision = {
            "id": number,
            "article_id": number,
            "content_hash": f"{number:064d}",
            "state": RevisionState.CLASSIFIED,
            "url": f"https://www.tellal.example/haber/{number}",
            "title": f"{DEMO['title']} ({number})",
            "summary": self._text(200),
            "body_html": f"<p>{body}</p>",
            "body_text": body,
            "created_at": at,
        }
        label = {"revision_id": number, "topic_id": topic, "state": LabelState.PUBLISHED}
        listed = itertools.product((ANY, topic), (ANY, place or CITY))
        by, where = {"origin": LabelOrigin.CLASSIFIER}, position(at, number)
        return (
            [article],
            [revision],
            [{**label, **by, "score": 1.0}],
            [{"revision_id": number, "place_id": place, "origin": LabelOrigin.CLASSIFIER}]
            if place
            else [],
            [
                {
                    "topic_id": one,
                    "place_id": other,
                    "position": where,
                    "article_id": number,
                    "seq": number,
                }
                for one, other in listed
            ],
        )

    def _text(self, length: int) -> str:
        words = self._chance.choices(self._words, k=length // 6)
        return html.escape(" ".join(words))[:length].rpartition(" ")[0]
