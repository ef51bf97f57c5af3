"""What was in flight when a backup was made: held until staff say what became of it.

Since then the service may have gone on: what the backup calls unsent may have been sent, and what
comes in again may have been told. No row of the backup can say so. So a restored database sends
nothing but sign-in links and confirmations of its own, until somebody who knows says `told` or
`untold` (docs/adr/0045).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, text, update
from sqlalchemy.orm import Session

from service.db import Database, Moment, rows
from service.ledger.batches import CLOSE_ONE
from service.ledger.canary import excuse
from service.ledger.halts import live_pauses, pause
from service.ledger.locks import lock_article_of
from service.models import (
    Batch,
    BatchState,
    Destination,
    DestinationKind,
    Halt,
    HaltScope,
    Notification,
    NotificationKind,
    NotificationState,
    OneTimeToken,
    Subscriber,
    TokenPurpose,
)
from service.subscriptions.persons import FORGOTTEN
from service.tasks import Queue

REASON = "Restored from the backup of"
AHEAD = 1_000_000  # numbers that the service may have given since the backup was made
STAYS = timedelta(days=3650)
STEP = 5_000  # destinations that one transaction settles
ELSEWHERE = "restored-"  # the owner of a lease is on another host: what it had in hand is unknown

_LOST_LEASES = text("""
    UPDATE batch SET lease = CAST(:elsewhere AS text) || id
    WHERE lease IS NOT NULL AND lease NOT IN :kept
""").bindparams(bindparam("kept", expanding=True))

_SETTLED = """
    SET state = 4, revision_id = nullif(maybe_revision_id, 0), due_at = NULL, settled_at = :now
"""
_LETTERS = text(f"""
    UPDATE delivery {_SETTLED}
    WHERE state IN (0, 2) AND notification_id IN (
        SELECT id FROM notification WHERE kind = 'service' AND state = 'planned')
""").bindparams(bindparam("now", type_=Moment()))  # noqa: S608
_LETTERS_ENDED = text("""
    UPDATE batch SET state = 2, lease = NULL
    WHERE state < 2 AND notification_id IN (SELECT id FROM notification WHERE kind = 'service')
""")
_LETTERS_DONE = text("""
    UPDATE notification SET state = 'done', done_at = :now
    WHERE kind = 'service' AND state = 'planned'
""").bindparams(bindparam("now", type_=Moment()))

_UNSENT = text("""
    SELECT count(*) FROM delivery v JOIN notification n ON n.id = v.notification_id
    WHERE v.state IN (0, 2) AND n.state NOT IN ('done', 'cancelled')
""")

# News that the city published before the restore, and what was due before it.
_MAY_BE_TOLD = text("""
    SELECT n.id FROM notification n LEFT JOIN article a ON a.id = n.article_id
    WHERE n.state NOT IN ('done', 'cancelled') AND n.kind <> 'service' AND n.id > :last
      AND (n.created_at <= :restored
           OR coalesce(a.published_at, a.created_at, n.release_at) <= :restored)
    ORDER BY n.id LIMIT 1
""").bindparams(bindparam("restored", type_=Moment()))
_UPPER = text("""
    SELECT max(destination_id) FROM (
        SELECT destination_id FROM delivery
        WHERE notification_id = :notification AND destination_id > :lower
        ORDER BY destination_id LIMIT :size) AS step
""")
_SETTLE = text(f"""
    UPDATE delivery {_SETTLED}
    WHERE notification_id = :notification AND state IN (0, 2)
      AND destination_id > :lower AND destination_id <= :upper
""").bindparams(bindparam("now", type_=Moment()))
_END_BATCHES = text("""
    UPDATE batch SET state = 2, lease = NULL
    WHERE notification_id = :notification AND state < 2 AND NOT EXISTS (
        SELECT 1 FROM delivery v WHERE v.batch_id = batch.id AND v.state = 0)
""")


def hold(session: Session, made_at: str, journals: Collection[str], now: datetime) -> int:
    """Hold everything; returns how many deliveries were on their way. In the restore's transaction.

    Letters of the service are not held but over: their links have run out, or were sent.
    """
    session.execute(_LOST_LEASES, {"elsewhere": ELSEWHERE, "kept": list(journals) or [""]})
    for statement in (_LETTERS, _LETTERS_ENDED, _LETTERS_DONE):
        values = {} if statement is _LETTERS_ENDED else {"now": now}
        session.execute(statement, values)
    reason = f"{REASON} {made_at}: what was unsent may have been sent since. `tellal release`."
    for earlier in live_pauses(session, HaltScope.ALL):
        reason += f" It was paused before: {earlier.reason}"
        earlier.ended_at = now
    session.flush()
    pause(session, HaltScope.ALL, 0, reason, None, now)
    return int(session.execute(_UNSENT).scalar_one())


def number_ahead(connection: Connection, last: dict[str, int], now: datetime) -> None:
    """Let SQLite number on far beyond the backup, which takes a row that is nobody's.

    What was mailed after the backup carries numbers that the backup has not given yet: a link to
    leave, or to sign in, must never be about somebody who came later, nor a Message-ID be used
    again.
    """
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        destination = last.get("destination", 0) + AHEAD
        session.add(Subscriber(id=last.get("subscriber", 0) + AHEAD, created_at=now))
        session.add(
            Destination(
                id=destination,
                kind=DestinationKind.EMAIL,
                address_hash=f"{FORGOTTEN}{destination}",
                lane="",
                created_at=now,
            )
        )
        session.flush()
        notification = last.get("notification", 0) + AHEAD
        session.add(
            Notification(
                id=notification,
                kind=NotificationKind.SERVICE,
                state=NotificationState.CANCELLED,
                release_at=now,
                stopped_at=now,
                created_at=now,
            )
        )
        session.flush()
        session.add(
            Batch(
                id=last.get("batch", 0) + AHEAD,
                notification_id=notification,
                kind=DestinationKind.EMAIL,
                lane="",
                queue=Queue.EMAIL,
                state=BatchState.DONE,
                due_at=now,
                rung_at=now,
            )
        )
        session.add(
            OneTimeToken(
                id=last.get("token", 0) + AHEAD,
                purpose=TokenPurpose.CONFIRM,
                destination_id=destination,
                expires_at=now + STAYS,  # until then retention leaves it alone
                used_at=now,
                created_at=now,
            )
        )
        session.commit()


def hold_of(session: Session) -> Halt | None:
    """The hold of a restore that nobody has released; null where there is none."""
    found = live_pauses(session, HaltScope.ALL)
    return next((halt for halt in found if halt.reason.startswith(REASON)), None)


def settle_as_told(db: Database, restored: datetime, now: datetime) -> int:
    """Let everything that may have been told before the restore count so: its deliveries are
    unknown, and corrections reach them. Returns how many; owns its transactions.

    What is not planned yet tells nobody any more. A second run goes on where the first ended.
    """
    last, settled = 0, 0
    while True:
        with db.read() as session:
            found = session.execute(_MAY_BE_TOLD, {"restored": restored, "last": last}).scalar()
        if found is None:
            break
        last = int(found)
        settled += _settle(db, last, now)
    with db.write() as session:
        excuse(session, restored, now)
    return settled


def _settle(db: Database, notification_id: int, now: datetime) -> int:
    with db.write() as session:
        lock_article_of(session, notification_id)
        _stop(session, notification_id, now)
    key, lower, settled = {"notification": notification_id}, 0, 0
    while True:
        with db.write() as session:
            upper = session.execute(_UPPER, {**key, "lower": lower, "size": STEP}).scalar()
            if upper is None:
                break
            step = {**key, "lower": lower, "upper": upper, "now": now}
            settled += rows(session, _SETTLE, **step)
            lower = int(upper)
    with db.write() as session:
        session.execute(_END_BATCHES, key)
        session.execute(CLOSE_ONE, {**key, "now": now})
    return settled


def _stop(session: Session, notification_id: int, now: datetime) -> None:
    """What is held is over, and what is being planned plans nobody else."""
    mine = Notification.id == notification_id
    session.execute(
        update(Notification)
        .where(mine, Notification.state == NotificationState.HELD)
        .values(state=NotificationState.CANCELLED, stopped_at=now)
    )
    planning = (NotificationState.RELEASED, NotificationState.PLANNING)
    session.execute(
        update(Notification)
        .where(mine, Notification.state.in_(planning), Notification.stopped_at.is_(None))
        .values(stopped_at=now)
    )
