"""Subscribers of our WebSub hub: who is pushed which feed, until when, and what asks to be one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import Index

from service.db import Base, BigId, utcnow

LIVE = text("ended_at IS NULL")
OPEN = text("settled_at IS NULL")


class HubMode(StrEnum):
    """What somebody asks of the hub, by the words of the Recommendation (section 5.1)."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


class WebsubEnd(StrEnum):
    """Why a subscription is over."""

    UNSUBSCRIBED = "unsubscribed"
    LEASE = "lease over"
    GONE = "callback gone"
    TOPIC = "topic gone"
    STAFF = "ended by staff"
    SETTING = "no longer in the settings"


class WebsubSubscription(Base):
    """What a destination of kind `websub` is: one callback and one feed in one format.

    The callback may hold a token that only its owner knows, so it is sealed, and erased some time
    after the end; `host` is what staff see of it. It is pushed to between a verification and
    `lease_until`, which no failure moves.

    `request_id`: the newest request that was verified. `pushed_seq`: the number of the feed clock
    at which the document was composed that it took last. `turn_until`: one push to it at a time.
    `rest_until`: after a failure nothing is tried before. `is_outside`: another hub, which is not
    pushed to but told which feeds have changed; it has no lease.
    """

    __tablename__ = "websub_subscription"
    __table_args__ = (
        Index(
            "ix_websub_subscription_live",
            "lease_until",
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index("ix_websub_subscription_ended_at", "ended_at"),
    )

    destination_id: Mapped[int] = mapped_column(ForeignKey("destination.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(Text)  # the canonical key of the feed
    format: Mapped[str] = mapped_column(String(8))
    host: Mapped[str] = mapped_column(Text, index=True)
    sealed_callback: Mapped[str] = mapped_column(Text)
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    is_outside: Mapped[bool] = mapped_column(default=False)
    request_id: Mapped[int] = mapped_column(BigId, default=0)
    verified_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))
    pushed_seq: Mapped[int] = mapped_column(BigId, default=0)
    turn_until: Mapped[datetime | None]
    rest_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)  # in a row
    tried_at: Mapped[datetime | None]
    last_answer: Mapped[str] = mapped_column(String(120), default="")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class WebsubList(Base):
    """One list of articles (`Listing`) that the feed of a live subscription joins: by it a change
    finds its subscribers, and nobody else."""

    __tablename__ = "websub_list"

    topic_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    place_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    destination_id: Mapped[int] = mapped_column(
        ForeignKey("destination.id"), primary_key=True, index=True
    )


class WebsubRequest(Base):
    """Somebody asked for a callback to be subscribed, or not to be any more; the callback itself
    has to say so before anything changes. `outcome`: what it said, once that is settled."""

    __tablename__ = "websub_request"
    __table_args__ = (
        Index(
            "ix_websub_request_open",
            "destination_id",
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index("ix_websub_request_settled_at", "settled_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    destination_id: Mapped[int] = mapped_column(ForeignKey("destination.id"))
    mode: Mapped[HubMode] = mapped_column(String(16))
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    lease_s: Mapped[int] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(120), default="")
