"""What happens when a chat has been proved: it is its person's, with the choices of their mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import rows, utcnow
from service.ledger.direct import queue_direct
from service.models import (
    Batch,
    ChatClaim,
    Consent,
    ConsentAct,
    Destination,
    DestinationKind,
    Frequency,
    Subscription,
)
from service.settings import Settings
from service.subscriptions import abroad
from service.subscriptions.notices import notice_version
from service.subscriptions.persons import FORGOTTEN
from service.subscriptions.starting import insert_new

WELCOME = "chat_welcome"  # template of the first message
ORIGIN = "chat"


class Choice(TypedDict):
    """What one subscription is about."""

    topic_id: int | None
    place_id: int | None
    is_local_only: bool


def begin(session: Session, settings: Settings, claim: ChatClaim, request_id: str) -> Batch | None:
    """Give a proved chat to its person, with the choices of their mail; None: somebody has it, and
    the claim is over."""
    destination_id = claim.destination_id
    assert destination_id is not None
    mail = _mail_of(session, claim.subscriber_id)
    first = mail[0] if mail else None
    taken = rows(
        session,
        update(Destination)
        .where(Destination.id == destination_id, Destination.verified_at.is_(None))
        .where(Destination.kind == DestinationKind.CHAT, Destination.channel_id.is_(None))
        .where(Destination.address_hash.not_like(f"{FORGOTTEN}%"))
        .values(
            verified_at=utcnow(),
            subscriber_id=claim.subscriber_id,
            language=claim.language,
            quiet_from=first and first.quiet_from,
            quiet_until=first and first.quiet_until,
            paused_from=first and first.paused_from,
            paused_until=first and first.paused_until,
        )
        .execution_options(synchronize_session=False),
    )
    if not taken:
        claim.used_at, claim.expires_at = None, utcnow()
        return None
    destination = session.get_one(Destination, destination_id, populate_existing=True)
    choices = _choices(session, [one.id for one in mail])
    of_it = {
        "destination_id": destination_id,
        "frequency": Frequency.INSTANT,
        "created_at": utcnow(),
    }
    insert_new(session, Subscription, [{**of_it, **choice} for choice in choices])
    _record_consent(session, settings, destination, claim, choices)
    return queue_direct(
        session,
        destination=destination,
        template=WELCOME,
        payload={"language": claim.language},
        request_id=request_id,
    )


def _record_consent(
    session: Session,
    settings: Settings,
    destination: Destination,
    claim: ChatClaim,
    choices: Sequence[Choice],
) -> None:
    """The proof of what was asked for, and that the way abroad was agreed to where it leads there.

    Whoever ticked no box, because there was none a moment ago, has agreed to nothing.
    """
    session.add(
        Consent(
            address_hash=destination.address_hash,
            act=ConsentAct.CONFIRMED,
            language=claim.language,
            origin=ORIGIN,
            channel=claim.kind,
            notice_version=notice_version(session, claim.language),
            choices=[
                {
                    "topic": one["topic_id"],
                    "place": one["place_id"],
                    "frequency": str(Frequency.INSTANT),
                    "local_only": one["is_local_only"],
                }
                for one in choices
            ],
        )
    )
    host = claim.label.partition(" · ")[0]
    provider = abroad.provider_of(settings, claim.kind, host)
    if provider and claim.text_hash:
        abroad.record(
            session,
            abroad.Agreement(provider, claim.text_hash),
            claim.kind,
            hashed=destination.address_hash,
            language=claim.language,
            origin=ORIGIN,
        )


def _mail_of(session: Session, subscriber_id: int) -> Sequence[Destination]:
    return session.scalars(
        select(Destination)
        .where(Destination.subscriber_id == subscriber_id)
        .where(Destination.kind == DestinationKind.EMAIL, Destination.verified_at.is_not(None))
        .order_by(Destination.id)
    ).all()


def _choices(session: Session, destination_ids: Sequence[int]) -> list[Choice]:
    """Topics and places that these destinations hear of, however often, each once."""
    found = session.execute(
        select(Subscription.topic_id, Subscription.place_id, Subscription.is_local_only)
        .where(Subscription.destination_id.in_(destination_ids), Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    ).mappings()
    return [cast(Choice, dict(row)) for row in dict.fromkeys(tuple(one.items()) for one in found)]


def choices_of(session: Session, subscriber_id: int) -> list[Choice]:
    """What a new target of this person would hear of: `topic_id`, `place_id`, `is_local_only`."""
    return _choices(session, [one.id for one in _mail_of(session, subscriber_id)])
