"""Transfers abroad: which kinds of channel send through somebody in another country.

Such a channel needs a consent of its own (Law 6698, article 9). Nobody is asked for it where the
operator has not said that a channel is abroad (`TELLAL_ABROAD`).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Consent, ConsentAct, Destination, NoticeKind
from service.settings import Settings
from service.subscriptions.notices import PROVIDER, current, notice_version, text_hash


def provider_of(settings: Settings, channel: str) -> str | None:
    """Who sends abroad for a kind of channel (`email`, or a chat scheme); None: nobody does."""
    return settings.abroad.get(channel)


def question(session: Session, settings: Settings, channel: str, language: str) -> str | None:
    """The sentence to agree to beside an unticked box of its own; None: do not ask."""
    provider = provider_of(settings, channel)
    if provider is None:
        return None
    return current(session, NoticeKind.ABROAD, language).text.replace(PROVIDER, provider)


def may_send(session: Session, settings: Settings, channel: str, hashed: str) -> bool:
    """Whether an address may be used on a channel: it is not abroad, or its person agreed to that
    provider, and the last word of theirs stands."""
    provider = provider_of(settings, channel)
    if provider is None:
        return True
    last = session.execute(
        select(Consent.act, Consent.choices)
        .where(Consent.address_hash == hashed, Consent.channel == _name(channel))
        .order_by(Consent.id.desc())
        .limit(1)
    ).first()
    if last is None or last.act != ConsentAct.CONFIRMED:
        return False
    return any(one.get("provider") == provider for one in last.choices)


def agree(
    session: Session,
    settings: Settings,
    channel: str,
    *,
    hashed: str,
    language: str,
    origin: str,
    act: ConsentAct = ConsentAct.CONFIRMED,
) -> None:
    """Write into the ledger that somebody ticked the box (`ASKED`), or confirmed it by their link
    or code. Nothing is written for a channel that is not abroad."""
    sentence = question(session, settings, channel, language)
    if sentence is None:
        return
    session.add(
        Consent(
            address_hash=hashed,
            act=act,
            text_hash=text_hash(current(session, NoticeKind.ABROAD, language).text),
            language=language,
            origin=origin,
            channel=_name(channel),
            notice_version=notice_version(session, language),
            choices=[{"provider": provider_of(settings, channel)}],
        )
    )


def withdraw(session: Session, destination: Destination, channel: str, how: str) -> None:
    """Take such a consent back; without one nothing is written."""
    name, hashed = _name(channel), destination.address_hash
    last = session.scalar(
        select(Consent.act)
        .where(Consent.address_hash == hashed, Consent.channel == name)
        .order_by(Consent.id.desc())
        .limit(1)
    )
    if last == ConsentAct.CONFIRMED:
        session.add(
            Consent(
                address_hash=hashed,
                act=ConsentAct.WITHDRAWN,
                language=destination.language,
                origin=how,
                channel=name,
                how=how,
            )
        )


def _name(channel: str) -> str:
    return f"abroad:{channel}"[:32]
