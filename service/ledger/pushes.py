"""Pushes: which subscribers of the WebSub hub a change of the feeds concerns.

A change is known by the lists that its article is in or was in, and a subscription by those that
its feed joins, so whose feed has changed is one statement, and exact. A `feed` notification is
about no article: what it brings is a feed as it is by then, so withdrawing or cancelling an article
stops none, and nobody counts as told by it (docs/adr/0036).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, null, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.db import rows, table_of
from service.ledger.match import Batching
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    WebsubList,
    WebsubSubscription,
)

Pair = tuple[int, int]  # the numbers of a list's topic and place
LONG_AGO = timedelta(hours=1)


def announce(
    session: Session, article_id: int, lists: Collection[Pair], seq: int, now: datetime
) -> None:
    """Have the subscribers of these lists told of change `seq`, in the transaction that makes it.

    Nearly always there are none, and a look into an index is all that it costs. Nobody rings for
    the notification: that it was rung for long ago lets the next sweep do so.
    """
    if not lists or session.scalar(select(literal(1)).where(_has(lists)).limit(1)) is None:
        return
    request_id = session.scalar(
        select(Revision.request_id)
        .join(Article, Article.revision_id == Revision.id)
        .where(Article.id == article_id)
    )
    session.add(
        Notification(
            kind=NotificationKind.FEED,
            state=NotificationState.RELEASED,
            payload={"seq": seq, "article": article_id, "lists": sorted(map(list, lists))},
            release_at=now,
            released_at=now,
            rung_at=now - LONG_AGO,
            request_id=request_id or "",
        )
    )
    session.flush()


def is_live(now: datetime) -> ColumnElement[bool]:
    """A subscription that is pushed to: neither ended nor past its lease. Another hub has none."""
    lease = WebsubSubscription.lease_until
    is_leased = or_(lease > now, WebsubSubscription.is_outside.is_(True))
    return WebsubSubscription.ended_at.is_(None) & is_leased


class HubReaders:
    """Whose feeds changed, of the subscriptions that are live at this moment."""

    items = None

    def __init__(self, session: Session, notification: Notification, now: datetime) -> None:
        self._session, self._notification, self._now = session, notification, now
        self._lists = [(int(topic), int(place)) for topic, place in notification.payload["lists"]]

    def next_range(self, lower: int, size: int) -> int | None:
        concerned = self._concerned(lower).order_by(WebsubList.destination_id).limit(size)
        last = select(func.max(concerned.subquery().c.destination_id))
        found: int | None = self._session.scalar(last)
        return found

    def plan(self, lower: int, upper: int, batching: Batching) -> int:
        """They find their batches afterwards: each host is a lane of its own."""
        concerned = self._concerned(lower).where(WebsubList.destination_id <= upper).subquery()
        values: tuple[ColumnElement[Any], ...] = (
            *(literal(self._notification.id), concerned.c.destination_id),
            *(literal(int(DeliveryState.QUEUED)), null(), literal(0)),
        )
        columns = ("notification_id", "destination_id", "state", "batch_id", "attempts")
        dialect = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        # SQLite takes the ON of a conflict for that of a join, but for a WHERE in between.
        source = select(*values).where(literal(1) == 1)
        insert = dialect.insert(table_of(Delivery)).from_select(columns, source)
        insert = insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        return rows(self._session, insert)

    def rest(self, now: datetime) -> timedelta | None:
        return None

    def _concerned(self, lower: int) -> Any:
        return (
            select(WebsubList.destination_id)
            .distinct()
            .join(
                WebsubSubscription,
                WebsubSubscription.destination_id == WebsubList.destination_id,
            )
            .where(_is_among(self._lists), WebsubList.destination_id > lower, is_live(self._now))
        )


def _has(lists: Iterable[Pair]) -> ColumnElement[bool]:
    return select(WebsubList.destination_id).where(_is_among(lists)).exists()


def _is_among(lists: Iterable[Pair]) -> ColumnElement[bool]:
    return tuple_(WebsubList.topic_id, WebsubList.place_id).in_(sorted(lists))
