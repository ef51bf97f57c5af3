"""What a real homeserver refuses: for a while, for good, and what staff read of it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from service.models import Channel, Delivery, DeliveryAnswer, DeliveryState
from tests.integration.chat.synapse.server import PASSWORD

# How an answer becomes a row is tried on both databases elsewhere; here it is about the answers.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED


def test_a_homeserver_that_has_enough_is_asked_again_when_it_says(room, town, tell, pass_by):
    channel = town.channel(room.url)
    room.server.limit(room.city)
    for _ in range(2):
        assert town.states(tell())[channel] == SENT, "so many it takes at once"

    put_off = tell()

    assert town.states(put_off)[channel] == DEFERRED
    (answer,) = town.all(DeliveryAnswer)
    assert (answer.code, answer.detail) == ("429", "the service answered 429 M_LIMIT_EXCEEDED")
    (row,) = [row for row in town.all(Delivery) if row.notification_id == put_off]
    assert timedelta(0) < row.due_at - row.settled_at <= timedelta(seconds=20), "as it asked"
    assert not town.all(Channel)[0].is_paused
    assert len(room.shown()) == 2

    room.server.free(room.city)
    pass_by()
    assert town.states(put_off)[channel] == SENT
    assert len(room.shown()) == 3


def test_a_room_that_is_closed_to_us_pauses_its_channel(room, town, tell) -> None:
    channel = town.channel(room.url)
    assert town.states(tell())[channel] == SENT
    room.reader.act(room.id, "kick", room.city)
    assert town.states(tell())[channel] == SENT, "whoever was put out may come back"

    room.reader.act(room.id, "ban", room.city)

    assert town.states(tell())[channel] == REJECTED
    (row,) = town.all(Channel)
    assert row.is_paused
    assert row.pause_reason == "paused by itself: the service answered 403 M_BAD_STATE"
    assert len(room.shown()) == 2


def muted(room) -> str:
    room.reader.set_state(
        room.id,
        "m.room.power_levels",
        {**room.reader.state(room.id, "m.room.power_levels"), "events_default": 50},
    )
    return room.url


REFUSED = {
    "muted": (muted, "403 M_FORBIDDEN"),
    "no such alias": (lambda room: room.url.replace("#", "#nosuch"), "404 M_NOT_FOUND"),
    "wrong password": (
        lambda room: room.url.replace(quote(PASSWORD, safe=""), "wrong"),
        "403 M_FORBIDDEN",
    ),
    "token that has ended": (
        lambda room: room.token_url.replace(room.city.token, "syt_gone"),
        "401 M_UNKNOWN_TOKEN",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_homeserver_refuses_for_good_is_told_to_staff(room, town, tell, case) -> None:
    address, said = REFUSED[case]
    channel = town.channel(address(room))

    assert town.states(tell())[channel] == REJECTED
    (row,) = town.all(Channel)
    assert row.pause_reason == f"paused by itself: the service answered {said}"
    assert room.shown() == []


def test_a_sign_in_that_has_ended_is_done_again(room, town, tell) -> None:
    channel = town.channel(room.url)
    assert town.states(tell())[channel] == SENT

    room.server.end_tokens(room.city, "TELLAL")

    assert town.states(tell())[channel] == SENT
    assert len(room.shown()) == 2
