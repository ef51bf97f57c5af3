"""A city that reads the news once a day: news of given moments, and what it was told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from service.models import (
    DeliveryState,
    DigestItem,
    DigestRun,
    Frequency,
    MailboxMessage,
    Notification,
    NotificationKind,
    Story,
    Subscription,
)
from service.runtime import Runtime
from tests.integration.town import Town
from workers.digest import make_due_runs
from workers.email import send_email_batch
from workers.plan import plan_notification

ISTANBUL = ZoneInfo("Europe/Istanbul")
TUESDAY = date(2031, 6, 3)  # later than the clock of columns, which nothing turns


class Press:
    """Releases news, and makes, plans and sends what is due."""

    def __init__(self, runtime: Runtime, town: Town, clock: Any) -> None:
        self.runtime, self.town, self.clock = runtime, town, clock

    def at(self, day: date, hour: int = 8, minute: int = 0, zone: ZoneInfo = ISTANBUL) -> datetime:
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)

    def turn_to(self, moment: datetime) -> None:
        """Let it be this moment for all modules."""
        self.clock.advance(seconds=(moment - self.clock()).total_seconds())

    def release(self, at: datetime, *labels: Any, is_planned: bool = True, **fields: Any) -> int:
        """An article that was released at a moment, and told to instant readers."""
        article = self.town.article(*labels, **fields)
        notification = self.town.notification(article)
        with self.runtime.db.write() as session:
            session.execute(
                update(Notification)
                .where(Notification.id == notification)
                .values(released_at=at, release_at=at, created_at=at)
            )
        if is_planned:
            plan_notification(self.runtime, notification)
        return article

    def join(self, first: int, second: int) -> None:
        """Make two articles one story."""
        from service.models import Article

        with self.runtime.db.write() as session:
            story = Story()
            session.add(story)
            session.flush()
            articles = Article.id.in_((first, second))
            session.execute(update(Article).where(articles).values(story_id=story.id))

    def make(self) -> list[int]:
        """Make the runs that are due; returns the digests that are not planned yet."""
        make_due_runs(self.runtime)
        return self.unplanned()

    def unplanned(self) -> list[int]:
        with self.runtime.db.read() as session:
            return list(
                session.scalars(
                    select(Notification.id)
                    .where(Notification.kind == NotificationKind.DIGEST)
                    .where(Notification.state.in_(("released", "planning")))
                    .order_by(Notification.id)
                )
            )

    def plan(self) -> list[int]:
        """Make and plan what is due; returns the digests."""
        made = self.make()
        for notification in made:
            plan_notification(self.runtime, notification)
        return made

    def send(self) -> None:
        """Send whatever waits, into the built-in mailbox."""
        for batch in self.town.batches():
            send_email_batch(self.runtime, batch)

    def runs(self) -> list[DigestRun]:
        return sorted(self.town.all(DigestRun), key=lambda run: run.id)

    def told(self, notification: int) -> dict[int, list[int]]:
        """The articles that a digest tells, or told, each of its readers."""
        found: dict[int, list[int]] = {}
        for item in self.town.all(DigestItem):
            if item.notification_id == notification and item.revision_id is not None:
                found.setdefault(item.destination_id, []).append(item.article_id)
        return {reader: sorted(articles) for reader, articles in found.items()}

    def letters(self) -> list[MailboxMessage]:
        return sorted(self.town.all(MailboxMessage), key=lambda one: one.id)

    def end(self, destination: int, topic: str) -> None:
        """A reader leaves one topic."""
        with self.runtime.db.write() as session:
            session.execute(
                update(Subscription)
                .where(Subscription.destination_id == destination)
                .where(Subscription.topic_id == self.town.topic(topic))
                .values(ended_at=datetime.now(UTC), end_reason="one-click")
            )

    def states(self, notification: int) -> dict[int, DeliveryState]:
        return self.town.states(notification)


@pytest.fixture
def press(runtime: Runtime, town: Town, clock: Any) -> Press:
    """On a Tuesday, a minute after eight; the run of the day is not made yet."""
    press = Press(runtime, town, clock)
    press.turn_to(press.at(TUESDAY, 8, 1))
    return press


@pytest.fixture
def yesterday(press: Press) -> datetime:
    return press.at(TUESDAY - timedelta(days=1), 15)


@pytest.fixture
def daily(town: Town) -> Callable[..., int]:
    """A reader of one summary a day."""

    def reader(topic: str | None = "iklim-cevre", place: str | None = None, **fields: Any) -> int:
        return town.reader(topic, place, frequency=Frequency.DAILY, **fields)

    return reader
