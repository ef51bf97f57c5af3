"""A city of mixed choices, made up from a seed, and the news of one day."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, update

from service.db import table_of, utcnow
from service.ledger.digest_runs import last_due
from service.models import (
    Delivery,
    Destination,
    DigestArticle,
    DigestItem,
    DigestRun,
    Frequency,
    Notification,
    Place,
    PlaceLabel,
    Revision,
    Subscription,
    Topic,
    TopicLabel,
)
from tests.bench.ledger.scene import LANES, Scene
from tests.digest_oracle import Article, Person, Wish
from workers.digest import make_due_runs
from workers.plan import plan_notification

FIRST = 1_000  # the number of the first reader
CHUNK = 5_000
OFTEN = ("daily", "daily", "daily", "weekly", "instant")


class City:
    """Readers with up to four wishes each; of each wish any topic or all, any district or none."""

    def __init__(self, scene: Scene, readers: int, articles: int, seed: int = 1) -> None:
        self.scene, self.runtime, self.readers = scene, scene.runtime, readers
        self._chance = random.Random(seed)
        with self.runtime.db.read() as session:
            self._topics = session.scalars(select(Topic.id).order_by(Topic.id)).all()
            self._places = session.scalars(select(Place.id).order_by(Place.id)).all()
        self.people: dict[int, Person] = {}
        for start in range(FIRST, FIRST + readers, CHUNK):
            self._fill(range(start, min(start + CHUNK, FIRST + readers)))
        self.articles = [self._article(n, articles) for n in range(articles)]
        with self.runtime.db.read() as session:
            news = session.scalars(select(Notification.id).order_by(Notification.id)).all()
        for notification in news:
            plan_notification(self.runtime, notification)
        scene.tidy()

    def digest(self) -> int:
        """The daily run, made anew; its notification, not planned yet."""
        with self.runtime.db.write() as session:
            for model in (DigestRun, DigestArticle):
                session.execute(delete(model))
        self.empty()
        make_due_runs(self.runtime)
        with self.runtime.db.read() as session:
            run = select(DigestRun).where(DigestRun.frequency == Frequency.DAILY)
            found = session.scalars(run).one().notification_id
        assert found is not None
        return found

    def empty(self) -> None:
        """Forget the items that other rounds planned, and their deliveries."""
        with self.runtime.db.write() as session:
            digests = select(Notification.id).where(Notification.kind == "digest")
            numbers = session.scalars(digests).all()
            first = min(numbers, default=2**40)
            for model in (DigestItem, Delivery):
                session.execute(delete(model).where(model.notification_id >= first))
            session.execute(
                update(Notification)
                .where(Notification.id.in_(numbers))
                .values(state="cancelled", planned=0)
            )

    def items(self, notification: int, readers: Sequence[int]) -> dict[int, list[int]]:
        """What was planned for some readers."""
        found: dict[int, list[int]] = {}
        with self.runtime.db.read() as session:
            for reader, article in session.execute(
                select(DigestItem.destination_id, DigestItem.article_id)
                .where(DigestItem.notification_id == notification)
                .where(DigestItem.destination_id.in_(readers))
            ):
                found.setdefault(reader, []).append(article)
        return found

    def count(self, notification: int) -> tuple[int, int]:
        """Readers and items that were planned."""
        items = select(func.count()).select_from(DigestItem)
        with self.runtime.db.read() as session:
            planned = session.get_one(Notification, notification).planned
            of_it = items.where(DigestItem.notification_id == notification)
            return planned, session.scalar(of_it) or 0

    def _fill(self, numbers: range) -> None:
        chance, destinations, wishes = self._chance, [], []
        now = utcnow()
        for n in numbers:
            lane = LANES[n % len(LANES)]
            destinations.append(
                {
                    "id": n,
                    "kind": "email",
                    "address": f"r{n}@{lane}.example.com",
                    "address_hash": f"r{n:063}",
                    "lane": lane,
                    "verified_at": now,
                }
            )
            chosen = dict.fromkeys(  # in their order, so that a seed is a city
                (
                    chance.choice((None, *self._topics)),
                    chance.choice(self._places) if chance.random() < 0.4 else None,
                )
                for _ in range(chance.randint(1, 4))
            )
            person = []
            for topic, place in chosen:
                is_local = place is not None and chance.random() < 0.2
                person.append(Wish(topic, place, chance.choice(OFTEN), is_local))
                wishes.append(
                    {
                        "destination_id": n,
                        "topic_id": topic,
                        "place_id": place,
                        "frequency": person[-1].frequency,
                        "is_local_only": is_local,
                    }
                )
            self.people[n] = Person(person)
        with self.runtime.db.write() as session:
            session.execute(insert(table_of(Destination)), destinations)
            session.execute(insert(table_of(Subscription)), wishes)

    def _article(self, n: int, count: int) -> Article:
        chance = self._chance
        topics = chance.sample(list(self._topics), chance.choice((1, 1, 2, 3)))
        places = chance.sample(list(self._places), chance.choice((0, 0, 1, 2)))
        notification = self.scene.news(1, f"Haber {n}: " + "yeni yol açıldı " * 3)
        due = last_due(Frequency.DAILY, utcnow(), ZoneInfo(self.runtime.settings.timezone))
        at = due.until - timedelta(hours=12) + timedelta(minutes=n)
        with self.runtime.db.write() as session:
            row = session.get_one(Notification, notification)
            row.released_at = at
            revision = session.scalars(
                select(Revision).where(Revision.article_id == row.article_id)
            ).one()
            revision.summary = "Bakanlıkla yapılan anlaşmaya göre çalışmalar yazın bitecek. " * 5
            revision.url = f"https://www.example.bel.tr/haber/{n}"
            session.execute(delete(TopicLabel).where(TopicLabel.revision_id == revision.id))
            for rank, topic in enumerate(topics):
                label = {"topic_id": topic, "state": "published", "score": 1 - rank / 10}
                session.add(TopicLabel(revision_id=revision.id, origin="classifier", **label))
            for place in places:
                session.add(
                    PlaceLabel(revision_id=revision.id, place_id=place, origin="classifier")
                )
            article_id = row.article_id or 0
        return Article(
            article_id, count - n, frozenset(topics), frozenset(places), story=article_id
        )
