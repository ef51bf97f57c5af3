"""What follows from an outcome, and how long the next try waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.outcome import MAX_ATTEMPTS, Outcome, after_policy, backoff
from service.models import DeliveryState, DestinationKind

EMAIL, CHAT = DestinationKind.EMAIL, DestinationKind.CHAT
DEFERRED, UNKNOWN, REJECTED = DeliveryState.DEFERRED, DeliveryState.UNKNOWN, DeliveryState.REJECTED


def test_waits_double_from_five_minutes_to_four_hours():
    minutes = [backoff(attempt).total_seconds() / 60 for attempt in range(1, 9)]

    assert minutes == [5, 10, 20, 40, 80, 160, 240, 240]


@given(st.integers(0, 32_767), st.none() | st.floats(allow_nan=False))
def test_a_wait_is_always_some_time_and_never_for_ever(attempts, asked):
    assert timedelta(seconds=1) <= backoff(attempts, asked) <= timedelta(days=1)


@given(st.floats(1, 86_400), st.integers(1, 12))
def test_a_wait_that_was_asked_for_is_kept(asked, attempts):
    assert backoff(attempts, asked) == timedelta(seconds=asked)


def test_an_email_without_an_answer_is_tried_once_more_soon():
    unknown = Outcome(UNKNOWN, detail="no answer")

    first = after_policy(EMAIL, unknown, 1)
    second = after_policy(EMAIL, unknown, 2)

    assert (first.state, first.code, first.retry_after_s) == (DEFERRED, "unknown", 30)
    assert second == unknown


def test_a_chat_message_without_an_answer_is_never_sent_again():
    assert after_policy(CHAT, Outcome(UNKNOWN), 1).state == UNKNOWN


@pytest.mark.parametrize("kind", [EMAIL, CHAT])
def test_after_the_last_try_a_delivery_is_rejected_with_its_code(kind):
    deferred = Outcome(DEFERRED, "4.7.1", "451 later")

    assert after_policy(kind, deferred, MAX_ATTEMPTS - 1) == deferred
    last = after_policy(kind, deferred, MAX_ATTEMPTS)
    assert (last.state, last.code) == (REJECTED, "4.7.1")
    assert "451 later" in last.detail


@given(st.sampled_from(DeliveryState), st.sampled_from(DestinationKind), st.integers(1, 99))
def test_every_policy_ends(state, kind, attempts):
    outcome = after_policy(kind, Outcome(state), attempts)

    assert outcome.state != DEFERRED or attempts < MAX_ATTEMPTS
    if state not in (DEFERRED, UNKNOWN):
        assert outcome.state == state
