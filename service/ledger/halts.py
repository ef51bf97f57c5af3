"""Halts: what staff paused or cancelled, and what of that a notification's deliveries meet.

A pause decides nothing: what it meets waits, and is sent once it ends. A cancel is for good, for
what was released before it; whoever holds a delivery settles it so at the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.channel_pause import end_own_pause
from service.models import Halt, HaltKind, HaltScope

# Each half on an index of its own: `uq_halt_live_pause`, `ix_halt_cancel`. What the service itself
# says, such as a sign-in link, is never halted. An article's cancel is `stopped_at`, which planning
# knows too. A resend counts as a release: it takes back what was cancelled before it.
HALTS = text("""
    SELECT h.kind, h.scope, h.object_id, h.lane
    FROM notification n JOIN halt h ON h.kind = 'pause' AND h.ended_at IS NULL
    WHERE n.id = :notification AND n.kind <> 'service'
      AND (h.scope <> 'article' OR h.object_id = n.article_id)
    UNION ALL
    SELECT h.kind, h.scope, h.object_id, h.lane
    FROM notification n
    JOIN halt h ON h.kind = 'cancel' AND h.at > coalesce(n.resent_at, n.released_at)
    WHERE n.id = :notification AND n.kind <> 'service' AND h.scope <> 'article'
""")

NONE = -1  # no row has this id: an empty list has no type in SQL
NO_LANE = ""  # nor has one this lane


@dataclass
class Halts:
    """What meets the deliveries of one notification; `is_paused`, `is_cancelled`: all of them."""

    is_paused: bool = False
    is_cancelled: bool = False
    paused_topics: list[int] = field(default_factory=list)
    cancelled_topics: list[int] = field(default_factory=list)
    paused_channels: list[int] = field(default_factory=list)
    cancelled_channels: list[int] = field(default_factory=list)
    paused_lanes: list[str] = field(default_factory=list)

    def add(self, kind: str, scope: str, object_id: int, lane: str = "") -> None:
        """Let one more halt meet them."""
        is_pause = kind == HaltKind.PAUSE
        if scope == HaltScope.TOPIC:
            (self.paused_topics if is_pause else self.cancelled_topics).append(object_id)
        elif scope == HaltScope.CHANNEL:
            (self.paused_channels if is_pause else self.cancelled_channels).append(object_id)
        elif scope == HaltScope.LANE:
            self.paused_lanes.append(lane)
        elif is_pause:
            self.is_paused = True
        else:
            self.is_cancelled = True

    def values(self) -> dict[str, Any]:
        """For the statement that decides about deliveries."""
        return {
            "is_paused": self.is_paused,
            "is_cancelled": self.is_cancelled,
            "paused_topics": self.paused_topics or [NONE],
            "cancelled_topics": self.cancelled_topics or [NONE],
            "paused_channels": self.paused_channels or [NONE],
            "cancelled_channels": self.cancelled_channels or [NONE],
            "paused_lanes": self.paused_lanes or [NO_LANE],
        }


def halts_of(session: Session, notification_id: int) -> Halts:
    """The halts that meet a notification now, each time read anew."""
    halts = Halts()
    for kind, scope, object_id, lane in session.execute(HALTS, {"notification": notification_id}):
        halts.add(kind, scope, object_id, lane)
    return halts


def pause(
    session: Session,
    scope: HaltScope,
    object_id: int,
    reason: str,
    staff_id: int | None,
    now: datetime,
    *,
    lane: str = "",
) -> bool:
    """Let what is unsent wait from the next slice on; False where it was paused already.

    `lane` names the mail lane whose number `object_id` is (`lanes.number_of`).
    """
    halt = Halt(
        scope=scope,
        object_id=object_id,
        lane=lane,
        kind=HaltKind.PAUSE,
        reason=reason,
        staff_id=staff_id,
        at=now,
    )
    try:
        with session.begin_nested():
            session.add(halt)
            session.flush()
    except IntegrityError:
        return False
    return True


def resume(session: Session, scope: HaltScope, object_id: int, now: datetime) -> bool:
    """End a pause; True for the call that did it. A channel that paused itself is sent to again.

    Call `hold.free_held` after the commit, so that what waited is due at once.
    """
    ended = rows(
        session,
        update(Halt)
        .where(Halt.kind == HaltKind.PAUSE, Halt.ended_at.is_(None))
        .where(Halt.scope == scope, Halt.object_id == object_id)
        .values(ended_at=now)
        .execution_options(synchronize_session=False),
    )
    if scope == HaltScope.CHANNEL:
        ended += end_own_pause(session, object_id, now)
    return ended > 0


def live_pauses(session: Session, scope: HaltScope | None = None) -> Sequence[Halt]:
    """The pauses that hold now, of one scope or of all, oldest first."""
    query = select(Halt).where(Halt.kind == HaltKind.PAUSE, Halt.ended_at.is_(None))
    if scope is not None:
        query = query.where(Halt.scope == scope)
    return session.scalars(query.order_by(Halt.id)).all()


def lock_pauses(session: Session) -> None:
    """Let nobody end a pause before the commit: who hands a batch back would come too late for
    whoever resumes."""
    session.execute(
        select(Halt.id)
        .where(Halt.kind == HaltKind.PAUSE, Halt.ended_at.is_(None))
        .order_by(Halt.id)
        .with_for_update(read=True)
    ).all()
