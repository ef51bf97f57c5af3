"""Which models are kept, and that two changes at once are one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy.orm import Session

from service.classify.train import train
from service.db import utcnow
from service.learning import versions
from service.models import ModelState, ModelVersion
from tests.unit.classify.invented import TOPICS, archive

UNUSED = {"kept_because": "a test", "articles": 0}


@pytest.fixture(scope="module")
def model():
    return train(archive(30), TOPICS, terms="terms")


@pytest.fixture
def keep(model, runtime):
    """Stores the next candidate."""

    def keep() -> int:
        with runtime.db.write() as session:
            return versions.keep(session, model, UNUSED, utcnow()).id

    return keep


@pytest.fixture
def promote(runtime):
    def promote(model_id: int) -> None:
        with runtime.db.write() as session:
            versions.promote(session, model_id, utcnow())

    return promote


@pytest.fixture
def at_once(runtime):
    """Runs changes in transactions that overlap where the database lets them."""

    def at_once(*changes: Callable[[Session], object]) -> None:
        barrier = Barrier(len(changes))

        def run(change: Callable[[Session], object]) -> None:
            barrier.wait()
            with runtime.db.write() as session:
                change(session)
                time.sleep(0.2)

        with ThreadPoolExecutor(len(changes)) as pool:
            for future in [pool.submit(run, change) for change in changes]:
                future.result()

    return at_once


@pytest.fixture
def states(town):
    return lambda: {row.id: row.state for row in town.all(ModelVersion)}


def test_where_a_step_leads_back_to_is_kept_however_many_come_after(keep, promote, states, runtime):
    oldest, before, current = keep(), keep(), keep()
    for model_id in (oldest, before, current):
        promote(model_id)

    newest = [keep() for _ in range(6)][-3:]

    assert sorted(states()) == [before, current, *newest]
    with runtime.db.write() as session:
        assert versions.roll_back(session) == before


def test_five_candidates_are_kept_while_none_is_in_use(keep, states):
    stored = [keep() for _ in range(7)]

    assert sorted(states()) == stored[-5:]


def test_two_promotions_at_once_leave_one_model_in_use(keep, promote, at_once, states):
    first, second, third = keep(), keep(), keep()
    promote(first)

    at_once(
        lambda session: versions.promote(session, second, utcnow()),
        lambda session: versions.promote(session, third, utcnow()),
    )

    assert states()[first] == ModelState.RETIRED
    assert sorted(states()[n] for n in (second, third)) == [ModelState.ACTIVE, ModelState.RETIRED]


def test_a_step_back_beside_a_promotion_leaves_one_model_in_use(
    keep, promote, at_once, states, model
):
    before, current, new = keep(), keep(), keep()
    promote(before)
    promote(current)

    at_once(
        lambda session: versions.promote(session, new, utcnow()),
        versions.roll_back,
        lambda session: versions.keep(session, model, UNUSED, utcnow()),
    )

    assert list(states().values()).count(ModelState.ACTIVE) == 1
