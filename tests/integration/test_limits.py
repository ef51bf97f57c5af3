"""Rate limits: exact in one process, nearly so in several, and cheap where they are high."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from pydantic import SecretStr

from service.limits import SHARES, Limits
from service.settings import Settings


@pytest.fixture
def empty_redis(settings: Settings) -> Settings:
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as connection:
        connection.flushall()
    return settings


@pytest.mark.parametrize("amount", [1, 59, 60, 600, 601])
def test_one_process_lets_through_exactly_the_limit(empty_redis, amount):
    limits = Limits(empty_redis)

    found = Counter(limits.allow(f"{amount}/hour", "a") for _ in range(amount + 200))

    assert found == {True: amount, False: 200}
    assert limits.allow(f"{amount}/hour", "b")


@pytest.mark.parametrize("amount", [10, 600])
def test_a_limit_that_is_changed_counts_on(empty_redis, amount):
    limits = Limits(empty_redis)
    assert all(limits.allow(f"{amount}/hour", "a") for _ in range(amount))

    lower = Limits(empty_redis).allow(f"{amount // 2}/hour", "a")
    higher = [Limits(empty_redis).allow(f"{amount * 2}/hour", "a") for _ in range(3)]

    assert (lower, higher) == (False, [True] * 3)


@pytest.mark.parametrize("amount", [10, 600])
def test_what_is_taken_back_was_never_counted(empty_redis, amount):
    limits = Limits(empty_redis)

    for _ in range(amount):
        limits.allow(f"{amount}/hour", "a")
        limits.take_back(f"{amount}/hour", "a")
    found = Counter(limits.allow(f"{amount}/hour", "a") for _ in range(amount + 5))

    assert found == {True: amount, False: 5}


def test_the_limit_holds_where_many_threads_hit_at_once(empty_redis):
    limits = Limits(empty_redis)

    with ThreadPoolExecutor(16) as pool:
        found = Counter(pool.map(lambda _: limits.allow("600/hour", "a"), range(2000)))

    assert found[True] == pytest.approx(600, abs=16)


def test_several_processes_together_let_through_little_more_than_the_limit(empty_redis):
    processes = [Limits(empty_redis) for _ in range(3)]

    found = Counter(processes[n % 3].allow("600/hour", "a") for n in range(2000))

    assert 600 <= found[True] <= 600 + len(processes) * 600 // SHARES


def test_without_redis_each_process_counts_for_itself(settings):
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    limits = Limits(nowhere)

    found = Counter(limits.allow("4/minute;40/hour", "a") for _ in range(6))

    assert found == {True: 4, False: 2}
    assert limits.allow("4/minute", "b")
    assert Limits(nowhere).allow("4/minute", "a")
    assert all(limits.allow("4/minute", "a", fails_open=True) for _ in range(6))
