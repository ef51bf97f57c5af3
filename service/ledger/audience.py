"""Whom a notification is for: those who asked, or, for what follows it up, those who were told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from service.ledger import followup, match
from service.ledger.match import Batching
from service.models import Article, Notification


class Audience:
    """The destinations of one notification, in key ranges."""

    def __init__(self, session: Session, notification: Notification, article: Article) -> None:
        self._session, self._notification, self._article = session, notification, article
        self._told: list[int] | None = None
        if notification.kind in followup.FOLLOW_UPS:
            self._told = followup.told(session, notification)
        else:
            self._asked = match.question(session, notification, article)
            self._is_old = bool(self._asked.others) and match.was_told_long_ago(
                session, article.story_id, article.id
            )

    def next_range(self, lower: int, size: int) -> int | None:
        """The last destination of the next range; null where nobody is left."""
        if self._told is None:
            found = match.next_range(self._session, self._asked, lower, size)
            if self._is_old or found is None:
                return None
            upper, self._asked = found
            return upper
        return followup.next_range(self._session, self._told, lower, size)

    def plan(self, lower: int, upper: int, batching: Batching) -> int:
        """Plan a range; a second time adds only who was not planned yet. Returns how many.

        Few are told of a follow-up, so theirs find their batches afterwards.
        """
        if self._told is None:
            notification_id = self._notification.id
            return match.plan(self._session, notification_id, self._asked, lower, upper, batching)
        return followup.plan(
            self._session, self._notification, self._article, self._told, lower, upper
        )

    def rest(self, now: datetime) -> timedelta | None:
        """How long to wait before all is looked at once more; null where that is not needed."""
        if self._told is None:
            return None
        return followup.rest(self._session, self._notification, self._told, now)
