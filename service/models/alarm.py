"""An alarm: something that went wrong for good, or keeps going wrong, and that staff must see."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow

LIVE = text("cleared_at IS NULL")


class AlarmKind(StrEnum):
    """What its `object_id` names: a batch, a revision, a notification, a channel, the checksum of a
    domain or a mail lane, or when the break-glass account was used, in seconds since 1970; of many
    looks, an account of the staff; of a canary, its kind (`ledger.canary.NUMBER`); 0 or 1 where
    there can be one alone."""

    BATCH_GIVEN_UP = "batch given up"
    REVISION_GIVEN_UP = "revision given up"
    PLAN_FAILS = "plan fails"
    LEDGER_WRONG = "ledger wrong"
    JOURNAL_STUCK = "journal stuck"
    MAIL_REFUSED = "mail refused"
    MAIL_COMPLAINTS = "mail complaints"
    BREAK_GLASS = "break-glass used"
    TEMPLATE_BROKEN = "template broken"
    MANY_LOOKS = "many looks"
    REVIEW_WAITS = "review waits"
    CHANNEL_PAUSED = "channel paused"
    CANARY_SILENT = "canary silent"


class Alarm(Base):
    """One that was not cleared is live; of a kind and object at most one is."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "uq_alarm_live",
            "kind",
            "object_id",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[AlarmKind] = mapped_column(String(32))
    object_id: Mapped[int] = mapped_column(BigId)
    text: Mapped[str] = mapped_column(String(500))
    raised_at: Mapped[datetime] = mapped_column(default=utcnow)
    cleared_at: Mapped[datetime | None]
