"""Whom a notification is for: those who asked, those who were told what it follows up, for a
digest those who asked for any of its articles, for a change of feeds the subscribers of our hub."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger import digest_match, followup, match
from service.ledger.match import Batching
from service.ledger.pushes import HubReaders
from service.models import Article, Notification, NotificationKind


class Audience(Protocol):
    """The destinations of one notification, in key ranges."""

    def next_range(self, lower: int, size: int) -> int | None:
        """The last destination of the next range; null where nobody is left."""

    def plan(self, lower: int, upper: int, batching: Batching) -> int:
        """Plan a range; a second time adds only who was not planned yet. Returns how many."""

    def rest(self, now: datetime) -> timedelta | None:
        """How long to wait before all is looked at once more; null where that is not needed."""

    @property
    def items(self) -> int | None:
        """The rows that the last range wrote beside its deliveries, where it wrote any."""


def audience_of(session: Session, notification: Notification) -> Audience:
    """The audience of a notification that is being planned."""
    if notification.kind == NotificationKind.DIGEST:
        return DigestReaders(session, notification)
    if notification.kind == NotificationKind.FEED:
        return HubReaders(session, notification, utcnow())
    article = session.get_one(Article, notification.article_id)
    if notification.kind in followup.FOLLOW_UPS:
        return Told(session, notification, article)
    return Askers(session, notification, article)


class Askers:
    """Who asked for what an article is about."""

    items = None

    def __init__(self, session: Session, notification: Notification, article: Article) -> None:
        self._session, self._notification = session, notification
        self._asked = match.question(session, notification, article)
        self._is_old = bool(self._asked.others) and match.was_told_long_ago(
            session, article.story_id, article.id
        )

    def next_range(self, lower: int, size: int) -> int | None:
        found = match.next_range(self._session, self._asked, lower, size)
        if self._is_old or found is None:
            return None
        upper, self._asked = found
        return upper

    def plan(self, lower: int, upper: int, batching: Batching) -> int:
        notification_id = self._notification.id
        return match.plan(self._session, notification_id, self._asked, lower, upper, batching)

    def rest(self, now: datetime) -> timedelta | None:
        return None


class Told:
    """Who was told an article. They are few, so theirs find their batches afterwards."""

    items = None

    def __init__(self, session: Session, notification: Notification, article: Article) -> None:
        self._session, self._notification, self._article = session, notification, article
        self._told = followup.told(session, notification)
        self._digests = followup.digests(session, notification) if self._told else []
        self._all = self._told + self._digests

    def next_range(self, lower: int, size: int) -> int | None:
        return followup.next_range(self._session, self._all, lower, size)

    def plan(self, lower: int, upper: int, batching: Batching) -> int:
        return followup.plan(
            self._session,
            self._notification,
            self._article,
            self._told,
            self._digests,
            lower,
            upper,
        )

    def rest(self, now: datetime) -> timedelta | None:
        return followup.rest(self._session, self._notification, self._all, now)


class DigestReaders:
    """Who asked for any article of a digest, by its frequency."""

    def __init__(self, session: Session, notification: Notification) -> None:
        self._session = session
        self._issue = digest_match.issue(session, notification)
        self.items: int | None = None

    def next_range(self, lower: int, size: int) -> int | None:
        if not self._issue.articles:  # all of them were withdrawn
            return None
        found = match.next_range(self._session, self._issue.question, lower, size)
        return None if found is None else found[0]

    def plan(self, lower: int, upper: int, batching: Batching) -> int:
        planned, self.items = digest_match.plan(self._session, self._issue, lower, upper, batching)
        return planned

    def rest(self, now: datetime) -> timedelta | None:
        return None
