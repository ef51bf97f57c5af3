"""Questions of many threads in one round trip, each with an answer of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Queue
from typing import Any

import pytest
import redis
from redis.exceptions import RedisError, ResponseError

from workers.chat import together as together_module
from workers.chat.together import Together, _Ask

DOUBLE = """
if ARGV[1] == 'wrong' then return redis.error_reply('ERR no number') end
redis.call('INCR', KEYS[1])
return tonumber(ARGV[1]) * 2
"""


@pytest.fixture
def client(redis_url: str) -> Any:
    found = redis.Redis.from_url(redis_url)
    found.flushall()
    yield found
    found.close()


def test_each_gets_its_own_answer_once(client):
    together = Together(client, DOUBLE)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: together.run(["count"], [n]), range(500)))

    assert found == [2 * n for n in range(500)]
    assert int(client.get("count")) == 500


def test_those_who_come_meanwhile_share_a_round(client, monkeypatch):
    together, rounds, may_go = Together(client, DOUBLE), [], threading.Event()
    first_is_under_way = threading.Event()
    real = Together._round

    def counted(self, asked):
        rounds.append(len(asked))
        first_is_under_way.set()
        assert may_go.wait(60)
        return real(self, asked)

    monkeypatch.setattr(Together, "_round", counted)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(together.run, ["a"], [1])
        assert first_is_under_way.wait(60)
        others = [pool.submit(together.run, ["a"], [n]) for n in range(2, 10)]
        while len(together._waiting) < len(others):
            threading.Event().wait(0.001)
        may_go.set()

        assert first.result(60) == 2
        assert [one.result(60) for one in others] == [2 * n for n in range(2, 10)]
    assert rounds == [1, 8]


class Interrupted(threading.Event):
    """Whoever waits is interrupted at the moment of its turn."""

    def wait(self, timeout: float | None = None) -> bool:
        super().wait(timeout)
        raise KeyboardInterrupt


def test_who_is_interrupted_at_its_turn_leaves_it_to_the_next(client, monkeypatch):
    together, may_go, is_under_way = Together(client, DOUBLE), threading.Event(), threading.Event()
    found: Queue[Any] = Queue()
    real = Together._round

    def slow(self, asked):
        is_under_way.set()
        assert may_go.wait(60)
        return real(self, asked)

    def ask(n: int) -> None:
        try:
            found.put(together.run(["a"], [n]))
        except KeyboardInterrupt:
            found.put("interrupted")

    def start(n: int) -> None:
        threading.Thread(target=ask, args=(n,), daemon=True).start()
        while len(together._waiting) < n - 1:
            threading.Event().wait(0.001)

    monkeypatch.setattr(Together, "_round", slow)
    start(1)
    assert is_under_way.wait(60)
    with monkeypatch.context() as patch:
        patch.setattr(together_module, "_Ask", partial(_Ask, woken=Interrupted()))
        start(2)
    start(3)
    may_go.set()

    assert sorted(str(found.get(timeout=20)) for _ in range(3)) == ["2", "6", "interrupted"]
    assert together.run(["a"], [4]) == 8


def test_an_error_is_of_the_one_who_asked(client):
    together = Together(client, DOUBLE)
    with pytest.raises(ResponseError):
        together.run(["a"], ["wrong"])

    assert together.run(["a"], [4]) == 8


def test_a_redis_that_was_started_anew_is_told_the_script_again(client):
    together = Together(client, DOUBLE)
    assert together.run(["a"], [1]) == 2
    client.script_flush()

    assert together.run(["a"], [2]) == 4


def test_a_redis_that_is_away_is_an_error_for_all_and_nobody_waits_for_ever():
    together = Together(redis.Redis(host="127.0.0.1", port=1), DOUBLE)

    def ask(n: int) -> bool:
        with pytest.raises((RedisError, OSError)):
            together.run(["a"], [n])
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))
