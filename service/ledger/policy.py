"""The policy: how long a lease lasts, and how long each kind of failure waits."""

from __future__ import annotations

from dataclasses import dataclass

from service.settings import Settings


@dataclass(frozen=True)
class Policy:
    """What an operator may set of leases and tries; the settings say what each one means."""

    lease_s: float = 60.0
    retry_first_s: float = 300.0
    unknown_delay_s: float = 30.0
    unknown_resends: int = 1
    peer_wait_s: float = 30.0
    timezone: str = "Europe/Istanbul"  # of the city, whose clock quiet hours go by

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        return cls(
            lease_s=settings.lease_s,
            retry_first_s=settings.retry_first_s,
            unknown_delay_s=settings.unknown_delay_s,
            unknown_resends=settings.unknown_resends,
            peer_wait_s=settings.peer_wait_s,
            timezone=settings.timezone,
        )


STANDARD = Policy()
