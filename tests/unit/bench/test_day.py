"""The simulated day: what is known in advance of simple ones, and that a seed is a day."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ledger.policy import STANDARD
from tests.bench.scale.day import Day, Delays, parts
from tests.bench.scale.scenario import Article, H, Lane, Relay, Scenario

NOON = 12 * H
ONE = (Lane("gmail", 1.0, answer_s=0.0, defer=0.0),)
QUIET = Scenario(
    articles=(Article(NOON, 10_000),),
    lanes=ONE,
    relays=(Relay(1e9),),
    processes=1,
    letter_s=1e-3,
    plan_s=0.0,
)


def day(**changes: object) -> Day:
    return Day(replace(QUIET, **changes)).run()


def test_one_core_takes_its_time_and_half_of_the_letters_half_of_it():
    found = day()
    assert found.delays["normal"].count == 10_000
    assert found.delays["normal"].longest == pytest.approx(10, rel=0.1)
    assert found.delays["normal"].percentile(0.5) == pytest.approx(5, rel=0.15)


def test_two_processes_are_twice_as_fast():
    one, two = (day(processes=n).delays["normal"].percentile(0.9) for n in (1, 2))
    assert two == pytest.approx(one / 2, rel=0.2)


def test_the_relay_is_the_limit_where_it_is_slower_and_two_share():
    one = day(relays=(Relay(100.0),)).delays["normal"].longest
    two = day(relays=(Relay(100.0), Relay(100.0))).delays["normal"].longest
    assert one == pytest.approx(100, rel=0.1)
    assert two == pytest.approx(50, rel=0.1)


def test_an_outage_costs_its_length_and_no_letter():
    away = Relay(1e9, down=((NOON - 60, NOON + 600),))
    found = day(relays=(away,))
    assert found.delays["normal"].count == 10_000
    assert found.delays["normal"].percentile(0.01) >= 600
    assert found.delays["normal"].longest < 600 + STANDARD.peer_wait_s + 20


def test_with_one_of_two_relays_away_mail_goes_on():
    relays = (Relay(500.0, down=((NOON - 60, NOON + 600),)), Relay(500.0))
    assert day(relays=relays).delays["normal"].longest == pytest.approx(20, rel=0.15)


def test_what_a_provider_puts_off_waits_for_the_first_back_off():
    lanes = (Lane("gmail", 1.0, answer_s=0.0, defer=0.1),)
    found = day(lanes=lanes).delays["normal"]
    assert found.count == 10_000
    assert found.percentile(0.85) < 20
    assert found.percentile(0.95) >= STANDARD.retry_first_s


def test_a_closed_lane_leaves_the_others_alone():
    lanes = (
        Lane("gmail", 0.5, answer_s=0.0, defer=0.0, closed=((NOON - 60, NOON + H),)),
        Lane("other", 0.5, answer_s=0.0, defer=0.0),
    )
    found = day(lanes=lanes).delays["normal"]
    assert found.count == 10_000
    assert found.percentile(0.45) < 20
    assert found.percentile(0.55) >= H


def test_urgent_news_does_not_wait_for_the_rest():
    articles = (*(Article(NOON, 50_000) for _ in range(3)), Article(NOON + 1, 1_000, True))
    found = parts(day(articles=articles))
    assert found["urgent"]["last"] < found["normal"]["p50"] / 5


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.floats(0, 80_000), st.integers(1, 4_000)), min_size=1, max_size=4),
    st.floats(0, 0.3),
)
def test_every_letter_is_answered_for_once_and_a_seed_is_a_day(seed, told, defer):
    articles = tuple(Article(at, readers) for at, readers in sorted(told))
    lanes = (Lane("a", 0.7, defer=defer), Lane("b", 0.3, answer_s=0.05, defer=defer))
    one, again = (
        day(articles=articles, lanes=lanes, seed=seed, sign_ups=3, digest_readers=500)
        for _ in range(2)
    )
    told_all = sum(of.count for of in one.delays.values())
    assert told_all + one.expired == one.planned == sum(n for _, n in told) + 503
    assert parts(one) == parts(again)


@given(st.lists(st.tuples(st.floats(0.1, 1e5), st.integers(1, 50)), min_size=1, max_size=30))
def test_percentiles_of_classes_are_those_of_the_values(values):
    delays = Delays()
    for seconds, letters in values:
        delays.add(seconds, letters)
    each = sorted(seconds for seconds, letters in values for _ in range(letters))
    for part in (0.5, 0.9, 0.99):
        real = each[min(int(part * len(each) - 1e-9), len(each) - 1)]
        assert delays.percentile(part) == pytest.approx(real, rel=0.03)
