"""An article that is told by the digest of this morning instead of at once.

Nobody waits for eight o'clock: everybody asks for one summary a day, the article's release is moved
to last night, and the run of today is forgotten. The sweeper finds that it is due, and makes it.
"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect, delete, select, update

from service.db import utcnow
from service.ledger.digest_runs import last_due
from service.models import (
    Article,
    DigestRun,
    Frequency,
    Notification,
    NotificationKind,
    NotificationState,
    Subscription,
)
from tests.chaos.city import READY_S, City

ZONE = ZoneInfo("Europe/Istanbul")


def tell_in_the_morning(city: City, mark: str) -> None:
    """Post an article that instant readers do not hear of, and let its digest be due."""
    _ask(city, Frequency.DAILY)
    city.post(mark)
    city.wait(lambda: _is_over(city, mark), READY_S, "the article is not released")
    last_night = last_due(Frequency.DAILY, utcnow(), ZONE).until - timedelta(hours=2)
    with city.db.write() as session:
        session.execute(
            update(Notification)
            .where(Notification.article_id == _article(mark))
            .values(released_at=last_night)
        )
        session.execute(delete(DigestRun).where(DigestRun.frequency == Frequency.DAILY))


def tell_at_once(city: City) -> None:
    """Everybody hears of the next article as it is published."""
    _ask(city, Frequency.INSTANT)


def _ask(city: City, frequency: Frequency) -> None:
    with city.db.write() as session:
        session.execute(update(Subscription).values(frequency=frequency))


def _is_over(city: City, mark: str) -> bool:
    with city.db.read() as session:
        news = session.query(Notification).filter_by(kind=NotificationKind.NEW)
        found = news.filter(Notification.article_id == _article(mark)).one_or_none()
    return found is not None and found.state == NotificationState.DONE


def _article(mark: str) -> ScalarSelect[int]:
    return select(Article.id).where(Article.external_id == mark).scalar_subquery()
