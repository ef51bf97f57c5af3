"""Servers that answer as none should: what broke off, and when, decides what is known."""

from __future__ import annotations

import gzip
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import select

from service.ledger.outcome import Outcome
from service.models import Channel, ChannelTest, DeliveryState
from service.subscriptions.channel_tests import ask
from tests.integration.email.security import Authority
from workers.calls import MAX_ANSWER, Reply
from workers.chat import testing
from workers.chat.providers.provider import receipt_of

SENT, DEFERRED, UNKNOWN = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.UNKNOWN
REJECTED = DeliveryState.REJECTED
OK = b"HTTP/1.1 200 OK\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: "
Play = Callable[[socket.socket], object]


class Stage:
    """A server that reads each request and then does as the play says."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.tls = None
        self.play: Play = lambda connection: None
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}/room"

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                read = b""
                while not read.endswith(b"{}"):
                    read += connection.recv(65_536)
                self.play(connection)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def says(*parts: bytes) -> Play:
    return lambda connection: [connection.sendall(part) for part in parts]


def for_ever(head: bytes) -> Play:
    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x" * 65_536)

    return play


def outcome(reply: Reply) -> tuple[DeliveryState, str, float | None]:
    found: Outcome = receipt_of(reply).outcome
    return found.state, found.code, found.retry_after_s


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 50\r\n\r\ncut",
        b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nnot",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nwhat\r\n",
    ],
)
def test_a_refusal_counts_however_its_words_break_off(stage, caller, rest):
    stage.play = says(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n" + rest)
    assert outcome(caller.call("POST", stage.url(), json={})) == (DEFERRED, "429", 7.0)

    stage.play = says(b"HTTP/1.1 410 Gone\r\n" + rest)
    assert outcome(caller.call("POST", stage.url(), json={})) == (REJECTED, "410", None)


def test_a_refusal_that_drips_counts_too(stage, caller, monkeypatch):
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.3)
    over = threading.Event()

    def play(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 9\r\n\r\n")
        over.wait(30)

    stage.play = play
    assert outcome(caller.call("POST", stage.url(), json={})) == (DEFERRED, "503", 9.0)
    over.set()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 20",
        b"hello",
        OK + b"Content-Length: 50\r\n\r\ncut",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nwhat\r\n",
        OK + b"".join(b"X-%d: y\r\n" % n for n in range(1_000)) + b"\r\n",
        OK + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        OK + b"Content-Encoding: " + b"gzip, " * 100 + b"gzip\r\nContent-Length: 3\r\n\r\nnot",
    ],
)
def test_a_success_that_breaks_off_leaves_it_unknown(stage, caller, answer):
    stage.play = says(answer)

    assert outcome(caller.call("POST", stage.url(), json={})) == (UNKNOWN, "", None)


@pytest.mark.parametrize("target", [b"http://127.0.0.1:1/", b"http://[::1", b"\xff\xfe://\x00"])
def test_a_redirect_is_refused_wherever_it_leads(stage, caller, target):
    stage.play = says(MOVED + target + b"\r\nContent-Length: 0\r\n\r\n")

    assert outcome(caller.call("POST", stage.url(), json={})) == (REJECTED, "302", None)


BOMB = gzip.compress(b"\0" * 50_000_000)


@pytest.mark.parametrize("head", [OK, MOVED + b"http://127.0.0.1:1/\r\n"])
@pytest.mark.parametrize(
    "play",
    [
        lambda head: for_ever(head + b"\r\n"),
        lambda head: says(
            head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB
        ),
    ],
)
def test_of_an_answer_without_an_end_the_beginning_is_read(stage, caller, head, play):
    stage.play = play(head)

    reply = caller.call("POST", stage.url(), json={})

    assert reply.status in (200, 302)
    assert MAX_ANSWER < len(reply.body) < 2 * MAX_ANSWER


@pytest.fixture
def authority(tmp_path, monkeypatch) -> Authority:
    """One that our requests trust."""
    authority, file = Authority(tmp_path), tmp_path / "authority.pem"
    file.write_text(authority.pem)
    monkeypatch.setattr("service.outbound.link.where", lambda: str(file))
    return authority


@pytest.mark.parametrize("said", [b"", OK + b"Content-Length: 50\r\n\r\ncut"])
def test_tls_that_breaks_after_the_request_leaves_it_unknown(stage, caller, authority, said):
    def play(connection: socket.socket) -> None:
        connection.sendall(said)
        os.write(connection.fileno(), b"this is no TLS, but it is long enough for a record")

    stage.tls, stage.play = authority.context(), play

    assert outcome(caller.call("POST", stage.url("https"), json={})) == (UNKNOWN, "", None)


def test_tls_that_breaks_before_the_request_defers_it(stage, caller, authority, tmp_path):
    stage.tls = authority.context("elsewhere.example")

    assert outcome(caller.call("POST", stage.url("https"), json={})) == (DEFERRED, "connect", None)


def test_tls_that_holds_is_used(stage, caller, authority):
    stage.tls, stage.play = authority.context(), says(OK + b"Content-Length: 0\r\n\r\n")

    assert outcome(caller.call("POST", stage.url("https"), json={})) == (SENT, "200", None)


def test_the_number_of_a_test_message_may_hold_anything(runtime, town):
    town.channel("discord://1/token")
    with runtime.db.write() as session:
        channel = session.scalars(select(Channel)).one()
        number = ask(session, channel, "").notification_id

    test = town.get(ChannelTest, number)
    testing.note(runtime.db, test, Outcome(SENT, "200"), "1\0" + "2" * 500, "ok", 0.1)

    kept = town.get(ChannelTest, number)
    assert (kept.said, kept.message_id[:3], len(kept.message_id)) == ("ok", "122", 300)
