"""The promises of the spine, on the whole of it: every process, real Redis, real sockets."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.chaos.city import City
from tests.chaos.faults import CHAT, MAIL, Fault, Scene, freeze, kill
from tests.chaos.row import run

# Who is killed, and how many open connections that cuts at most.
VICTIMS = {
    **dict.fromkeys(("web", "web child", "stages", "stages child", "express", "fetch"), 0),
    **dict.fromkeys(("sweeper", "scheduler", "redis"), 0),
    **{"email": MAIL, "chat": CHAT, "supervisor": MAIL + CHAT},
}


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    with City() as city:
        yield city
        assert city.audit() == []


def check(city: City, mark: str, fault: Fault) -> None:
    """Everybody has it once; what was on the wire when its sender died may be unknown."""
    found = run(city, mark, [fault], random.Random(mark))
    assert found.is_done
    assert (found.verdict.lost, found.verdict.untrue) == (0, 0), found.verdict.victims
    assert found.verdict.doubled == found.verdict.doubled_unknown, found.verdict.victims
    assert found.verdict.unknown <= found.in_doubt_limit


@pytest.mark.timeout(180)
@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9_on_the_way_loses_and_doubles_nothing(city: City, victim: str) -> None:
    fault = Fault("", kill(victim), strikes=0, early=1, in_doubt=VICTIMS[victim])
    check(city, f"kill-{victim.replace(' ', '-')}", fault)


@pytest.mark.timeout(180)
def test_flushall_between_202_and_classify_loses_nothing(city: City) -> None:
    def hold_up(scene: Scene) -> None:
        scene.city.freeze("stages", is_frozen=True)

    def flush(scene: Scene) -> None:
        scene.city.flush_redis()
        scene.city.freeze("stages", is_frozen=False)

    check(city, "flush", Fault("", flush, strikes=0, early=1, before=hold_up))


@pytest.mark.timeout(180)
def test_frozen_redis_neither_stops_the_door_nor_loses_anything(city: City) -> None:
    check(city, "freeze", Fault("", freeze("redis"), strikes=0, early=1, lasts_s=5.0))
