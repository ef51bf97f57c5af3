"""What is rung for the batches of a large notification, and in how many messages."""

from __future__ import annotations

import pytest

from service.ledger.batches import FIRST, MOST, PART, Rings
from service.models import Batch
from service.tasks import Priority, Queue, Task

LANES = ("gmail", "gmail", "gmail", "microsoft", "other")


class Bell:
    def __init__(self) -> None:
        self.messages: list[tuple[Task, tuple[int, ...], Queue]] = []
        self.priorities: list[Priority] = []

    def ring_once(self, task, row_ids, queue, priority):
        self.priorities.append(priority)
        self.messages.append((task, tuple(row_ids), queue))
        return True


def batches(numbers, kind="email", queue=Queue.EMAIL):
    return [
        Batch(id=number, kind=kind, lane=LANES[number % len(LANES)], queue=queue)
        for number in numbers
    ]


@pytest.fixture
def bell() -> Bell:
    return Bell()


def test_each_of_the_first_has_a_message_of_its_own(bell):
    with Rings(bell) as rings:
        rings.add(batches(range(2 * PART)))
        assert [ids for _, ids, _ in bell.messages] == [(number,) for number in range(2 * PART)]


@pytest.mark.parametrize("count", [1, 40, 400, 2_000])
def test_every_batch_is_rung_for_once_with_others_of_its_lane(bell, count):
    with Rings(bell) as rings:
        for start in range(0, count, 25):
            rings.add(batches(range(start, min(start + 25, count))))

    rung = [number for _, ids, _ in bell.messages for number in ids]
    assert sorted(rung) == list(range(count))
    before = 0
    for _, ids, _ in bell.messages:
        assert len(ids) <= max(1, min(before // PART, MOST))
        assert len({LANES[number % len(LANES)] for number in ids}) == 1
        before += len(ids)


def test_a_large_notification_needs_few_messages(bell):
    with Rings(bell) as rings:
        rings.add(batches(range(2_000)))

    assert len(bell.messages) < 2_000 / MOST * 1.5


def test_those_of_a_plan_that_fails_are_rung_for_all_the_same(bell):
    rings = Rings(bell)
    rings.add(batches(range(100)))
    rings.__exit__(RuntimeError)

    assert sum(len(ids) for _, ids, _ in bell.messages) == 100


def test_chat_and_email_are_different_messages(bell):
    with Rings(bell) as rings:
        rings.add(batches(range(40)) + batches(range(40, 80), "chat", Queue.CHAT))

    assert {(task, queue) for task, _, queue in bell.messages} == {
        (Task.EMAIL_BATCH, Queue.EMAIL),
        (Task.CHAT_BATCH, Queue.CHAT),
    }


def test_only_the_first_batches_pass_those_of_other_notifications(bell):
    with Rings(bell) as rings:
        rings.add(batches(range(400)))

    first = bell.priorities.count(Priority.FIRST)
    assert first == FIRST
    assert bell.priorities == [Priority.FIRST] * first + [Priority.BULK] * (
        len(bell.messages) - first
    )
