"""The judge of the chaos table: what counts as lost, doubled, unknown, untrue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from service.models import DeliveryState
from tests.chaos.verdict import Said, Verdict, judge

SENT = Said(DeliveryState.SENT)
IN_DOUBT = Said(DeliveryState.SENT, is_in_doubt=True)
UNKNOWN = Said(DeliveryState.UNKNOWN, is_in_doubt=True)


def verdict(
    accepted: Mapping[str, Sequence[str]],
    ledger: Mapping[str, Said],
    refused: Sequence[str] = (),
    *,
    is_done: bool = True,
    is_in_feed: bool = True,
) -> Verdict:
    """Of a city of two, a and b, of whom b is always served well."""
    return judge(
        {"a", "b"},
        {"b": ["1"], **accepted},
        {"b": SENT, **ledger},
        refused,
        is_done=is_done,
        is_in_feed=is_in_feed,
    )


def test_all_served_once_is_clean() -> None:
    found = verdict({"a": ["2"]}, {"a": SENT})
    assert (found.accepted, found.lost, found.doubled, found.unknown, found.untrue) == (
        2,
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("ledger", "refused", "lost"),
    [
        ({}, (), 1),  # not even a row
        ({"a": SENT}, (), 1),  # the ledger lies
        ({"a": IN_DOUBT}, (), 1),  # a second try was answered, so it is not unknown any more
        ({"a": UNKNOWN}, (), 0),
        ({"a": Said(DeliveryState.REJECTED)}, ("a",), 0),
        ({"a": Said(DeliveryState.REJECTED)}, ("b",), 1),  # nobody has refused it
        ({"a": Said(DeliveryState.DEFERRED)}, ("a",), 1),
        ({"a": Said(DeliveryState.SUPPRESSED)}, (), 1),
        ({"a": Said(DeliveryState.QUEUED)}, (), 1),
    ],
)
def test_what_did_not_arrive_needs_a_true_explanation(
    ledger: Mapping[str, Said], refused: Sequence[str], lost: int
) -> None:
    found = verdict({}, ledger, refused)
    assert found.lost == lost
    assert found.victims["lost"] == ["a"] * lost


def test_an_article_that_never_got_done_or_into_the_feed_is_lost() -> None:
    assert verdict({"a": ["2"]}, {"a": SENT}, is_done=False).lost == 1
    assert verdict({"a": ["2"]}, {"a": SENT}, is_in_feed=False).lost == 1


@pytest.mark.parametrize(
    ("ids", "said", "doubled", "within"),
    [
        (["2", "2"], SENT, 1, 0),
        (["2", "2", "2"], SENT, 2, 0),
        (["2", "2"], IN_DOUBT, 1, 1),
        (["2", "3"], IN_DOUBT, 1, 0),  # no mailbox could drop the copy
        (["2", "2"], UNKNOWN, 1, 1),
        (["2"], UNKNOWN, 0, 0),
    ],
)
def test_a_copy_is_excused_by_a_doubt_that_the_ledger_shows(
    ids: Sequence[str], said: Said, doubled: int, within: int
) -> None:
    found = verdict({"a": ids}, {"a": said})
    assert (found.doubled, found.doubled_unknown) == (doubled, within)


def test_a_message_to_somebody_who_should_have_none_is_a_double() -> None:
    found = verdict({"a": ["2"], "stranger": ["3"]}, {"a": SENT})
    assert (found.doubled, found.doubled_unknown) == (1, 0)
    assert found.victims["doubled"] == ["stranger"]


@pytest.mark.parametrize("state", set(DeliveryState) - {DeliveryState.SENT, DeliveryState.UNKNOWN})
def test_a_ledger_that_denies_what_arrived_is_untrue(state: DeliveryState) -> None:
    assert verdict({"a": ["2"]}, {"a": Said(state)}).untrue == 1
    assert verdict({"a": ["2"]}, {"a": Said(state, is_in_doubt=True)}).untrue == 0


def test_unknown_counts_each_delivery_that_was_in_doubt() -> None:
    assert verdict({"a": ["2"]}, {"a": IN_DOUBT}).unknown == 1
    assert verdict({}, {"a": UNKNOWN}).unknown == 1
