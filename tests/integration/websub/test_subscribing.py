"""Subscribing at our hub: tests 100 to 106 of websub.rocks (docs/feeds.md says what each is)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest

from service.db import utcnow
from service.feeds.hub_subscriptions import confirm
from service.models import WebsubRequest
from tests.integration.websub.conftest import TOPIC_URL


def same_as_get(client, call, topic: str = TOPIC_URL) -> None:
    """What was pushed is what a reader gets, described in the same words."""
    got = client.get(topic.removeprefix("http://localhost:8080"))
    assert call.body == got.data
    assert call.headers["Content-Type"] == got.headers["Content-Type"]
    links = f'<http://localhost:8080/hub>; rel="hub", <{topic}>; rel="self"'
    assert call.headers["Link"] == links


def test_100_a_typical_subscriber_is_asked_and_then_pushed_each_change_once(
    hub, callbacks, publish, client
):
    hub.subscribe(callbacks.url("cb?own=1&b=%20"))

    (asked,) = callbacks.asked
    assert asked.of("hub.mode") == "subscribe"
    assert asked.of("hub.topic") == TOPIC_URL
    assert asked.of("hub.lease_seconds") == "864000"
    assert len(asked.of("hub.challenge")) >= 32
    assert (asked.of("own"), asked.of("b")) == ("1", " ")

    publish(title="Körfez temizleniyor")
    hub.work()

    (pushed,) = callbacks.pushed
    same_as_get(client, pushed)
    assert "Körfez temizleniyor".encode() in pushed.body
    assert "X-Hub-Signature" not in pushed.headers
    assert pushed.query == {"own": ["1"], "b": [" "]}
    hub.work()
    assert len(callbacks.calls) == 2


def test_101_a_subscriber_with_a_secret_gets_signed_documents(hub, callbacks, publish, client):
    hub.subscribe(callbacks.url(), secret="gizli çay")
    publish()
    hub.work()

    (pushed,) = callbacks.pushed
    same_as_get(client, pushed)
    signed = hmac.new("gizli çay".encode(), pushed.body, hashlib.sha256).hexdigest()
    assert pushed.headers["X-Hub-Signature"] == f"sha256={signed}"


def test_102_parameters_that_nobody_knows_are_ignored(hub, callbacks, publish, client):
    hub.subscribe(callbacks.url(), foo="bar", verify="sync", verify_token="x")
    publish()
    hub.work()

    assert set(callbacks.asked[0].query) == {
        *("hub.mode", "hub.topic", "hub.challenge", "hub.lease_seconds")
    }
    same_as_get(client, *callbacks.pushed)


def test_103_subscribing_again_replaces_secret_and_lease_and_pushes_once(
    hub, callbacks, publish, clock
):
    hub.subscribe(callbacks.url(), secret="first", lease_seconds="7200")
    (before,) = hub.live()
    clock.advance(hours=1)
    hub.subscribe(callbacks.url(), secret="second", lease_seconds="90000")

    (after,) = hub.live()
    assert after.destination_id == before.destination_id
    assert after.lease_until - before.lease_until > timedelta(hours=23)
    publish()
    hub.work()
    (pushed,) = callbacks.pushed
    signed = hmac.new(b"second", pushed.body, hashlib.sha256).hexdigest()
    assert pushed.headers["X-Hub-Signature"] == f"sha256={signed}"
    first, second = callbacks.asked
    assert first.of("hub.challenge") != second.of("hub.challenge")


def test_103_whoever_does_not_confirm_again_keeps_what_they_had(hub, callbacks, publish):
    hub.subscribe(callbacks.url(), secret="first")
    (before,) = hub.live()
    callbacks.answer = lambda call: (200, b"another text")
    hub.subscribe(callbacks.url(), secret="second", lease_seconds="3600")

    (after,) = hub.live()
    assert after.lease_until == before.lease_until
    callbacks.answer = lambda call: (204, b"")
    publish()
    hub.work()
    (pushed,) = callbacks.pushed
    signed = hmac.new(b"first", pushed.body, hashlib.sha256).hexdigest()
    assert pushed.headers["X-Hub-Signature"] == f"sha256={signed}"


def test_103_of_two_requests_the_newer_one_holds_in_whatever_order_they_are_confirmed(
    hub, callbacks, runtime
):
    hub.ask(callbacks.url(), lease_seconds="7200")
    hub.ask(callbacks.url(), lease_seconds="90000")
    with runtime.db.read() as session:
        newer = session.query(WebsubRequest).filter_by(lease_s=90000).one().id
    with runtime.db.write() as session:
        confirm(session, newer, [(0, 0)], utcnow())
    hub.work()

    (row,) = hub.live()
    assert (row.request_id, len(callbacks.asked)) == (newer, 1)
    assert row.lease_until - row.verified_at == timedelta(seconds=90000)


def test_104_whoever_unsubscribes_is_asked_and_then_pushed_nothing(hub, callbacks, publish):
    hub.subscribe(callbacks.url())
    assert hub.ask(callbacks.url(), mode="unsubscribe").status_code == 202
    assert len(hub.live()) == 1  # until the callback says so itself
    hub.work()

    assert callbacks.asked[-1].of("hub.mode") == "unsubscribe"
    assert hub.live() == []
    publish()
    hub.work()
    assert callbacks.pushed == []
    again = hub.ask(callbacks.url(), mode="unsubscribe")
    assert (again.status_code, again.text) == (
        404,
        "This callback is not subscribed to this topic.\n",
    )


def test_104_nobody_else_can_end_a_subscription(hub, callbacks, publish):
    hub.subscribe(callbacks.url())
    callbacks.answer = lambda call: (404, b"")  # it never asked for that
    hub.ask(callbacks.url(), mode="unsubscribe")
    hub.work()

    callbacks.answer = lambda call: (200, b"")
    publish()
    hub.work()
    assert len(callbacks.pushed) == 1


@pytest.mark.parametrize("suffix", ["rss", "atom", "json"])
def test_105_106_each_format_is_pushed_as_it_is_served(hub, callbacks, publish, client, suffix):
    topic = f"http://localhost:8080/feeds/all@bornova.{suffix}"
    hub.subscribe(callbacks.url(), topic)
    publish(places=("bornova",))
    hub.work()

    same_as_get(client, *callbacks.pushed, topic)


def test_somebody_may_subscribe_to_several_topics_and_come_back_after_the_end(
    hub, callbacks, publish
):
    hub.subscribe(callbacks.url("one"))
    hub.subscribe(callbacks.url("one"), TOPIC_URL.replace("atom", "json"))
    hub.ask(callbacks.url("one"), mode="unsubscribe")
    hub.work()
    assert [row.format for row in hub.live()] == ["json"]

    hub.subscribe(callbacks.url("one"))
    publish()
    hub.work()
    assert len(callbacks.pushed) == 2
