"""What the hub refuses, and whom it does not contact: it is no tool to send requests to others."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import timedelta

from service.app import create_app
from service.models import (
    AuditEntry,
    Batch,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Notification,
    WebsubRequest,
    WebsubSubscription,
)
from service.outbound import GuardPolicy
from tests.integration.websub.conftest import TOPIC_URL
from workers.calls import Idle
from workers.plan import plan_notification
from workers.websub import send_websub_batch

READABLE = (
    *(AuditEntry, Batch, Delivery, DeliveryAnswer, Destination, Notification),
    *(WebsubRequest, WebsubSubscription),
)
FEEDS = "http://localhost:8080/feeds"


CASES = [
    ({"hub.mode": None}, 400, "hub.mode is missing"),
    ({"hub.mode": "follow"}, 400, "subscribe or unsubscribe"),
    ({"hub.mode": "publish"}, 403, "Only the city publishes here"),
    ({"hub.mode": ["subscribe", "unsubscribe"]}, 400, "more than once"),
    ({"hub.callback": None}, 400, "hub.callback is missing"),
    ({"hub.callback": "https://example.com/" + "a" * 2000}, 400, "longer than 2000"),
    ({"hub.callback": "https://example.com/ş"}, 400, "percent-encoded ASCII"),
    ({"hub.callback": "https://example.com/\r\nX: y"}, 400, "percent-encoded ASCII"),
    ({"hub.callback": "ftp://example.com/"}, 400, "http or https"),
    ({"hub.callback": "https:///path"}, 400, "http or https"),
    ({"hub.callback": "https://[::1"}, 400, "no web address"),
    ({"hub.callback": "https://example.com:99999/"}, 400, "no web address"),
    ({"hub.callback": "https://me:secret@example.com/"}, 400, "no user name or password"),
    ({"hub.callback": "https://example.com/#part"}, 400, "no fragment"),
    ({"hub.callback": "https://example.com:6379/"}, 403, "ports 80, 443"),
    ({"hub.topic": None}, 400, "hub.topic is missing"),
    ({"hub.topic": "https://example.com/feed"}, 400, "one of our feeds"),
    ({"hub.topic": f"{FEEDS}/all.html"}, 400, "one of our feeds"),
    ({"hub.topic": f"{FEEDS}/all.atom?page=2"}, 400, "one of our feeds"),
    ({"hub.topic": f"{FEEDS}/archive/all/2026-01.atom"}, 400, "no archive or private feed"),
    ({"hub.topic": f"{FEEDS}/my/abcdef.atom"}, 400, "no archive or private feed"),
    ({"hub.topic": f"{FEEDS}/no-such-topic.atom"}, 404, "not known"),
    ({"hub.topic": f"{FEEDS}/iklim-cevre@atlantis.atom"}, 404, "not known"),
    ({"hub.topic": f"{FEEDS}/{'+'.join('abcdefghijklmn')}.atom"}, 400, "joins more than 12"),
    (
        {"hub.topic": f"{FEEDS}/ulasim%2Biklim-cevre.atom"},
        400,
        f"The address of this topic is {FEEDS}/iklim-cevre+ulasim.atom: subscribe to that.",
    ),
    ({"hub.secret": "ş" * 100}, 400, "fewer than 200 bytes"),
    ({"hub.lease_seconds": "-5"}, 400, "number of seconds"),
    ({"hub.lease_seconds": "٣٤"}, 400, "number of seconds"),
]


def test_what_cannot_be_done_is_refused_with_its_reason(hub):
    for changes, status, words in CASES:
        values = {"hub.mode": "subscribe", "hub.topic": TOPIC_URL}
        values |= {"hub.callback": "https://example.com/cb", **changes}
        given = {name: value for name, value in values.items() if value is not None}
        answer = hub.client.post("/hub", data=given)

        assert (answer.status_code, answer.mimetype) == (status, "text/plain"), changes
        assert words in answer.text
    assert hub.rows() == []


INSIDE = [
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "10.0.0.1", "172.16.3.4"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"),
    *(
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "[fc00::1]",
        "[2002:7f00:1::]",
    ),
    *(
        "[64:ff9b::7f00:1]",
        "localhost",
        "localhost.",
        "db",
        "redis.internal",
        "a.localhost",
        "x.local",
    ),
]


def test_callbacks_inside_the_network_are_refused_at_the_door(settings, monkeypatch):
    """Also those that the city itself may reach: its chat and its CMS are not for strangers."""
    monkeypatch.setattr("service.feeds.hub_routes.PER_CLIENT", "1000/minute")
    allowed = {"allow_private_hosts": ("127.0.0.1", "chat.internal"), "websub_private_hosts": ()}
    app = create_app(settings.model_copy(update=allowed))
    client, asked = app.test_client(), {"hub.mode": "subscribe", "hub.topic": TOPIC_URL}
    for host in (*INSIDE, "chat.internal"):
        answer = client.post("/hub", data={**asked, "hub.callback": f"http://{host}/"})
        said = (answer.status_code, answer.text)
        assert said == (403, "hub.callback is not on the public internet.\n"), host
    app.extensions["tellal"].close()


def test_a_name_that_leads_inside_is_never_connected_to(hub, callbacks, monkeypatch, town):
    """Nor one that led outside when it was looked up before."""
    inside = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"]
    looked_up = {}

    real = socket.getaddrinfo

    def resolve(host, port, *more, **named):
        if not str(host).startswith("rebound"):  # where this process tells what it has counted
            return real(host, port, *more, **named)
        looked_up[host] = inside[len(looked_up)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (looked_up[host], port))]

    for number in range(len(inside)):
        hub.ask(f"http://rebound{number}.example.com/")
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    hub.work()

    assert sorted(looked_up) == [f"rebound{number}.example.com" for number in range(4)]
    assert callbacks.calls == []
    answers = town.all(DeliveryAnswer)
    assert {(one.state, one.code) for one in answers} == {(DeliveryState.REJECTED, "blocked")}
    assert answers[0].detail == "the callback's host has no address that may be reached"
    assert (len(answers), hub.live()) == (4, [])


def test_what_the_city_may_reach_inside_is_not_called_for_strangers(
    hub, callbacks, publish, runtime, settings, town
):
    hub.subscribe(callbacks.url())
    publish()
    (notification,) = [one.id for one in town.all(Notification) if one.kind == "feed"]
    plan_notification(runtime, notification)
    (batch,) = town.batches(notification)
    strict = settings.model_copy(update={"websub_private_hosts": ()})
    assert strict.allow_private_hosts == ("127.0.0.1",)
    send_websub_batch(replace(runtime, settings=strict), batch)

    assert callbacks.pushed == []
    assert [row.last_answer for row in hub.live()] == ["blocked"]


def test_a_subscriber_whose_name_leads_inside_later_is_not_pushed_to(
    hub, callbacks, publish, runtime, monkeypatch
):
    hub.subscribe(callbacks.url())
    monkeypatch.setattr("workers.calls.GuardPolicy", lambda _: GuardPolicy(()))
    monkeypatch.setattr("workers.calls.IDLE", Idle())
    publish()
    hub.work()

    assert callbacks.pushed == []
    (delivery,) = hub.deliveries()
    assert delivery.state == DeliveryState.DEFERRED
    assert len(hub.live()) == 1


def test_a_callback_that_does_not_confirm_is_not_subscribed_nor_asked_again(
    hub, callbacks, publish, clock
):
    answers = {
        "wrong": ((200, b"another text"), {}),
        "none": ((200, b""), {}),
        "no": ((404, b""), {}),
        "moved": ((302, b""), {"Location": "/else"}),
        "moved-inside": ((307, b""), {"Location": "http://127.0.0.1:1/"}),
    }
    callbacks.answer = lambda call: answers[call.path.strip("/")][0]
    for name, (_, headers) in answers.items():
        callbacks.headers = headers
        hub.ask(callbacks.url(name))
        hub.work()
    clock.advance(hours=1)
    publish()
    hub.work()

    assert [call.path.strip("/") for call in callbacks.calls] == list(answers)
    assert hub.live() == []


def test_the_challenge_of_another_try_confirms_nothing(hub, callbacks, clock):
    first: list[bytes] = []

    def answer(call):
        first.append(call.query["hub.challenge"][0].encode())
        return (503, b"") if len(first) == 1 else (200, first[0])

    callbacks.answer = answer
    hub.ask(callbacks.url())
    hub.work()
    clock.advance(minutes=1)
    hub.work()

    assert len(callbacks.calls) == 2
    assert hub.live() == []


def test_one_that_is_away_is_asked_three_times(hub, callbacks, clock, town):
    callbacks.answer = lambda call: (503, b"")
    hub.ask(callbacks.url())
    for _ in range(5):
        hub.work()
        clock.advance(hours=1)

    assert len(callbacks.calls) == 3
    (request,) = town.all(WebsubRequest)
    assert request.outcome == "the callback answered 503"


def test_a_request_has_a_form_and_a_size(hub):
    assert hub.client.post("/hub", json={"hub.mode": "subscribe"}).status_code == 415
    large = hub.ask("https://example.com/cb", foo="x" * 20_000)
    assert (large.status_code, large.mimetype) == (413, "text/plain")
    assert hub.client.get("/hub").status_code == 405


def test_leases_are_given_within_bounds(hub, callbacks):
    for asked, given in (("1", 3600), ("999999999999", 2_592_000), ("86400", 86_400)):
        hub.subscribe(callbacks.url(f"cb{asked}"), lease_seconds=asked)
        assert callbacks.asked[-1].of("hub.lease_seconds") == str(given)
        newest = max(hub.live(), key=lambda row: row.destination_id)
        assert newest.lease_until - newest.verified_at == timedelta(seconds=given)


def test_a_stranger_cannot_be_asked_without_end(hub, callbacks):
    answers = [hub.ask(callbacks.url(f"cb{n}")).status_code for n in range(22)]
    assert answers == [202] * 20 + [429] * 2
    many = hub.ask("https://example.com/other")
    assert many.status_code == 202  # the limit was that host's


def test_a_callback_that_has_not_answered_is_asked_few_questions(hub, callbacks):
    answers = [hub.ask(callbacks.url()) for _ in range(6)]
    assert [one.status_code for one in answers] == [202] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "60"


def test_a_client_cannot_ask_without_end(hub):
    answers = [hub.client.post("/hub", data={"hub.mode": "x"}).status_code for _ in range(61)]
    assert answers == [400] * 60 + [429]


def test_the_hub_has_room_for_so_many(settings, hub, callbacks):
    app = create_app(settings.model_copy(update={"websub_max_subscribers": 1}))
    hub.client = app.test_client()
    hub.subscribe(callbacks.url("one"))
    refused = hub.ask(callbacks.url("two"))
    again = hub.ask(callbacks.url("one"))
    app.extensions["tellal"].close()

    assert (refused.status_code, again.status_code) == (429, 202)


def test_a_callback_is_in_no_page_log_or_row_that_can_be_read(hub, callbacks, caplog, town):
    hub.ask(callbacks.url("gizli-yol?token=gizli-token"), secret="gizli-anahtar")
    hub.work()

    rows = json.dumps(
        [
            {name: str(value) for name, value in vars(row).items()}
            for model in READABLE
            for row in town.all(model)
        ]
    )
    assert len(hub.live()) == 1
    for text in (rows, caplog.text):
        assert "gizli" not in text
