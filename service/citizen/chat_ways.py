"""The ways to a personal chat that the city offers."""

from __future__ import annotations

from dataclasses import dataclass

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
