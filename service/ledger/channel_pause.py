"""A channel that pauses itself, because its service refused us for good, and how that ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import rows
from service.ledger.alarms import clear_alarm, raise_alarm
from service.models import AlarmKind, Channel

MAX_REASON = 300
BY_ITSELF = "paused by itself: "  # before the answer that it got


def pause_itself(
    session: Session, channel_id: int, sealed_url: str, answer: str, now: datetime
) -> bool:
    """Pause a channel and alarm the staff; False where it is paused already, or has got another
    address than the one that was refused."""
    paused = rows(
        session,
        update(Channel)
        .where(Channel.id == channel_id, Channel.sealed_url == sealed_url)
        .where(Channel.is_paused.is_(False), Channel.removed_at.is_(None))
        .values(is_paused=True, paused_at=now, pause_reason=f"{BY_ITSELF}{answer}"[:MAX_REASON])
        .execution_options(synchronize_session=False),
    )
    if paused:
        name = session.scalar(select(Channel.name).where(Channel.id == channel_id))
        sentence = f"channel {name}: {answer}"
        raise_alarm(session, AlarmKind.CHANNEL_PAUSED, channel_id, sentence, now)
    return bool(paused)


def end_own_pause(session: Session, channel_id: int, now: datetime) -> bool:
    """Send to it again, and clear the alarm; False where it had not paused itself."""
    ended = rows(
        session,
        update(Channel)
        .where(Channel.id == channel_id, Channel.is_paused.is_(True))
        .where(Channel.removed_at.is_(None))
        .values(is_paused=False, pause_reason="", paused_at=None),
    )
    clear_alarm(session, AlarmKind.CHANNEL_PAUSED, channel_id, now)
    return bool(ended)
