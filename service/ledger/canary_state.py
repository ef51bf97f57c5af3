"""How the canaries fare, for pages and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.ledger.canary import expected, is_paused, last_proof, missed_ids
from service.models import Canary, CanaryKind


@dataclass(frozen=True)
class Seen:
    """How a canary fares. `proved_at`: when its newest proof came; `waits_since`: when the oldest
    article was released whose proof is neither there nor missed, nor held by the staff's pause."""

    kind: CanaryKind
    since: datetime
    looked_at: datetime | None
    said: str
    proved_at: datetime | None
    missed: int  # of the last 24 hours, and not proved since
    waits_since: datetime | None

    def is_late(self, now: datetime, limit: timedelta) -> bool:
        """True where something is missed, or would be if anybody looked."""
        return bool(self.missed) or (
            self.waits_since is not None and self.waits_since < now - 2 * limit
        )


def look(session: Session, now: datetime) -> list[Seen]:
    """How each fares, for pages and the command line: few rows, each by its index."""
    found = []
    for canary in session.scalars(select(Canary).order_by(Canary.kind)):
        waiting = (
            one for one in expected(session, canary, now) if not is_paused(session, canary, one)
        )
        found.append(
            Seen(
                CanaryKind(canary.kind),
                canary.since,
                canary.looked_at,
                canary.said,
                last_proof(session, canary.kind),
                len(missed_ids(session, canary, now)),
                next((one.waits_since for one in waiting), None),
            )
        )
    return found
