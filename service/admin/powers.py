"""What staff can be allowed to do, and which role allows what: the one table."""

from __future__ import annotations

from enum import StrEnum

from service.models.staff import ROLES
from service.settings import STAFF_ROLES


class Power(StrEnum):
    """What a route asks for. A person has the powers of all roles, a key some of its person's."""

    SEE = "see"  # all pages that show no address
    REVIEW = "review"  # decide about topics of articles, let texts out of quarantine
    SEND = "send"  # hold, release, withdraw, correct, resend, pause; alarms, what was given up
    TOPICS = "topics"  # terms, thresholds, districts, models
    TEXTS = "texts"  # letters, brand
    CHANNELS = "channels"
    SOURCES = "sources"
    PEOPLE = "people"  # subscribers, imports, suppressions, privacy notices
    AUDIT = "audit"  # read the log of acts
    STAFF = "staff"  # accounts and roles


POWERS: dict[str, frozenset[Power]] = {
    "viewer": frozenset({Power.SEE}),
    "reviewer": frozenset({Power.SEE, Power.REVIEW}),
    "editor": frozenset({Power.SEE, Power.REVIEW, Power.SEND, Power.TOPICS, Power.TEXTS}),
    "channel-manager": frozenset({Power.SEE, Power.CHANNELS}),
    "privacy-officer": frozenset({Power.SEE, Power.PEOPLE, Power.AUDIT}),
    "administrator": frozenset(Power),
}
assert POWERS.keys() == ROLES.keys() == set(STAFF_ROLES)


def roles_with(power: Power) -> frozenset[str]:
    """The roles that allow something."""
    return frozenset(role for role, powers in POWERS.items() if power in powers)


def powers_of(roles: list[str]) -> frozenset[Power]:
    """What somebody with these roles may do."""
    return frozenset[Power]().union(*(POWERS.get(role, frozenset()) for role in roles))
