"""Transfers abroad: which kinds of channel send through somebody in another country.

Such a channel needs a consent of its own (Law 6698, article 9). Nobody is asked for it where the
operator has not said that a channel is abroad (`TELLAL_ABROAD`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Consent, ConsentAct, Destination, NoticeKind
from service.personal_chat import ChatKind
from service.settings import Settings
from service.subscriptions.notices import PROVIDER, current, notice_version


def provider_of(settings: Settings, channel: str, host: str = "") -> str | None:
    """Who sends abroad for a kind of channel (`email`, or a kind of chat); None: nobody does.

    `TELLAL_ABROAD` names them; a chat whose server does not stand in the country has one anyway.
    `host`: the server of an ntfy topic.
    """
    named = settings.abroad.get(channel)
    if named is None and channel in set(ChatKind):
        named = settings.chat_offer.abroad(ChatKind(channel), host)
    return named or None


def question(
    session: Session, settings: Settings, channel: str, language: str, host: str = ""
) -> str | None:
    """The sentence to agree to beside an unticked box of its own; None: do not ask."""
    provider = provider_of(settings, channel, host)
    if provider is None:
        return None
    return current(session, NoticeKind.ABROAD, language).text.replace(PROVIDER, provider)


def may_send(
    session: Session, settings: Settings, channel: str, hashed: str, host: str = ""
) -> bool:
    """Whether an address may be used on a channel: it is not abroad, or its person agreed to that
    provider, and the last word of theirs stands."""
    provider = provider_of(settings, channel, host)
    if provider is None:
        return True
    last = _last(session, hashed, channel)
    if last is None or last.act != ConsentAct.CONFIRMED:
        return False
    return any(one.get("provider") == provider for one in last.choices)


@dataclass(frozen=True)
class Agreement:
    """That somebody ticked the box: the provider that it named, and the hash of its text."""

    provider: str
    text_hash: str

    @classmethod
    def to(
        cls, session: Session, settings: Settings, channel: str, language: str, host: str = ""
    ) -> Agreement | None:
        """What a ticked box of this channel agrees to now; None where there is no box."""
        provider = provider_of(settings, channel, host)
        if provider is None:
            return None
        return cls(provider, current(session, NoticeKind.ABROAD, language).text_hash)


def record(
    session: Session,
    agreement: Agreement | None,
    channel: str,
    *,
    hashed: str,
    language: str,
    origin: str,
    act: ConsentAct = ConsentAct.CONFIRMED,
) -> None:
    """Write into the ledger that somebody ticked the box (`ASKED`), or confirmed it by their link
    or code. Nothing is written where there was no box."""
    if agreement is None:
        return
    session.add(
        Consent(
            address_hash=hashed,
            act=act,
            text_hash=agreement.text_hash,
            language=language,
            origin=origin,
            channel=_name(channel),
            notice_version=notice_version(session, language),
            choices=[{"provider": agreement.provider}],
        )
    )


def withdraw(session: Session, destination: Destination, channel: str, how: str) -> None:
    """Take such a consent back; without one nothing is written."""
    last = _last(session, destination.address_hash, channel)
    if last is not None and last.act == ConsentAct.CONFIRMED:
        session.add(_again(last, ConsentAct.WITHDRAWN, destination, how))


def give_back(session: Session, destination: Destination, channel: str, how: str) -> None:
    """Renew what `withdraw` took back, for whoever undoes their leaving."""
    last = _last(session, destination.address_hash, channel)
    if last is not None and last.act == ConsentAct.WITHDRAWN:
        session.add(_again(last, ConsentAct.CONFIRMED, destination, how))


def move(session: Session, moved: Destination, left_hash: str, channel: str, how: str) -> None:
    """Let such a consent follow its person to another address, whose hash `moved` has now."""
    last = _last(session, left_hash, channel)
    if last is not None and last.act == ConsentAct.CONFIRMED:
        left = _again(last, ConsentAct.WITHDRAWN, moved, how)
        left.address_hash = left_hash
        session.add_all((left, _again(last, ConsentAct.CONFIRMED, moved, how)))


def _last(session: Session, hashed: str, channel: str) -> Consent | None:
    """The last word of an address about a channel abroad; that somebody asked is none."""
    return session.scalar(
        select(Consent)
        .where(Consent.address_hash == hashed, Consent.channel == _name(channel))
        .where(Consent.act != ConsentAct.ASKED)
        .order_by(Consent.id.desc())
        .limit(1)
    )


def _again(last: Consent, act: ConsentAct, destination: Destination, how: str) -> Consent:
    """Another act about what an earlier one was about."""
    return Consent(
        address_hash=destination.address_hash,
        act=act,
        text_hash=last.text_hash,
        language=destination.language,
        origin=how,
        channel=last.channel,
        how=how,
        notice_version=last.notice_version,
        choices=last.choices,
    )


def _name(channel: str) -> str:
    return f"abroad:{channel}"[:32]
