"""What senders count: each answer by its outcome, and how long news took to its readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ledger.lease import Lease
from service.ledger.outcome import Outcome
from service.models import (
    Article,
    Batch,
    DeliveryState,
    DestinationKind,
    Notification,
    NotificationKind,
)
from service.subscriptions.addresses import OTHER, PROVIDERS
from service.telemetry.meters import ANSWERS, DELAY_S, MAIL_ANSWERS, Meters

# A CMS dates an article back as its editors like. What was public for longer than this before it
# came in counts from there; a feed that is pulled every ten minutes stays within it.
DATED_BACK = timedelta(minutes=15)
URGENT, NEWS, DIGEST, SERVICE, FEED = "urgent", "news", "digest", "service", "feed"
PRIORITY = {
    NotificationKind.DIGEST: DIGEST,
    NotificationKind.SUMMARY: DIGEST,
    NotificationKind.SERVICE: SERVICE,
    NotificationKind.FEED: FEED,
}


@dataclass(frozen=True)
class Measure:
    """Counts the answers of a batch. `since`: what delays are counted from, an article's
    publication, or its coming in where that is long before, or the making of another message;
    null: a digest comes when it was asked for."""

    meters: Meters
    channel: str
    lane: str  # of a known provider, or all others': a closed set
    priority: str
    since: datetime | None

    @classmethod
    def of(cls, session: Session, meters: Meters, batch: Lease | Batch) -> Measure:
        made, published = Notification.created_at, Article.published_at
        row = session.execute(
            select(Notification.kind, Notification.is_urgent, made, published)
            .outerjoin(Article, Article.id == Notification.article_id)
            .where(Notification.id == batch.notification_id)
        ).one()
        kind = NotificationKind(row.kind)
        priority = URGENT if row.is_urgent else PRIORITY.get(kind, NEWS)
        since = row.created_at
        is_news = kind == NotificationKind.NEW and row.published_at is not None
        if is_news and row.published_at >= since - DATED_BACK:
            since = row.published_at
        lane = batch.lane if batch.lane in PROVIDERS else OTHER
        return cls(meters, str(batch.kind), lane, priority, None if priority == DIGEST else since)

    def count(self, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Count what was settled at this moment.

        By provider only what was tried: what waits for the morning is no word of the provider's.
        """
        outcomes = list(outcomes)
        states = Counter(outcome.state for outcome in outcomes)
        if self.channel == DestinationKind.EMAIL:
            tried = Counter(outcome.state for outcome in outcomes if outcome.is_try)
            for state, number in tried.items():
                self.meters.add(MAIL_ANSWERS, self.lane, state.word, count=number)
        for state, number in states.items():
            self.meters.add(ANSWERS, self.channel, self.priority, state.word, count=number)
        if self.since is not None and (sent := states[DeliveryState.SENT]):
            delay_s = max((now - self.since).total_seconds(), 0.0)
            self.meters.observe(DELAY_S, delay_s, self.channel, self.priority, count=sent)
