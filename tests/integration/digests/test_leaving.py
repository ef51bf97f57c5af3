"""The way out of a digest ends all of that frequency, by every door, and can be undone."""

from __future__ import annotations

import email
import re

import pytest

from service.models import DeliveryState, Destination, Frequency, Subscription
from service.subscriptions import changing
from service.subscriptions.changing import Asking

pytestmark = pytest.mark.usefixtures("full_audit")


@pytest.fixture
def way_out(press, town, daily, yesterday):
    """A reader of two daily topics and an instant one; the token of their digest."""
    reader = daily()
    town.subscribe(reader, "spor", None, Frequency.DAILY)
    town.subscribe(reader, "ulasim")
    press.release(yesterday)
    press.plan()
    press.send()
    (letter,) = press.letters()
    headers = email.message_from_bytes(letter.raw)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return reader, re.search(r"/u/([\w-]+)>", headers["List-Unsubscribe"])[1]


def live(town, reader):
    return sorted(
        str(one.frequency)
        for one in town.all(Subscription)
        if one.destination_id == reader and one.ended_at is None
    )


def test_get_shows_and_one_click_ends_all_of_that_frequency(client, town, way_out):
    reader, token = way_out

    page = client.get(f"/u/{token}")

    assert "Günde bir özet" in page.text
    assert live(town, reader) == ["daily", "daily", "instant"]
    for _ in range(2):
        answer = client.post(f"/u/{token}", data="List-Unsubscribe=One-Click")
        assert answer.status_code == 200
    assert live(town, reader) == ["instant"]


def test_an_undo_brings_all_of_them_back(client, town, way_out):
    reader, token = way_out
    client.post(f"/u/{token}")

    answer = client.post(f"/u/{token}/undo")

    assert answer.status_code == 200
    assert live(town, reader) == ["daily", "daily", "instant"]


def test_everything_ends_everything(client, town, way_out):
    reader, token = way_out

    client.post(f"/u/{token}/all")

    assert live(town, reader) == []


def test_it_ends_what_took_the_place_of_one_that_is_owed(client, town, way_out, runtime):
    reader, token = way_out
    with runtime.db.write() as session:
        person = session.get_one(Destination, reader)
        first = changing.groups(session, reader)[0].ids[0]
        changing.change(session, person, first, Asking(None, Frequency.WEEKLY))
    assert live(town, reader) == ["daily", "instant", "weekly"]

    client.post(f"/u/{token}")

    assert live(town, reader) == ["instant"]
    client.post(f"/u/{token}/undo")
    assert live(town, reader) == ["daily", "instant", "weekly"]


def test_who_left_between_planning_and_sending_gets_none(
    client, press, town, way_out, clock, runtime
):
    reader, token = way_out
    press.release(clock())
    clock.advance(days=1)
    (digest,) = press.plan()

    client.post(f"/u/{token}")
    press.send()

    assert press.states(digest) == {reader: DeliveryState.SUPPRESSED}
