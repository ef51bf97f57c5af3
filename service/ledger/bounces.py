"""Bounces: what came back of letters is kept beside what was sent, and what follows is done.

One transaction, the caller's, holds the row and its consequence, and only a row that is new has
one: a report that comes twice, or a journal that is replayed, counts once. What was sent is never
rewritten. The rules are those of the email guide, section 1, 14 to 16 (docs/adr/0015).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.bounces import Complained, Returned, is_answer, judge, strip_addresses
from service.ledger.bounce_rules import reason_of
from service.ledger.outcome import Outcome
from service.ledger.refusing import alarm
from service.ledger.suppressions import suppress
from service.models import (
    Bounce,
    BounceVerdict,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    DestinationKind,
    SuppressionReason,
)


@dataclass(frozen=True)
class _Fact:
    verdict: BounceVerdict
    status: str
    detail: str


def record_report(session: Session, report: Returned | Complained, now: datetime) -> bool:
    """Keep what a report says and do what follows; False where it says nothing new.

    The caller owns the transaction. A letter to somebody who is gone is nothing new either.
    """
    if isinstance(report, Complained):
        fact = _Fact(BounceVerdict.COMPLAINT, "", "")
    else:
        fact = _Fact(report.verdict, report.status, report.detail)
    return bool(_record(session, report.notification_id, {report.destination_id: fact}, now))


def record_refusals(
    session: Session, notification_id: int, refused: Mapping[int, Outcome], now: datetime
) -> None:
    """Judge the final refusals of one notification's letters as if they had come back later.

    What has no code of a mail server (a letter that expired, a connection that was lost) is judged
    by the last answer that a server gave for it, if one did.
    """
    answers = {id_: (one.code, one.detail) for id_, one in refused.items()}
    silent = [id_ for id_, (code, _) in answers.items() if not is_answer(code)]
    answers |= _last_answers(session, notification_id, silent)
    facts = {}
    for destination_id, (code, detail) in answers.items():
        if is_answer(code):
            verdict, status = judge(code, detail.rpartition(" times: ")[2])
            facts[destination_id] = _Fact(verdict, status, strip_addresses(detail))
    _record(session, notification_id, facts, now)


def _last_answers(
    session: Session, notification_id: int, destinations: Sequence[int]
) -> dict[int, tuple[str, str]]:
    if not destinations:
        return {}
    found = session.execute(
        select(DeliveryAnswer.destination_id, DeliveryAnswer.code, DeliveryAnswer.detail)
        .where(DeliveryAnswer.notification_id == notification_id)
        .where(DeliveryAnswer.destination_id.in_(destinations))
        .where(DeliveryAnswer.state == DeliveryState.DEFERRED)
        .order_by(DeliveryAnswer.id)
    )
    return {id_: (code, detail) for id_, code, detail in found if is_answer(code)}


def _record(
    session: Session, notification_id: int, facts: Mapping[int, _Fact], now: datetime
) -> Collection[int]:
    """Insert what is new, act on it, and return whom it is about."""
    told = {id_: one for id_, one in facts.items() if one.verdict is not BounceVerdict.NOTHING}
    if not told:
        return ()
    people = session.scalars(
        select(Destination)
        .where(Destination.id.in_(told), Destination.kind == DestinationKind.EMAIL)
        .order_by(Destination.id)
        .with_for_update(key_share=True)  # of two reports about one reader, one counts the other
    ).all()
    values = [
        {
            "notification_id": notification_id,
            "destination_id": one.id,
            "verdict": told[one.id].verdict.value,
            "status": told[one.id].status[:16],
            "detail": told[one.id].detail,
            "lane": one.lane,
            "domain": _domain(one),
            "at": now,
        }
        for one in people
    ]
    if not values:
        return ()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    new = dialect.insert(Bounce).values(values).on_conflict_do_nothing()
    is_new = set(session.scalars(new.returning(Bounce.destination_id)))
    changed = [one for one in people if one.id in is_new]
    refusals = [(_domain(one), told[one.id].verdict, told[one.id].status) for one in changed]
    alarm(session, refusals, now)
    _suppress(session, notification_id, changed, told, now)
    return is_new


def _suppress(
    session: Session,
    notification_id: int,
    people: Iterable[Destination],
    told: Mapping[int, _Fact],
    now: datetime,
) -> None:
    evidence: defaultdict[SuppressionReason, dict[str, str]] = defaultdict(dict)
    for one in people:
        fact = told[one.id]
        reason = reason_of(session, one.id, _domain(one), fact.verdict, now)
        if reason is not None:
            said = fact.status or fact.verdict.value
            evidence[reason][one.address_hash] = f"{said}, notification {notification_id}"
    for reason in sorted(evidence):
        suppress(session, reason, evidence[reason], now)


def _domain(destination: Destination) -> str:
    return destination.address.rpartition("@")[2].lower()[:255]
