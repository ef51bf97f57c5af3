"""The ways to a personal chat that the city offers, and what people agree to before using one."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext

from service.personal_chat import ChatKind, Offer


@dataclass(frozen=True)
class Way:
    """One way that the city offers: a kind, and for ntfy one of its servers."""

    kind: ChatKind
    host: str = ""


def ways(offer: Offer) -> list[Way]:
    """What the city offers, in the order of the settings."""
    found: list[Way] = []
    for kind in offer.kinds:
        hosts = offer.ntfy if kind is ChatKind.NTFY else ("",)
        found += [Way(kind, host) for host in hosts]
    return found


def consent_text(offer: Offer, way: Way) -> str:
    """The sentence that people agree to where a message goes abroad; its hash is the proof."""
    provider = offer.abroad(way.kind, way.host)
    if not provider:
        return ""
    return str(
        gettext(
            "This channel sends through %(provider)s abroad; I consent to this separately.",
            provider=provider,
        )
    )
