"""The promises of the spine, on the whole of it: every process, real Redis, real sockets."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.chaos.__main__ import flush_case, freeze_case, kill_case
from tests.chaos.city import CITIZENS, Arrival, City

VICTIMS = (
    *("web", "web child", "express", "stages", "stages child", "email", "chat"),
    *("fetch", "sweeper", "scheduler", "redis", "supervisor"),
)


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    with City() as city:
        yield city
        assert city.audit() == []


def check(found: Arrival) -> None:
    """All three ways have it once; a chat call that died on the wire may be said as unknown."""
    assert found.is_done
    assert (found.feed, found.mail, found.copies) == (1, CITIZENS, 0)
    assert found.chat <= 1
    assert found.chat + found.unknown >= 1
    assert (found.lost, found.doubled) == (0, 0)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9_on_the_way_loses_and_doubles_nothing(city: City, victim: str) -> None:
    mark = f"kill-{victim.replace(' ', '-')}"
    check(kill_case(victim)(city, mark, random.Random(victim)))


@pytest.mark.timeout(180)
def test_flushall_between_202_and_classify_loses_nothing(city: City) -> None:
    check(flush_case(city, "flush", random.Random(1)))


@pytest.mark.timeout(180)
def test_frozen_redis_neither_stops_the_door_nor_loses_anything(city: City) -> None:
    check(freeze_case(city, "freeze", random.Random(1)))
