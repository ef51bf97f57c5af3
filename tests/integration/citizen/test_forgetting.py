"""Addresses go when they are not needed any more, and not a day before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.models import ChatClaim, Consent, Destination, OneTimeToken, Subscriber
from service.runtime import Runtime
from service.subscriptions import forgetting, moving
from service.subscriptions.forgetting import forget_people
from service.subscriptions.target_claims import Asked, claim_telegram
from service.subscriptions.unsubscribe import end_all
from workers.retain import forget_expired

ADDRESS = "ayse@example.com"


def run(runtime: Runtime, days: float) -> int:
    return sum(forget_people(runtime.db, utcnow() + timedelta(days=days)))


def change(runtime: Runtime, destination_id: int, **values: Any) -> None:
    with runtime.db.write() as session:
        session.execute(
            update(Destination).where(Destination.id == destination_id).values(**values)
        )


def leave(runtime: Runtime, destination_id: int) -> None:
    with runtime.db.write() as session:
        end_all(session, destination_id)


@pytest.fixture
def subscribed(town: Any, person: Any, confirm_token: Callable[[], str]) -> int:
    """Somebody who signed up as people do."""
    person.sign_up(ADDRESS)
    person.client.post(f"/confirm/{confirm_token()}")
    return town.all(Destination)[0].id


def test_an_unconfirmed_sign_up_goes_after_seven_days(runtime, town, person, work):
    person.sign_up(ADDRESS)
    work()  # its letter

    assert run(runtime, 6.9) == 0
    assert run(runtime, 7.1) == 1

    (row,) = town.all(Destination)
    assert (row.address, row.subscriber_id) == ("", None)
    assert row.address_hash == f"forgotten:{row.id}"
    assert town.count(OneTimeToken) == town.count(Subscriber) == 0
    assert [one.act for one in town.all(Consent)] == ["asked"]
    assert run(runtime, 8) == 0


def test_the_number_of_a_deleted_link_is_not_given_to_another(runtime, town, person, work):
    """An old letter would open what somebody else was sent."""
    person.sign_up(ADDRESS)
    work()
    (old,) = town.all(OneTimeToken)
    assert run(runtime, 7.1) == 1

    person.sign_up("baska@example.org")

    (new,) = town.all(OneTimeToken)
    assert new.id > old.id


def test_one_that_was_asked_for_again_keeps_its_new_link(runtime, town, person, work):
    person.sign_up(ADDRESS)
    person.sign_up(ADDRESS)
    work()
    with runtime.db.write() as session:
        session.execute(
            update(OneTimeToken)
            .where(OneTimeToken.expires_at > utcnow())
            .values(expires_at=utcnow() + timedelta(days=9))
        )

    assert run(runtime, 8) == 0
    assert run(runtime, 9.5) == 1


def test_a_letter_that_is_still_on_its_way_is_waited_for(runtime, person):
    person.sign_up(ADDRESS)

    assert run(runtime, 8) == 0


def test_an_address_goes_28_days_after_its_last_subscription(runtime, town, subscribed):
    assert run(runtime, 1000) == 0
    leave(runtime, subscribed)

    assert run(runtime, 27.9) == 0
    assert run(runtime, 28.1) == 1

    assert town.get(Destination, subscribed).address == ""
    assert [one.act for one in town.all(Consent)] == ["asked", "confirmed", "withdrawn"]


def test_whoever_only_takes_a_break_is_kept(runtime, town, subscribed):
    change(runtime, subscribed, paused_until=utcnow() + timedelta(days=900))

    assert run(runtime, 100) == 0

    assert town.get(Destination, subscribed).address == ADDRESS


def test_who_hears_by_another_address_keeps_the_one_that_they_sign_in_with(
    runtime, town, subscribed
):
    person = town.get(Destination, subscribed).subscriber_id
    chat = town.reader(address="a chat")
    change(runtime, chat, subscriber_id=person, kind="chat")
    leave(runtime, subscribed)

    assert run(runtime, 100) == 0
    leave(runtime, chat)
    assert run(runtime, 29) == 2

    assert town.count(Subscriber) == 0


def test_a_channel_without_subscriptions_stays(runtime, town):
    channel = town.channel("json://127.0.0.1/room")
    leave(runtime, channel)

    assert run(runtime, 100) == 0


def test_it_goes_in_steps_and_a_run_that_was_stopped_is_taken_up(runtime, town, monkeypatch):
    monkeypatch.setattr(forgetting, "STEP", 2)
    for reader in town.readers(5):
        leave(runtime, reader)
    now = utcnow() + timedelta(days=29)

    first = forget_people(runtime.db, now)
    assert next(first) == 1
    first.close()
    assert sum(one.address == "" for one in town.all(Destination)) == 1

    assert sum(forget_people(runtime.db, now)) == 4
    assert {one.address for one in town.all(Destination)} == {""}


def test_the_nightly_task_does_it(runtime, town, subscribed, clock):
    leave(runtime, subscribed)
    clock.advance(days=29)

    forget_expired(runtime)

    assert town.get(Destination, subscribed).address == ""
    assert town.findings() == []


def moves_to(runtime: Runtime, reader: int, address: str) -> int:
    """Somebody asks to move; returns the number of what stands in at the new address."""
    with runtime.db.write() as session:
        moving.ask(session, runtime.vault, reader, address, "r")
        token = session.scalars(select(OneTimeToken).order_by(OneTimeToken.id.desc())).first()
        assert token is not None
        return int(token.payload["by"])


def test_an_address_that_somebody_wanted_to_move_to_goes_after_seven_days(
    runtime, town, work, clock
):
    reader = town.reader(address=ADDRESS)
    stand_in = moves_to(runtime, reader, "elif@example.org")
    work()

    assert run(runtime, 6.9) == 0
    assert run(runtime, 7.1) == 1

    assert town.get(Destination, stand_in).address == ""
    assert town.get(Destination, reader).address == ADDRESS


def test_an_old_address_goes_seven_days_after_the_move(runtime, town, work):
    reader = town.reader(address=ADDRESS)
    moves_to(runtime, reader, "elif@example.org")
    with runtime.db.write() as session:
        (token,) = session.scalars(select(OneTimeToken))
        link = runtime.vault.token(moving.SIGNED_FOR, token.id)
        assert moving.move(session, runtime.vault, link, "r").state == "done"
    work()

    assert run(runtime, 7.1) == 1

    assert [one.address for one in town.all(Destination)] == ["elif@example.org", ""]


def test_a_link_to_an_older_address_still_moves(runtime, town, work):
    """A sign-up that nobody confirmed stands in at the same address."""
    reader = town.reader(address=ADDRESS)
    stand_in = moves_to(runtime, reader, "elif@example.org")
    work()
    change(runtime, stand_in, created_at=utcnow() - timedelta(days=7))

    assert run(runtime, 0.9) == 0
    assert run(runtime, 1.1) == 1


def test_used_links_and_claims_go_a_week_after_their_end(runtime, town, subscribed, clock):
    with runtime.db.write() as session:
        subscriber = session.get_one(Destination, subscribed).subscriber_id
        claim_telegram(session, Asked(subscriber or 0, "tr", "r"))
    assert [one.used_at is not None for one in town.all(OneTimeToken)] == [True]

    clock.advance(days=13)  # a link to confirm is good for seven of them
    forget_expired(runtime)
    assert (town.count(OneTimeToken), town.count(ChatClaim)) == (1, 0)

    clock.advance(days=2)
    forget_expired(runtime)
    assert town.count(OneTimeToken) == 0
    assert town.get(Destination, subscribed).address == ADDRESS
