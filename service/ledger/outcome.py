"""Outcomes: what became of one try to deliver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from service.ledger.policy import Policy
from service.models import DeliveryState, DestinationKind

# The first wait is a setting: greylisting lets a second try in after 5 minutes (email guide, rule
# 17).
MAX_BACKOFF_S = 4 * 3600
MAX_ATTEMPTS = 12  # about a day and a half of tries; then the delivery is rejected, finally
ASKED_IN_A_ROW = 4  # tries that wait exactly as long as was asked
LONGEST_WAIT_S = 24 * 3600  # of what the other side may ask for; later it is no news any more
QUIET = "quiet"  # the code of a delivery that waits for its reader's quiet hours to end
CLOSED = "closed"  # the code of one whose mail lane, or chat room, is left alone for a while
UNTRIED = (QUIET, CLOSED)
DOUBT = "unknown"  # the code of an answer that never came, where the delivery is tried again
UNSENT = (DeliveryState.SUPPRESSED, DeliveryState.CANCELLED)
# Chat whose receivers know a second copy by its number, and so may get one: webhooks (ADR 0043) and
# homeservers of Matrix, by the transaction id.
NUMBERED_LANES = frozenset({"webhook", "matrix", "matrixs"})


@dataclass(frozen=True)
class Outcome:
    """The answer for one destination. `code` is the other side's (250, 4.7.1, 429 …).

    `is_global`: the wait was asked of all that we send to that service, not of this one alone.
    `took_s`: how long it took, in seconds, where each try is to be kept.
    """

    state: DeliveryState
    code: str = ""
    detail: str = ""
    retry_after_s: float | None = None
    is_global: bool = False
    took_s: float | None = None

    @property
    def is_try(self) -> bool:
        """False where it was decided without sending."""
        return self.state not in UNSENT and self.code not in UNTRIED

    @property
    def is_worth_keeping(self) -> bool:
        """True where the answer explains something that the state alone does not."""
        return self.state != DeliveryState.SENT or bool(self.detail) or self.took_s is not None


@dataclass(frozen=True)
class Answer:
    """An outcome on its way into the ledger, with the revision that was told, where one was."""

    outcome: Outcome
    revision_id: int | None


SENT = Outcome(DeliveryState.SENT)
ON_THE_WIRE = Outcome(DeliveryState.UNKNOWN, detail="the worker died before the answer came")


def backoff(policy: Policy, attempts: int, retry_after_s: float | None = None) -> timedelta:
    """How long a deferred delivery waits: the first wait, doubling to 4 h; or what was asked for,
    up to a day. Who asks for a moment again and again would use up all tries within seconds: from
    the fifth on our own wait is the least."""
    if retry_after_s is None:
        return timedelta(seconds=_doubled(policy, attempts))
    least_s = _doubled(policy, attempts - ASKED_IN_A_ROW) if attempts > ASKED_IN_A_ROW else 1.0
    return timedelta(seconds=min(max(retry_after_s, least_s), LONGEST_WAIT_S))


def _doubled(policy: Policy, attempts: int) -> float:
    return min(policy.retry_first_s * 2.0 ** min(max(0, attempts - 1), 14), MAX_BACKOFF_S)


def after_policy(
    policy: Policy,
    kind: DestinationKind,
    outcome: Outcome,
    attempts: int,
    *,
    doubts: int = 0,
    is_in_doubt: bool = False,
    lane: str = "",
) -> Outcome:
    """Apply what follows from an outcome on the given try (1 is the first).

    An email whose answer never came is sent again under the same Message-ID, which lets a mailbox
    drop the copy, but not more often than the policy says (`doubts`: how often it was in doubt
    before); a chat message never, unless its service takes a second one of a number for the first,
    or its receiver knows it by that (`NUMBERED_LANES`). That goes out until it is answered. A feed
    is pushed again until it is taken, as after any failure: its entries keep their ids, so a reader
    that has them shows nothing twice. Where that is not wanted any more, it stays unknown whether
    the first one arrived. A try too many ends in a rejection.
    """
    if is_in_doubt and outcome.state in UNSENT:
        return Outcome(DeliveryState.UNKNOWN)
    if (
        outcome.state == DeliveryState.UNKNOWN
        and kind == DestinationKind.EMAIL
        and doubts < policy.unknown_resends
        and attempts < MAX_ATTEMPTS
    ):
        return Outcome(DeliveryState.DEFERRED, DOUBT, outcome.detail, policy.unknown_delay_s)
    if outcome.state == DeliveryState.UNKNOWN and kind == DestinationKind.WEBSUB:
        wait_s = None if doubts else policy.unknown_delay_s
        outcome = Outcome(DeliveryState.DEFERRED, DOUBT, outcome.detail, wait_s)
    if (
        outcome.state == DeliveryState.UNKNOWN
        and lane in NUMBERED_LANES
        and attempts < MAX_ATTEMPTS
    ):
        wait_s = None if doubts else policy.unknown_delay_s
        return Outcome(DeliveryState.DEFERRED, DOUBT, outcome.detail, wait_s)
    if outcome.state == DeliveryState.DEFERRED and attempts >= MAX_ATTEMPTS:
        return Outcome(
            DeliveryState.REJECTED,
            outcome.code,
            f"gave up, tried {attempts} times: {outcome.detail}",
        )
    return outcome
