"""Chat to a real receiver on loopback: an outcome for each call, and nothing to foreign hosts."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from service.db import utcnow
from service.ledger.halts import resume
from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import (
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    HaltScope,
)
from service.outbound import Exchange
from workers.calls import Caller
from workers.chat import send_chat_batch
from workers.chat.providers.json_hook import JsonHook
from workers.chat.targets import ask_target, judge

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
UNKNOWN, SUPPRESSED = DeliveryState.UNKNOWN, DeliveryState.SUPPRESSED
MESSAGE = ChatMessage("Başlık", "Gövde")


def send_to_target(url: str, message: ChatMessage, allowed_hosts: tuple[str, ...]) -> Outcome:
    return ask_target(url, message, allowed_hosts)[0]


class Room(ThreadingHTTPServer):
    """Remembers what was posted and answers as `answer` says."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []
        self.answer: Callable[[_Handler], None] = lambda handler: handler.say(200)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "", host: str = "127.0.0.1") -> str:
        return f"json://{host}:{self.port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Room

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.answer(self)

    def do_GET(self) -> None:
        self.server.got.append({"path": self.path})
        self.say(200)

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    thread = threading.Thread(target=room.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield room
    room.shutdown()
    thread.join()
    room.server_close()


@pytest.fixture
def tell(runtime, town) -> Callable[[], int]:
    """Plans an article and sends its chat batches."""

    def tell() -> int:
        notification = town.planned()
        for batch in town.batches(notification):
            send_chat_batch(runtime, batch)
        assert town.findings() == []
        return notification

    return tell


def test_a_channel_hears_of_an_article_once(room, town, tell):
    channel = town.channel(room.url())

    notification = tell()

    (got,) = room.got
    assert got["title"] == "Körfez için iklim eylem planı: karbon salımı azalıyor"
    assert "https://www.example.bel.tr/haber/" in got["message"]
    assert town.states(notification) == {channel: SENT}


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_trouble_that_passes_is_deferred_for_as_long_as_the_service_asks(
    room, town, tell, status
):
    channel = town.channel(room.url())
    room.answer = lambda handler: handler.say(status, Retry_After="7")

    notification = tell()

    assert town.states(notification) == {channel: DEFERRED}
    due_in = town.all(Delivery)[0].due_at - utcnow()
    assert timedelta(seconds=5) < due_in <= timedelta(seconds=7)
    assert len(room.got) == 1
    assert not town.all(Channel)[0].is_paused


@pytest.mark.parametrize("asked", ["²", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "1e9"])
def test_a_strange_retry_after_means_our_own_backoff(room, town, tell, asked):
    town.channel(room.url())
    room.answer = lambda handler: handler.say(503, Retry_After=asked)

    tell()

    due_in = town.all(Delivery)[0].due_at - utcnow()
    assert timedelta(minutes=4) < due_in <= timedelta(minutes=5)


@pytest.mark.parametrize("asked", ["9" * 400, "9999999", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_whoever_asks_for_more_than_a_day_is_left_alone_for_a_day(room, town, tell, asked):
    town.channel(room.url())
    room.answer = lambda handler: handler.say(429, Retry_After=asked)

    tell()

    due_in = town.all(Delivery)[0].due_at - utcnow()
    assert timedelta(hours=23) < due_in <= timedelta(days=1)


@pytest.mark.parametrize(("status", "pauses"), [(404, True), (403, True), (400, False)])
def test_a_refusal_is_final_and_a_broken_channel_is_paused(room, town, tell, status, pauses):
    channel = town.channel(room.url())
    room.answer = lambda handler: handler.say(status)

    first = tell()

    assert town.states(first) == {channel: REJECTED}
    assert [row.code for row in town.all(DeliveryAnswer)] == [str(status)]
    (row,) = town.all(Channel)
    assert row.is_paused == pauses
    assert bool(row.pause_reason) == pauses
    second = tell()
    assert town.states(second) == {channel: SUPPRESSED if pauses else REJECTED}


def test_a_paused_channel_hears_again_after_it_was_resumed(room, town, tell, runtime):
    channel = town.channel(room.url())
    room.answer = lambda handler: handler.say(404)
    tell()
    room.answer = lambda handler: handler.say(200)
    with runtime.db.write() as session:
        channel_id = town.get(Destination, channel).channel_id
        assert resume(session, HaltScope.CHANNEL, channel_id, utcnow())

    assert town.states(tell()) == {channel: SENT}


def test_a_refused_connection_is_deferred(town, tell):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        channel = town.channel(f"json://127.0.0.1:{closed.getsockname()[1]}/")

        notification = tell()

    assert town.states(notification) == {channel: DEFERRED}


def test_an_answer_that_never_comes_is_unknown(room, town, tell):
    channel = town.channel(room.url())
    room.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)

    notification = tell()

    assert len(room.got) == 1
    assert town.states(notification) == {channel: UNKNOWN}


def test_a_service_that_says_nothing_is_unknown_when_its_time_is_over(room, town, tell):
    over = threading.Event()
    channel = town.channel(room.url("?rto=0.2"))
    room.answer = lambda handler: over.wait(20)

    notification = tell()
    over.set()

    assert town.states(notification) == {channel: UNKNOWN}


@pytest.mark.parametrize("options", ["", "?method=POST"])  # those with some go by Apprise
@pytest.mark.parametrize("part", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 "])
def test_a_drip_of_bytes_ends_at_the_total_deadline(room, town, tell, monkeypatch, part, options):
    monkeypatch.setattr("service.outbound.session.GuardedSession.deadline_s", 0.5)
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.5)
    over = threading.Event()
    channel = town.channel(room.url(options))

    def drip(handler: _Handler) -> None:
        handler.wfile.write(part)
        try:
            while not over.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            pass

    room.answer = drip
    watch = threading.Timer(10, over.set)
    watch.start()

    notification = tell()

    assert not over.is_set(), "only the end of the drip ended the call"
    over.set()
    watch.cancel()
    assert town.states(notification)[channel] in (UNKNOWN, SENT)


def test_a_flood_is_read_up_to_a_bound(room):
    def flood(handler: _Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(64):
                handler.wfile.write(b"x" * 1024 * 1024)
                sent.append(1)
        except OSError:
            pass

    sent: list[int] = []
    room.answer = flood

    assert send_to_target(room.url(), MESSAGE, ("127.0.0.1",)).state == SENT
    assert len(sent) < 64


def test_a_redirect_is_not_followed(room, town, tell):
    channel = town.channel(room.url())
    room.answer = lambda handler: handler.say(302, Location=f"http://127.0.0.1:{room.port}/inside")

    notification = tell()

    assert len(room.got) == 1
    assert town.states(notification) == {channel: REJECTED}


@pytest.mark.parametrize("path", ["", "a/b", "a%20b/%C3%A7?method=POST"])
def test_plain_json_says_what_apprise_says(room, settings, path):
    caller = Caller(settings, ("127.0.0.1",))
    for url in (room.url(path), room.url(path).replace("://", "://ayse:s%40fe@")):
        outcome = JsonHook().send(caller, url, MESSAGE, "1-1").outcome

        assert (outcome.state, outcome.code) == (SENT, "200")
        assert send_to_target(url, MESSAGE, ("127.0.0.1",)).state == SENT
    assert room.got == [room.got[0]] * 4
    assert room.got[0]["title"] == "Başlık"


LOOPBACK = ("localhost", "127.0.0.1", "127.1", "[::1]", "0x7f000001", "2130706433", "0177.0.0.1")


def test_a_private_host_that_is_not_on_the_list_gets_no_request(room, subtests):
    for host in (*LOOPBACK, "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"):
        with subtests.test(host):
            outcome = send_to_target(room.url(host=host), MESSAGE, ())

            assert outcome.state in (DEFERRED, REJECTED)
    assert room.got == []


def test_what_the_operator_lists_is_reached_by_that_name_only(room):
    assert send_to_target(room.url(host="127.0.0.1"), MESSAGE, ("localhost",)).state != SENT
    assert room.got == []
    assert send_to_target(room.url(host="127.0.0.1"), MESSAGE, ("127.0.0.1",)).state == SENT


def test_a_proxy_of_the_environment_is_not_asked(room, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{room.port}")

    send_to_target("json://127.0.0.1:1/", MESSAGE, ("127.0.0.1",))

    assert room.got == []


@pytest.mark.parametrize("url", ["", "nonsense", "json://", "nosuch://host/", "://"])
def test_a_url_of_no_target_is_rejected(url):
    outcome = send_to_target(url, MESSAGE, ("127.0.0.1",))

    assert (outcome.state, outcome.code) == (REJECTED, "url")


def test_a_test_of_a_channel_keeps_the_answer_for_staff(room, town, runtime):
    channel = town.channel(room.url())
    notification = town.message(channel, "channel_test")

    for batch in town.batches(notification):
        send_chat_batch(runtime, batch)

    assert room.got[0]["title"] == "Deneme iletisi"
    assert [row.detail for row in town.all(DeliveryAnswer)] == ["the service answered 200"]


def test_no_exchange_at_all_is_no_success():
    assert judge(False, []).state == REJECTED
    put_off = judge(False, [Exchange(503, "7"), Exchange(403)])
    assert (put_off.state, put_off.retry_after_s) == (DEFERRED, 7.0)
    assert judge(False, [Exchange(200), Exchange(403)]).state == REJECTED
