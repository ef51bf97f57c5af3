"""Outcomes: what became of one try to deliver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from service.models import DeliveryState, DestinationKind

FIRST_BACKOFF_S = 300  # greylisting lets a second try in after 5 minutes (email guide, rule 17)
MAX_BACKOFF_S = 4 * 3600
MAX_ATTEMPTS = 12  # about a day and a half of tries; then the delivery is rejected, finally
RESEND_UNKNOWN_S = 30
MAX_UNKNOWN_TRIES = 2
LONGEST_WAIT_S = 24 * 3600  # of what the other side may ask for; later it is no news any more


@dataclass(frozen=True)
class Outcome:
    """The answer for one destination. `code` is the other side's (250, 4.7.1, 429 …)."""

    state: DeliveryState
    code: str = ""
    detail: str = ""
    retry_after_s: float | None = None

    @property
    def is_try(self) -> bool:
        """False where it was decided without sending."""
        return self.state not in (DeliveryState.SUPPRESSED, DeliveryState.CANCELLED)

    @property
    def is_worth_keeping(self) -> bool:
        """True where the answer explains something that the state alone does not."""
        return self.state != DeliveryState.SENT or bool(self.detail)


SENT = Outcome(DeliveryState.SENT)
ON_THE_WIRE = Outcome(DeliveryState.UNKNOWN, detail="the worker died before the answer came")


def backoff(attempts: int, retry_after_s: float | None = None) -> timedelta:
    """How long a deferred delivery waits: 5 min, doubling to 4 h; or what was asked for, up to
    a day."""
    if retry_after_s is not None:
        return timedelta(seconds=min(max(retry_after_s, 1.0), LONGEST_WAIT_S))
    return timedelta(
        seconds=min(FIRST_BACKOFF_S * 2.0 ** min(max(0, attempts - 1), 10), MAX_BACKOFF_S)
    )


def after_policy(
    kind: DestinationKind, outcome: Outcome, attempts: int, *, is_in_doubt: bool = False
) -> Outcome:
    """Apply what follows from an outcome on the given try (1 is the first).

    An email whose answer never came is sent once more under the same Message-ID, which lets a
    mailbox drop the copy; a chat message is not. Where that is not wanted any more, it stays
    unknown whether the first one arrived. A try too many ends in a rejection.
    """
    if is_in_doubt and not outcome.is_try:
        return Outcome(DeliveryState.UNKNOWN)
    if (
        outcome.state == DeliveryState.UNKNOWN
        and kind == DestinationKind.EMAIL
        and attempts < MAX_UNKNOWN_TRIES
    ):
        return Outcome(DeliveryState.DEFERRED, "unknown", outcome.detail, RESEND_UNKNOWN_S)
    if outcome.state == DeliveryState.DEFERRED and attempts >= MAX_ATTEMPTS:
        return Outcome(
            DeliveryState.REJECTED,
            outcome.code,
            f"gave up, tried {attempts} times: {outcome.detail}",
        )
    return outcome
