"""The lease: how one worker owns a batch, what it needs of it, and how it hands it back."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, RowMapping, bindparam, select, text, update
from sqlalchemy.orm import Session

from service.db import Moment, rows, utcnow
from service.ledger.batches import CLOSE_ONE
from service.ledger.halts import halts_of
from service.ledger.outcome import Outcome
from service.ledger.policy import Policy
from service.ledger.suppressions import OF_THE_MAILBOX
from service.ledger.told import HAS_REVISION
from service.models import (
    Batch,
    BatchState,
    Delivery,
    DestinationKind,
    Frequency,
    Notification,
    NotificationKind,
)

Row = Mapping[Any, Any]  # a pending delivery with what decides about it

# Deliveries whose eligibility is read at a time: the more, the faster the other side takes them,
# because what is not on its way soon is read again (invariant 8).
SLICE, LARGEST_SLICE = 50, 400
NEWS_FOR = timedelta(hours=24)  # what could not be sent for so long is no news any more
WEEK_FOR = timedelta(days=4)  # the same of a week's digest
SAFETY_S = 2.0  # an envelope that starts later than this before the lease's end might overlap

# How many deliveries may have left without being settled, the one on the wire included. Where a
# host is lost with its journals, that many are unknown: an email is then sent again, but a chat
# message never is, so no more of those may be in the air than one batch's threads (64,
# `workers.chat.crowd`) and half as many answers, which are written while the threads go on.
WINDOW = {DestinationKind.EMAIL: 400, DestinationKind.CHAT: 96, DestinationKind.WEBSUB: 10}


class LeaseLost(Exception):
    """Somebody else has the batch now: stop at once, settle nothing."""


@dataclass
class Lease:
    """A batch that this process owns until `ends`, a reading of CLOCK_BOOTTIME in seconds.

    That clock also runs while the machine sleeps, so a worker that was frozen knows it. Who extends
    the lease in the database moves `ends` only after the commit, and by a clock read before it.
    """

    batch_id: int
    notification_id: int
    kind: DestinationKind
    token: str
    ends: float
    request_id: str
    policy: Policy
    lane: str = ""
    inherited: Sequence[Outcome] = ()  # what was settled of its last owner when it was claimed

    @classmethod
    def of(cls, batch: Batch, token: str, ends: float, request_id: str, policy: Policy) -> Lease:
        kind = DestinationKind(batch.kind)
        return cls(
            batch.id, batch.notification_id, kind, token, ends, request_id, policy, batch.lane
        )

    @property
    def is_safe(self) -> bool:
        """False where another worker may own the batch already: stop before the next envelope."""
        return self.safe_s > 0

    @property
    def safe_s(self) -> float:
        """How long an envelope may still be started."""
        return self.ends - SAFETY_S - boot_clock()

    @property
    def window(self) -> int:
        """How many deliveries may have left without being settled."""
        return WINDOW[self.kind]

    def lose(self) -> None:
        """Somebody else has the batch: it is not safe any more, whatever the clock says."""
        self.ends = -math.inf


def boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def of_batch(batch_id: int) -> ColumnElement[bool]:
    """The deliveries that are a batch's, as `PENDING` finds them. One that was handed on to a batch
    of a later try is that one's."""
    return Delivery.batch_id == batch_id


BOUNCED = f"x.reason IN {OF_THE_MAILBOX}"
FOLLOWS = "n.kind IN ('correction', 'withdrawal')"
GATHERS = "n.kind IN ('digest', 'summary')"


def decide(deliveries: str = "delivery") -> str:
    """What decides about unsettled deliveries, of the table or of a subquery in brackets."""
    # A worker reads it again before every slice, so that an unsubscribe or a pause that has
    # committed is final (invariant 8).
    # The reason is found anew too: who ended one of two matching subscriptions still asks by the
    # other. So does who asks by a topic that staff halted and by another: the reason that goes on
    # comes first.
    # What follows up a delivery has that one's reason, whatever the article is about by now, or
    # another one by which its reader asks for any text of the article, be it in a digest.
    # A correction is not sent to who has its text anyway, because the article went back to that.
    # A letter of the service goes to a mailbox that bounced, too: its person has just asked for it,
    # and opening its link is how they show that mail arrives again. Whoever complained gets none.
    # A digest or a summary is for whoever still asks for its frequency, or is owed by it. What of
    # it may be told, and why, is looked at item by item (`digest_look`): a topic's halt takes its
    # items out of it.
    # Who hears of urgent news alone is told what follows that up, and what waited of it, too.
    # A push goes to whoever has a lease of our hub at this moment.
    # A letter that may have arrived is not sent again with another text where a correction brings
    # that: it would carry the same Message-ID, and the mailbox that has the first one may drop it.
    # CASE where AND would say the same: SQLite looks at both sides of a column's AND, and what
    # somebody was told before is as long as their history.
    return f"""
    SELECT v.destination_id, s.id AS subscription_id, v.attempts,
           d.address, d.language, d.channel_id, s.topic_id, s.place_id,
           s.created_at AS subscribed_at, d.paused_from, d.paused_until,
           v.maybe_revision_id IS NOT NULL AS is_in_doubt,
           CASE WHEN n.kind = 'service' THEN x.address_hash IS NULL OR {BOUNCED}
                WHEN n.kind = 'feed' THEN EXISTS (
                    SELECT 1 FROM websub_subscription h
                    WHERE h.destination_id = d.id AND h.ended_at IS NULL
                      AND (h.lease_until > :now OR h.is_outside))
                ELSE d.verified_at IS NOT NULL AND x.address_hash IS NULL
                     AND NOT d.is_paused AND NOT coalesce(c.is_paused, false)
                     AND (d.paused_until IS NULL OR d.paused_until <= :now)
                     AND (n.is_urgent OR NOT d.is_urgent_only
                          OR n.kind IN ('correction', 'withdrawal', 'summary'))
                     AND s.id IS NOT NULL
           END AS is_eligible,
           (:is_cancelled OR n.stopped_at IS NOT NULL
            OR coalesce(s.topic_id IN :cancelled_topics AND NOT {GATHERS}, false)
            OR coalesce(d.channel_id IN :cancelled_channels, false)
            OR CASE WHEN n.kind = 'correction'
                    THEN coalesce(a.shown_revision_id = {HAS_REVISION}, false) ELSE false END
            OR CASE WHEN v.maybe_revision_id <> a.shown_revision_id THEN EXISTS (
                SELECT 1 FROM notification c
                WHERE c.article_id = n.article_id AND c.id > n.id AND c.kind = 'correction'
                  AND c.released_at IS NOT NULL AND c.stopped_at IS NULL)
               ELSE false END) AS is_cancelled,
           (n.kind <> 'service' AND coalesce(n.resent_at, n.released_at) < :news_since)
               AS is_expired,
           (:is_paused OR coalesce(s.topic_id IN :paused_topics AND NOT {GATHERS}, false)
            OR coalesce(d.channel_id IN :paused_channels, false)
            OR n.kind <> 'service' AND d.lane IN :paused_lanes) AS is_held,
           CASE WHEN n.kind <> 'service' AND n.breaks_at IS NULL THEN d.quiet_from END
               AS quiet_from, d.quiet_until
    FROM {deliveries} AS v
    JOIN notification n ON n.id = v.notification_id
    JOIN destination d ON d.id = v.destination_id
    LEFT JOIN channel c ON c.id = d.channel_id
    LEFT JOIN article a ON a.id = n.article_id
    LEFT JOIN subscription s ON s.id = (
        SELECT m.id FROM subscription m
        WHERE m.destination_id = d.id AND m.ended_at IS NULL
          AND ({FOLLOWS} AND m.id = v.subscription_id
               OR {GATHERS} AND (m.frequency = :frequency OR m.changed_from = :frequency)
               OR ({FOLLOWS} OR m.frequency = 'instant' OR n.breaks_at IS NOT NULL)
               AND EXISTS (
                   SELECT 1 FROM revision r
                   WHERE r.article_id = a.id
                     AND (r.id = a.shown_revision_id OR {FOLLOWS} AND r.state = 'classified')
                     AND (m.topic_id IS NULL
                          OR m.topic_id IN (SELECT topic_id FROM topic_label
                                            WHERE revision_id = r.id AND state = 'published'))
                     AND (m.place_id IS NULL
                          OR m.place_id IN (SELECT place_id FROM place_label
                                            WHERE revision_id = r.id)
                          OR NOT m.is_local_only
                             AND NOT EXISTS (SELECT 1 FROM place_label
                                             WHERE revision_id = r.id))))
        ORDER BY CASE WHEN m.topic_id IN :cancelled_topics THEN 2
                      WHEN m.topic_id IN :paused_topics THEN 1 ELSE 0 END, m.id LIMIT 1)
    LEFT JOIN suppression x ON x.address_hash = d.address_hash
"""  # noqa: S608


DECIDE = decide()
HALTED: list[BindParameter[Any]] = [
    bindparam("paused_lanes", expanding=True),
    *(
        bindparam(f"{how}_{what}", expanding=True)
        for how in ("paused", "cancelled")
        for what in ("topics", "channels")
    ),
]
# Cut to the slice before anything is decided: a database that sorts at the end decides about all
# that is left of the batch each time.
SLICE_OF_A_BATCH = """(
        SELECT * FROM delivery
        WHERE batch_id = :batch AND state = 0 AND destination_id > :after
        ORDER BY destination_id LIMIT :size)"""
PENDING = (
    text(f"{decide(SLICE_OF_A_BATCH)} ORDER BY v.destination_id")
    .bindparams(*HALTED)
    .columns(subscribed_at=Moment(), paused_from=Moment(), paused_until=Moment())
)


def pending(session: Session, lease: Lease, after: int, size: int) -> Sequence[RowMapping]:
    """The next unsettled deliveries of a batch, in order of destination, with their eligibility."""
    values = {
        **standing(session, lease.notification_id),
        "batch": lease.batch_id,
        "after": after,
        "size": size,
    }
    return session.execute(PENDING, values).mappings().all()


def standing(session: Session, notification_id: int) -> dict[str, Any]:
    """What DECIDE needs to know of a notification at this moment."""
    halts = halts_of(session, notification_id)
    now = utcnow()
    frequency = frequency_of(session, notification_id)
    news_for = WEEK_FOR if frequency == Frequency.WEEKLY else NEWS_FOR
    return {
        **halts.values(),
        "now": now,
        "news_since": now - news_for,
        "frequency": frequency or "",
    }


def frequency_of(session: Session, notification_id: int) -> Frequency | None:
    """Of which frequency a digest or a summary is; null for all other notifications."""
    found = session.execute(
        select(Notification.kind, Notification.payload).where(Notification.id == notification_id)
    ).one_or_none()
    if found is None or found.kind not in (NotificationKind.DIGEST, NotificationKind.SUMMARY):
        return None
    return Frequency(found.payload["frequency"])


def extend(session: Session, lease: Lease, now: datetime, **values: int) -> None:
    """Keep a batch for another length of the lease, by compare-and-set.

    `values` are further ones of the batch. The caller moves `lease.ends` after the commit, if at
    all.

    Raises:
        LeaseLost: it is somebody else's by now.
    """
    extended = rows(
        session,
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(due_at=now + timedelta(seconds=lease.policy.lease_s), **values),
    )
    if not extended:
        raise LeaseLost(lease.batch_id)


def finish(session: Session, lease: Lease, now: datetime) -> None:
    """End a batch none of whose deliveries is queued, and its notification with the last one."""
    session.execute(
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(state=BatchState.DONE, lease=None)
    )
    session.execute(CLOSE_ONE, {"notification": lease.notification_id, "now": now})


def postpone(session: Session, lease: Lease, until: datetime) -> None:
    """Hand a batch back untouched; it is due again at the given time."""
    session.execute(
        update(Batch)
        .where(Batch.id == lease.batch_id, Batch.lease == lease.token)
        .values(state=BatchState.READY, lease=None, due_at=until, attempts=0)
    )


def give_back(session: Session, lease_token: str, batch_id: int, now: datetime) -> None:
    """Make a batch claimable at once: its owner stopped early or is known to be dead."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.lease == lease_token, Batch.state < BatchState.DONE)
        .values(state=BatchState.READY, lease=None, due_at=now)
    )
