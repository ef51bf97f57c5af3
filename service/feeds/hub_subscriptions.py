"""Who is subscribed at our hub: rows, each change of which is safe twice and at once.

A request changes nothing by itself: a worker asks the callback, and what it confirms is applied
here (W3C WebSub, 5.3). Of two requests for one callback and topic the newer one wins, whichever is
confirmed first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import rows
from service.feeds.hub import Asked, HubRefusal
from service.ledger.direct import queue_direct
from service.ledger.pushes import Pair, is_live
from service.models import (
    Batch,
    Destination,
    DestinationKind,
    HubMode,
    WebsubEnd,
    WebsubList,
    WebsubRequest,
    WebsubSubscription,
)

VERIFY, DENIED = "websub_verify", "websub_denied"
PURPOSE = "websub"  # of the hash by which a callback and its topic are found
LANE = 64  # characters of a host that name its lane
MOST_OPEN = 5  # requests for one callback and topic that wait for an answer


def accept(
    session: Session, vault: Vault, asked: Asked, most: int, now: datetime, request_id: str
) -> Batch:
    """Note a request and have its callback asked; ring for the batch after the commit.

    `most`: how many live subscriptions the hub serves.

    Raises:
        HubRefusal: there is nothing to end, too much to do, or no room.
    """
    hashed = vault.keyed_hash(PURPOSE, f"{asked.key}.{asked.format}\n{asked.callback.url}")
    row = _find(session, hashed)
    if row is None:
        if asked.mode is HubMode.UNSUBSCRIBE:
            raise HubRefusal("This callback is not subscribed to this topic.", 404)
        row = _add(session, hashed, vault, asked)
    waiting = session.scalar(
        select(func.count())
        .select_from(WebsubRequest)
        .where(WebsubRequest.destination_id == row.destination_id)
        .where(WebsubRequest.settled_at.is_(None))
    )
    if waiting and waiting >= MOST_OPEN:
        raise HubRefusal("This callback was asked already; let it answer first.", 429)
    _check_room(session, row, asked.mode, most, bool(waiting), now)
    request = WebsubRequest(
        destination_id=row.destination_id,
        mode=asked.mode,
        sealed_secret=vault.encrypt(asked.secret) if asked.secret else None,
        lease_s=asked.lease_s,
        created_at=now,
    )
    session.add(request)
    session.flush()
    return queue_direct(
        session,
        destination=session.get_one(Destination, row.destination_id),
        template=VERIFY,
        payload={"request": request.id},
        request_id=request_id,
    )


def confirm(session: Session, request_id: int, pairs: Iterable[Pair], now: datetime) -> None:
    """Do what a callback has confirmed; a second time, or after a newer request, nothing.

    `pairs`: the lists that the feed joins.
    """
    request = session.get_one(WebsubRequest, request_id, with_for_update=True)
    row = session.get_one(WebsubSubscription, request.destination_id, with_for_update=True)
    if request.settled_at is not None:
        return
    request.settled_at, request.outcome = now, "confirmed"
    secret, request.sealed_secret = request.sealed_secret, None
    if row.request_id > request.id:
        return
    row.request_id = request.id
    if request.mode == HubMode.UNSUBSCRIBE:
        session.flush()
        end(session, row.destination_id, WebsubEnd.UNSUBSCRIBED, now)
        return
    row.sealed_secret, row.verified_at = secret, now
    row.lease_until = now + timedelta(seconds=request.lease_s)
    row.ended_at = row.end_reason = None
    row.failures, row.rest_until = 0, None
    destination = session.get_one(Destination, row.destination_id)
    destination.verified_at = destination.verified_at or now
    list_pairs(session, row.destination_id, pairs)


def decline(session: Session, request_id: int, outcome: str, now: datetime) -> None:
    """Note that a callback did not confirm: the state stays as it is."""
    session.execute(
        update(WebsubRequest)
        .where(WebsubRequest.id == request_id, WebsubRequest.settled_at.is_(None))
        .values(settled_at=now, outcome=outcome[:120], sealed_secret=None)
    )


def end(session: Session, destination_id: int, reason: WebsubEnd, now: datetime) -> bool:
    """End a subscription; False where it had none, or it was over."""
    ended = rows(
        session,
        update(WebsubSubscription)
        .where(WebsubSubscription.destination_id == destination_id)
        .where(WebsubSubscription.ended_at.is_(None))
        .where(or_(WebsubSubscription.verified_at.is_not(None), WebsubSubscription.is_outside))
        .values(ended_at=now, end_reason=reason, sealed_secret=None)
        .execution_options(synchronize_session=False),
    )
    if ended:
        session.execute(delete(WebsubList).where(WebsubList.destination_id == destination_id))
    return bool(ended)


def deny(session: Session, destination_id: int, reason: str) -> Batch:
    """Tell a callback that it is subscribed no more (section 5.2); ring after the commit."""
    return queue_direct(
        session,
        destination=session.get_one(Destination, destination_id),
        template=DENIED,
        payload={"reason": reason},
        request_id="",
    )


def list_pairs(session: Session, destination_id: int, pairs: Iterable[Pair]) -> None:
    """Let changes of these lists concern a subscription, and of no others."""
    session.execute(delete(WebsubList).where(WebsubList.destination_id == destination_id))
    session.execute(
        insert(WebsubList),
        [
            {"topic_id": topic, "place_id": place, "destination_id": destination_id}
            for topic, place in sorted(set(pairs))
        ],
    )


def has_live(session: Session, host: str, now: datetime) -> bool:
    """Whether a host of callbacks has confirmed any that still is subscribed."""
    found = select(WebsubSubscription.destination_id).where(
        WebsubSubscription.host == host, is_live(now), WebsubSubscription.verified_at.is_not(None)
    )
    return session.scalar(found.limit(1)) is not None


def has_taken(session: Session, lane: str) -> bool:
    """Whether one of the subscribers of a host took the last push that it was sent."""
    host = WebsubSubscription.host
    is_of_it = host == lane if len(lane) < LANE else host.startswith(lane, autoescape=True)
    found = (
        select(WebsubSubscription.destination_id)
        .where(is_of_it, WebsubSubscription.ended_at.is_(None))
        .where(WebsubSubscription.failures == 0, WebsubSubscription.tried_at.is_not(None))
    )
    return session.scalar(found.limit(1)) is not None


def _check_room(
    session: Session,
    row: WebsubSubscription,
    mode: HubMode,
    most: int,
    is_waiting: bool,
    now: datetime,
) -> None:
    is_subscribed = session.scalar(
        select(WebsubSubscription.destination_id)
        .where(WebsubSubscription.destination_id == row.destination_id, is_live(now))
        .where(WebsubSubscription.verified_at.is_not(None))
    )
    if mode is HubMode.UNSUBSCRIBE:
        if is_subscribed is None and not is_waiting:
            raise HubRefusal("This callback is not subscribed to this topic.", 404)
        return
    live = select(func.count()).select_from(WebsubSubscription).where(is_live(now))
    if is_subscribed is None and (session.scalar(live) or 0) >= most:
        raise HubRefusal("This hub has all the subscribers that it can serve.", 429)


def _find(session: Session, hashed: str) -> WebsubSubscription | None:
    return session.scalars(
        select(WebsubSubscription)
        .join(Destination, Destination.id == WebsubSubscription.destination_id)
        .where(Destination.kind == DestinationKind.WEBSUB, Destination.address_hash == hashed)
        .with_for_update(of=WebsubSubscription)
    ).one_or_none()


def _add(session: Session, hashed: str, vault: Vault, asked: Asked) -> WebsubSubscription:
    values = {
        "topic": str(asked.key),
        "format": asked.format.value,
        "host": asked.callback.host,
        "sealed_callback": vault.encrypt(asked.callback.url),
    }
    return add_row(session, hashed, values)


def add_row(session: Session, hashed: str, values: dict[str, Any]) -> WebsubSubscription:
    """A destination with its row, or those that somebody else adds at the same moment."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    lane = str(values["host"])[:LANE]
    destination = {"kind": DestinationKind.WEBSUB, "address_hash": hashed, "lane": lane}
    session.execute(dialect.insert(Destination).values(**destination).on_conflict_do_nothing())
    destination_id = session.scalars(
        select(Destination.id).where(
            Destination.kind == DestinationKind.WEBSUB, Destination.address_hash == hashed
        )
    ).one()
    row = {"destination_id": destination_id, **values}
    session.execute(dialect.insert(WebsubSubscription).values(**row).on_conflict_do_nothing())
    return session.get_one(WebsubSubscription, destination_id, with_for_update=True)
