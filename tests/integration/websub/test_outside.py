"""Other hubs, which are told that feeds have changed."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from service.models import DeliveryState
from workers.recover import Sweeper

FEEDS = "http://localhost:8080/feeds"


def told(callbacks) -> list[str]:
    """The topics that the other hub was told, in order."""
    forms = [parse_qs(call.body.decode()) for call in callbacks.pushed]
    callbacks.calls.clear()
    assert all(form["hub.mode"] == ["publish"] for form in forms)
    assert all(form["hub.url"] == form["hub.topic"] for form in forms)
    return [form["hub.url"][0] for form in forms]


def three(*keys: str) -> list[str]:
    return [f"{FEEDS}/{key}.{suffix}" for key in keys for suffix in ("rss", "atom", "json")]


@pytest.fixture
def settings(settings, callbacks):
    """One other hub is named, and one whose address cannot be called."""
    hubs = (callbacks.url("hub"), "http://user:secret@example.com/")
    return settings.model_copy(update={"websub_outside_hubs": hubs})


def test_another_hub_is_told_each_feed_that_changed_and_no_other(hub, callbacks, publish):
    publish(("spor",))  # before it was one
    hub.work()
    publish(("iklim-cevre",), places=("bornova",))
    hub.work()
    assert sorted(told(callbacks)) == sorted(three("all", "iklim-cevre"))

    publish(("iklim-cevre",))
    publish(("spor", "ulasim"))
    hub.work()
    assert sorted(told(callbacks)) == sorted(three("all", "iklim-cevre", "spor", "ulasim"))
    assert [one.state for one in hub.deliveries()] == [DeliveryState.SENT] * 3
    assert len(hub.rows()) == 1


def test_one_that_is_away_hears_of_all_of_it_later(hub, callbacks, publish, clock):
    hub.work()
    callbacks.answer = lambda call: (503, b"")
    publish(("spor",))
    hub.work()
    publish(("iklim-cevre",))
    hub.work()
    assert len(told(callbacks)) == 1

    callbacks.answer = lambda call: (204, b"")
    clock.advance(minutes=6)
    hub.work()
    assert sorted(told(callbacks)) == sorted(three("all", "iklim-cevre", "spor"))
    assert {one.state for one in hub.deliveries()} == {DeliveryState.SENT}


def test_one_that_the_settings_name_no_more_is_told_nothing(hub, callbacks, publish, deaf):
    hub.work()
    without = deaf.settings.model_copy(update={"websub_outside_hubs": ()})
    sweeper = Sweeper(replace(deaf, settings=without))
    sweeper.sweep()
    publish()
    sweeper.sweep()

    assert (callbacks.calls, hub.deliveries()) == ([], [])
    assert [row.end_reason for row in hub.rows()] == ["no longer in the settings"]
    hub.work()  # it is named again
    publish()
    hub.work()
    assert sorted(told(callbacks)) == sorted(three("all", "iklim-cevre"))
