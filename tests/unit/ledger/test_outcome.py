"""What follows from an outcome, and how long the next try waits."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.outcome import MAX_ATTEMPTS, Outcome, after_policy, backoff
from service.ledger.policy import STANDARD, Policy
from service.models import DeliveryState, DestinationKind

EMAIL, CHAT = DestinationKind.EMAIL, DestinationKind.CHAT
DEFERRED, UNKNOWN, REJECTED = DeliveryState.DEFERRED, DeliveryState.UNKNOWN, DeliveryState.REJECTED


def test_waits_double_from_five_minutes_to_four_hours():
    minutes = [backoff(STANDARD, attempt).total_seconds() / 60 for attempt in range(1, 9)]

    assert minutes == [5, 10, 20, 40, 80, 160, 240, 240]


@given(st.integers(0, 32_767), st.none() | st.floats(allow_nan=False))
def test_a_wait_is_always_some_time_and_never_for_ever(attempts, asked):
    assert timedelta(seconds=1) <= backoff(STANDARD, attempts, asked) <= timedelta(days=1)


@given(st.floats(1, 86_400), st.integers(1, 4))
def test_a_wait_that_was_asked_for_is_kept(asked, attempts):
    assert backoff(STANDARD, attempts, asked) == timedelta(seconds=asked)


@given(st.floats(0, 86_400), st.integers(0, 32_767))
def test_no_try_comes_earlier_than_was_asked(asked, attempts):
    assert backoff(STANDARD, attempts, asked) >= timedelta(seconds=asked)


@pytest.mark.parametrize("asked", [0, -5, 0.3, 7])
def test_who_asks_for_a_moment_again_and_again_does_not_use_up_the_tries(asked):
    waits = [backoff(STANDARD, attempt, asked) for attempt in range(1, MAX_ATTEMPTS)]

    assert sum(waits, timedelta(0)) > timedelta(hours=9)


def test_the_first_wait_is_a_setting_and_the_longest_is_four_hours_whatever_it_is():
    for first_s in (1, 7, 600, 14_400):
        waits = [backoff(Policy(retry_first_s=first_s), n).total_seconds() for n in range(1, 16)]
        assert waits[0] == first_s
        assert all(b in (2 * a, 14_400) for a, b in pairwise(waits))
        assert waits[-1] == 14_400


def test_an_email_without_an_answer_is_tried_once_more_soon_be_it_deferred_before():
    unknown = Outcome(UNKNOWN, detail="no answer")

    first = after_policy(STANDARD, EMAIL, unknown, 3)
    second = after_policy(STANDARD, EMAIL, unknown, 4, doubts=1, is_in_doubt=True)

    assert (first.state, first.code, first.retry_after_s) == (DEFERRED, "unknown", 30)
    assert second == unknown


@pytest.mark.parametrize("resends", [0, 1, 3])
def test_an_email_in_doubt_is_sent_again_as_often_as_the_policy_says(resends):
    policy = Policy(unknown_resends=resends, unknown_delay_s=9)
    unknown = Outcome(UNKNOWN)
    found = [after_policy(policy, EMAIL, unknown, n + 1, doubts=n) for n in range(resends + 1)]

    assert [outcome.state for outcome in found] == [DEFERRED] * resends + [UNKNOWN]
    assert {outcome.retry_after_s for outcome in found[:-1]} <= {9}


def test_a_chat_message_without_an_answer_is_never_sent_again():
    assert after_policy(STANDARD, CHAT, Outcome(UNKNOWN), 1).state == UNKNOWN


def test_a_chat_message_is_sent_again_where_its_service_takes_it_once():
    again = after_policy(STANDARD, CHAT, Outcome(UNKNOWN), 1, lane="matrix")
    later = after_policy(STANDARD, CHAT, Outcome(UNKNOWN), 2, doubts=1, lane="matrix")

    assert (again.state, again.code, again.retry_after_s) == (
        *(DEFERRED, "unknown", STANDARD.unknown_delay_s),
    )
    assert (later.state, later.retry_after_s) == (DEFERRED, None)


@pytest.mark.parametrize("kind", [EMAIL, CHAT])
def test_after_the_last_try_a_delivery_is_rejected_with_its_code(kind):
    deferred = Outcome(DEFERRED, "4.7.1", "451 later")

    assert after_policy(STANDARD, kind, deferred, MAX_ATTEMPTS - 1) == deferred
    last = after_policy(STANDARD, kind, deferred, MAX_ATTEMPTS)
    assert (last.state, last.code) == (REJECTED, "4.7.1")
    assert "451 later" in last.detail


@given(st.sampled_from(DeliveryState), st.sampled_from(DestinationKind), st.integers(1, 99))
def test_every_policy_ends(state, kind, attempts):
    outcome = after_policy(STANDARD, kind, Outcome(state), attempts)

    assert outcome.state != DEFERRED or attempts < MAX_ATTEMPTS
    if state not in (DEFERRED, UNKNOWN):
        assert outcome.state == state
