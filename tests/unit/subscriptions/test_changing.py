"""Changes of one person at the same time, and people who leave while they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import select

from service.models import Destination, Frequency, Subscription
from service.runtime import Runtime
from service.subscriptions import changing, unsubscribe
from service.subscriptions.changing import Asking
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import confirm

ROUNDS = 8


@pytest.fixture
def subscribe(
    runtime: Runtime, ask_for: Callable[..., str], topic_ids: list[int]
) -> Callable[[int], tuple[int, int]]:
    """Subscribes somebody new to one topic; returns their destination and subscription."""

    def run(number: int) -> tuple[int, int]:
        token = ask_for(Choices(topic_ids=(topic_ids[0],)), f"reader{number}@example.com")
        with runtime.db.write() as session:
            confirm(session, runtime.vault, token, "r")
        with runtime.db.read() as session:
            row = session.scalars(select(Subscription).order_by(Subscription.id.desc())).first()
        assert row is not None
        return row.destination_id, row.id

    return run


def at_once(acts: Sequence[Callable[[], object]]) -> None:
    start, trouble = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        start.wait(10)
        try:
            act()
        except Exception as error:
            trouble.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert trouble == []


def live(runtime: Runtime, destination_id: int) -> list[Subscription]:
    with runtime.db.read() as session:
        return list(
            session.scalars(
                select(Subscription)
                .where(Subscription.destination_id == destination_id)
                .where(Subscription.ended_at.is_(None))
            )
        )


def change(runtime: Runtime, destination_id: int, subscription_id: int, to: Frequency) -> bool:
    with runtime.db.write() as session:
        person = session.get_one(Destination, destination_id)
        return changing.change(session, person, subscription_id, Asking(None, to))


def test_of_changes_at_once_each_is_whole(
    runtime: Runtime, subscribe: Callable[[int], tuple[int, int]]
) -> None:
    for number in range(ROUNDS):
        person, row = subscribe(number)
        at_once(
            [
                lambda to=to, person=person, row=row: change(runtime, person, row, to)
                for to in (Frequency.DAILY, Frequency.WEEKLY, Frequency.DAILY)
            ]
        )
        (left,) = live(runtime, person)
        assert left.frequency in (Frequency.DAILY, Frequency.WEEKLY)


@pytest.mark.parametrize("how", ["one click", "everything"])
def test_whoever_leaves_while_a_change_is_made_has_left(
    runtime: Runtime, subscribe: Callable[[int], tuple[int, int]], how: str
) -> None:
    end = {"one click": unsubscribe.end_by_token, "everything": unsubscribe.end_all_by_token}[how]

    def leave(person: int, row: int) -> None:
        with runtime.db.write() as session:
            end(session, runtime.vault, runtime.vault.token("unsubscribe", 1, person, row))

    for number in range(ROUNDS):
        person, row = subscribe(number)
        at_once(
            [
                lambda person=person, row=row: change(runtime, person, row, Frequency.DAILY),
                lambda person=person, row=row: leave(person, row),
            ]
        )
        assert live(runtime, person) == []
