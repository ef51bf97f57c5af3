"""Domains that refuse us: counted by reader, and told to staff before anybody suffers for it.

Two kinds. A domain that says the fault is ours, and one that says nothing: "550" may be a dead
mailbox or a block. Until staff have looked at the second kind, it is held against nobody.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from service.bounces import VAGUE, is_unauthenticated, is_vague
from service.ledger.alarms import raise_alarm
from service.models import Alarm, AlarmKind, Bounce, BounceVerdict

READERS, WITHIN = 3, timedelta(days=1)  # one refusal may be one company's rule
LOOKED_AT = timedelta(days=30)  # so long the word of staff about a silent domain counts

OURS = Bounce.verdict == BounceVerdict.OURS
SILENT = (Bounce.verdict == BounceVerdict.SOFT) & Bounce.status.in_(VAGUE)


def is_silent(verdict: BounceVerdict, status: str) -> bool:
    """True for a refusal of which nobody can say whose fault it is."""
    return verdict is BounceVerdict.SOFT and is_vague(status)


def is_in_doubt(session: Session, domain: str) -> bool:
    """True while an alarm says that a domain refuses us."""
    return bool(session.scalar(select(Alarm.id).where(*_of(domain), Alarm.cleared_at.is_(None))))


def alarm(
    session: Session, refusals: Iterable[tuple[str, BounceVerdict, str]], now: datetime
) -> None:
    """Raise an alarm about each domain that refuses us repeatedly, or as unauthenticated.

    A refusal is its domain, verdict and status; its row is there already.
    """
    ours, silent = defaultdict[str, list[str]](list), set[str]()
    for domain, verdict, status in refusals:
        if verdict is BounceVerdict.OURS:
            ours[domain].append(status)
        elif is_silent(verdict, status):
            silent.add(domain)
    for domain in sorted(ours.keys() | silent):
        if is_in_doubt(session, domain):
            continue
        sentence = _of_ours(session, domain, ours[domain], now) if domain in ours else ""
        if not sentence and domain in silent:
            sentence = _of_silent(session, domain, now)
        if sentence:
            raise_alarm(session, AlarmKind.MAIL_REFUSED, _number(domain), sentence, now)


def _of_ours(session: Session, domain: str, statuses: list[str], now: datetime) -> str:
    readers = _readers(session, domain, OURS, now)
    said = next(filter(is_unauthenticated, statuses), None)
    if not said and readers < READERS:
        return ""
    return f"{domain} says that our mail is at fault ({said or statuses[-1]}), to {readers} readers"


def _of_silent(session: Session, domain: str, now: datetime) -> str:
    looked_at = select(Alarm.id).where(*_of(domain), Alarm.cleared_at > now - LOOKED_AT).limit(1)
    readers = _readers(session, domain, SILENT, now)
    if readers < READERS or session.scalar(looked_at):
        return ""
    return f"{domain} refuses mail and does not say why, to {readers} readers: gone, or a block?"


def _readers(session: Session, domain: str, kind: ColumnElement[bool], now: datetime) -> int:
    query = select(func.count(Bounce.destination_id.distinct()))
    return session.scalar(query.where(Bounce.domain == domain, Bounce.at > now - WITHIN, kind)) or 0


def _of(domain: str) -> tuple[ColumnElement[bool], ...]:
    return Alarm.kind == AlarmKind.MAIL_REFUSED, Alarm.object_id == _number(domain)


def _number(domain: str) -> int:
    """An alarm is about a number; two domains that share one share the alarm."""
    return zlib.crc32(domain.encode())
