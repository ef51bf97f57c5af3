"""A town that listens: readers, channels and articles, put straight into the database."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from sqlalchemy import func, select, update

from service.db import utcnow
from service.ledger.audit import audit
from service.ledger.direct import queue_direct
from service.models import (
    Article,
    ArticleState,
    Batch,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    Frequency,
    InboxEvent,
    LabelOrigin,
    LabelState,
    MailboxMessage,
    Notification,
    NotificationKind,
    NotificationState,
    Place,
    PlaceLabel,
    Revision,
    RevisionState,
    Source,
    Story,
    Subscription,
    Suppression,
    Topic,
    TopicLabel,
)
from service.runtime import Runtime
from workers.plan import plan_notification

TOPIC = "iklim-cevre"
EDITOR = "ayse@example.org"
TITLE = "Körfez için iklim eylem planı: karbon salımı azalıyor"

_numbers = itertools.count(1)


class Town:
    """Readers, channels and articles, put straight into the database."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def topic(self, slug: str = TOPIC) -> int:
        with self.runtime.db.read() as session:
            return session.scalars(select(Topic.id).where(Topic.slug == slug)).one()

    def place(self, slug: str) -> int:
        with self.runtime.db.read() as session:
            return session.scalars(select(Place.id).where(Place.slug == slug)).one()

    def reader(
        self,
        topic: str | None = TOPIC,
        place: str | None = None,
        *,
        address: str = "",
        frequency: Frequency = Frequency.INSTANT,
        is_verified: bool = True,
        is_paused: bool = False,
        is_suppressed: bool = False,
        language: str = "tr",
        lane: str = "other",
    ) -> int:
        """A destination with one subscription."""
        number = next(_numbers)
        address = address or f"reader{number}@example.org"
        hashed = self.runtime.vault.keyed_hash("address", f"email:{address}")
        with self.runtime.db.write() as session:
            destination = Destination(
                kind=DestinationKind.EMAIL,
                address=address,
                address_hash=hashed,
                lane=lane,
                language=language,
                verified_at=utcnow() if is_verified else None,
                is_paused=is_paused,
            )
            session.add(destination)
            if is_suppressed:
                session.add(Suppression(address_hash=hashed, reason="bounce"))
        self.subscribe(destination.id, topic, place, frequency)
        return destination.id

    def readers(self, count: int, topic: str | None = TOPIC) -> list[int]:
        """Many at once, in one transaction."""
        topic_id = self.topic(topic) if topic else None
        with self.runtime.db.write() as session:
            found = [
                Destination(
                    kind=DestinationKind.EMAIL,
                    address=f"many{next(_numbers)}@example.org",
                    address_hash=f"{next(_numbers):064d}",
                    lane="other",
                    verified_at=utcnow(),
                )
                for _ in range(count)
            ]
            session.add_all(found)
            session.flush()
            session.add_all(Subscription(destination_id=one.id, topic_id=topic_id) for one in found)
        return [one.id for one in found]

    def subscribe(
        self,
        destination_id: int,
        topic: str | None = TOPIC,
        place: str | None = None,
        frequency: Frequency = Frequency.INSTANT,
    ) -> int:
        row = Subscription(
            destination_id=destination_id,
            topic_id=self.topic(topic) if topic else None,
            place_id=self.place(place) if place else None,
            frequency=frequency,
        )
        with self.runtime.db.write() as session:
            session.add(row)
        return row.id

    def unsubscribe(self, destination_id: int) -> None:
        with self.runtime.db.write() as session:
            session.execute(
                update(Subscription)
                .where(Subscription.destination_id == destination_id)
                .values(ended_at=utcnow(), end_reason="one-click")
            )

    def channel(self, url: str, topic: str | None = TOPIC) -> int:
        """A chat channel's destination."""
        number = next(_numbers)
        with self.runtime.db.write() as session:
            channel = Channel(
                name=f"Kanal {number}",
                scheme=url.partition(":")[0],
                sealed_url=self.runtime.vault.encrypt(url),
                masked_url="***",
            )
            session.add(channel)
            session.flush()
            destination = Destination(
                kind=DestinationKind.CHAT,
                channel_id=channel.id,
                address_hash=f"chat{number}",
                lane=channel.scheme,
                verified_at=utcnow(),
            )
            session.add(destination)
        self.subscribe(destination.id, topic)
        return destination.id

    def article(
        self,
        topics: tuple[str, ...] = (TOPIC,),
        places: tuple[str, ...] = (),
        *,
        story_id: int | None = None,
        state: RevisionState = RevisionState.CLASSIFIED,
        **fields: Any,
    ) -> int:
        """A published article with a labelled revision."""
        number = next(_numbers)
        topic_ids = [self.topic(slug) for slug in topics]
        place_ids = [self.place(slug) for slug in places]
        with self.runtime.db.write() as session:
            source = session.scalar(select(Source).where(Source.slug == "town"))
            source = source or Source(slug="town", sealed_secret="")
            story = session.get(Story, story_id) if story_id else Story()
            session.add_all((source, story))
            session.flush()
            article = Article(
                source_id=source.id,
                external_id=str(number),
                state=ArticleState.PUBLISHED,
                story_id=story.id,
                published_at=utcnow(),
            )
            session.add(article)
            session.flush()
            values = {
                "url": f"https://www.example.bel.tr/haber/{number}",
                "title": TITLE,
                "summary": "İklim eylem planı kabul edildi.",
                "body_html": "<p>Gövde</p>",
                "body_text": "Gövde",
                **fields,
            }
            revision = Revision(
                article_id=article.id, content_hash=f"{number:064d}", state=state, **values
            )
            session.add(revision)
            session.flush()
            article.revision_id = revision.id
            if state == RevisionState.CLASSIFIED:
                article.shown_revision_id = revision.id
            for topic_id in topic_ids:
                session.add(
                    TopicLabel(
                        revision_id=revision.id,
                        topic_id=topic_id,
                        state=LabelState.PUBLISHED,
                        origin=LabelOrigin.CLASSIFIER,
                        score=0.9,
                        evidence=[{"text": "iklim"}, {"text": "karbon"}],
                    )
                )
            for place_id in place_ids:
                session.add(
                    PlaceLabel(
                        revision_id=revision.id, place_id=place_id, origin=LabelOrigin.CLASSIFIER
                    )
                )
        return article.id

    def notification(
        self, article_id: int, *, state: NotificationState = NotificationState.RELEASED
    ) -> int:
        row = Notification(
            kind=NotificationKind.NEW,
            state=state,
            article_id=article_id,
            release_at=utcnow(),
            released_at=utcnow(),
        )
        with self.runtime.db.write() as session:
            session.add(row)
        return row.id

    def planned(self, article_id: int | None = None) -> int:
        """A notification about an article, planned."""
        notification_id = self.notification(article_id or self.article())
        plan_notification(self.runtime, notification_id)
        return notification_id

    def message(self, destination_id: int, template: str = "welcome") -> int:
        """A message of the service itself; returns its notification."""
        with self.runtime.db.write() as session:
            destination = session.get_one(Destination, destination_id)
            batch = queue_direct(
                session,
                destination=destination,
                template=template,
                payload={"language": "tr"},
                request_id="test",
            )
        return batch.notification_id

    def batches(self, notification_id: int | None = None) -> list[int]:
        """Batches in order, of one notification or of all."""
        query = select(Batch.id).order_by(Batch.id)
        if notification_id is not None:
            query = query.where(Batch.notification_id == notification_id)
        with self.runtime.db.read() as session:
            return list(session.scalars(query))

    def states(self, notification_id: int) -> dict[int, DeliveryState]:
        """Each destination's outcome."""
        with self.runtime.db.read() as session:
            found = session.execute(
                select(Delivery.destination_id, Delivery.state).where(
                    Delivery.notification_id == notification_id
                )
            )
            return {destination: DeliveryState(state) for destination, state in found}

    def counts(self, notification_id: int) -> Counter[DeliveryState]:
        return Counter(self.states(notification_id).values())

    def get(self, model: type, key: Any) -> Any:
        with self.runtime.db.read() as session:
            return session.get_one(model, key)

    def all(self, model: type) -> list[Any]:
        with self.runtime.db.read() as session:
            return list(session.scalars(select(model)))

    def count(self, model: type) -> int:
        with self.runtime.db.read() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def news(self) -> list[Notification]:
        """Notifications but for the gathered ones, which the hour of the day brings unasked."""
        gathered = {NotificationKind.DIGEST, NotificationKind.SUMMARY}
        return [row for row in self.all(Notification) if row.kind not in gathered]

    def mails(self) -> Counter[str]:
        """How often each recipient got something into the built-in mailbox."""
        got: Counter[str] = Counter()
        for mail in self.all(MailboxMessage):
            got[mail.recipient] += mail.copies
        return got

    def findings(self) -> list[str]:
        with self.runtime.db.read() as session:
            return [str(finding) for finding in audit(session)]

    def is_empty(self) -> bool:
        """Nothing came through the door."""
        return not (self.count(InboxEvent) or self.count(Article) or self.count(Notification))
