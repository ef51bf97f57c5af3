"""Relays of all manners: old ones, slow ones, rude ones, and such as hang up while nothing is sent.

Straight into the pipeline: what reaches a database is tried elsewhere.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from service.models import DeliveryState
from tests.integration.email import letters
from tests.integration.email.letters import Letters, Narrow
from tests.integration.email.script import DOT, MIDDLE, Script, at
from tests.integration.email.scripted import closed_port, playing
from workers.courier import PeerAwayError
from workers.email.link import Link
from workers.email.relay import Relay, Relays
from workers.email.wire import LostError, Reply, Wire

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
PATIENCE_S = 20.0
RED = "okur3@example.org"
GREETING, GREETED = b"220 rough.example ESMTP\r\n", b"250-rough.example\r\n250 PIPELINING\r\n"


def is_red(who: str) -> bool:
    return who == RED


@pytest.mark.parametrize(
    "manner",
    [{"is_pipelining": False}, {"is_extended": False}, {"is_in_crumbs": True}],
    ids=["no pipelining", "HELO", "crumbs"],
)
@pytest.mark.parametrize("links", [1, 3])
def test_an_old_relay_gets_each_letter_once_and_whole(manner: dict[str, bool], links: int) -> None:
    script = Script(**manner)
    many = Letters(letters.readers(40), size=60_000)
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}") as relays:
        letters.send(relays, many, links)

    assert many.states() == dict.fromkeys(letters.readers(40), SENT)
    assert script.accepted == dict.fromkeys(letters.readers(40), 1)
    assert {raw for _, _, raw in script.letters} == {many.raw}


@pytest.mark.parametrize("slow", ["okur0@example.org", "okur40@example.org"])
def test_one_link_that_does_not_read_holds_up_none_of_the_others(
    slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on only when all the others have been taken, also where it is the only one yet."""
    monkeypatch.setattr("workers.email.crew.STANDS_S", 0.05)
    monkeypatch.setattr("workers.email.pipeline.POLL_S", 0.05)
    readers = letters.readers(60)
    are_taken, was_in_time = threading.Event(), []

    def hold(who: str) -> None:
        if who == slow:
            was_in_time.append(are_taken.wait(PATIENCE_S))

    def count(verb: str, _who: str, _nth: int) -> None:
        # Asked right before a letter is taken. All but the held one, the one behind it on its
        # link, and this one.
        if verb == DOT and script.accepted.total() >= len(readers) - 3:
            are_taken.set()

    script = Script(count, hold=hold)
    many = Letters(readers, size=60_000)
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}", kind=Narrow) as relays:
        letters.send(relays, many, links=4)

    assert was_in_time == [True]
    assert many.states() == dict.fromkeys(readers, SENT)
    assert script.accepted == dict.fromkeys(readers, 1)


class OneOpen(Relays):
    """To the first who dials it is open, to all others only when the work is over."""

    def __init__(self, relays: Sequence[Relay]) -> None:
        super().__init__(relays)
        self.is_over, self.waited, self._is_used = threading.Event(), list[bool](), False

    def dial(self) -> Link:
        if self._is_used:
            self.waited.append(self.is_over.wait(PATIENCE_S))
        self._is_used = True
        return super().dial()


def test_the_end_is_not_held_up_by_a_link_that_nobody_needs_any_more() -> None:
    many, script = Letters(letters.readers(40)), Script()
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}", kind=OneOpen) as relays:
        letters.send(relays, many, links=3)
        relays.is_over.set()

    assert many.states() == dict.fromkeys(letters.readers(40), SENT)
    assert set(relays.waited) == {True}


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (b"552 5.3.4 too big", REJECTED, "5.3.4"),
        (b"421 4.3.0 closing", DEFERRED, "4.3.0"),
    ],
)
def test_an_answer_in_the_middle_of_a_letter_counts_and_the_rest_is_no_command(
    answer: bytes, state: DeliveryState, code: str
) -> None:
    readers = letters.readers(5)
    script = Script(at(MIDDLE, answer, is_red))
    many = Letters(readers, size=1_000_000)
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}", kind=Narrow) as relays:
        letters.send(relays, many)

    assert many.states() == {who: state if who == RED else SENT for who in readers}
    assert many.answers[RED][0].code == code
    assert script.accepted == {who: 1 for who in readers if who != RED}


@contextmanager
def saying(said: bytes, *, greets: bool = True) -> Iterator[int]:
    """Greets as a relay does, says this to whatever comes then, and reads on until the guest hangs
    up."""

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                if greets:
                    connection.sendall(GREETING)
                    connection.recv(1_000)
                    connection.sendall(GREETED)
                    connection.recv(1_000)
                connection.sendall(said)
                while connection.recv(65_536):
                    pass
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for thread in [acceptor, *threads]:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "said",
    [
        b"250 " + b"x" * 1_000_000,
        b"250-lines\r\n" * 100_000,
        b"250",
        b"\0" * 70_000,
        b"\0\0\0 what\r\n",
        b"\xff\xfe\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"250_\r\n",
        b"25\r\n",
        b"250 ok\r\n" * 50,  # also to DATA, and to what nobody asked
    ],
    ids=lambda said: str(said[:12]),
)
def test_who_does_not_speak_smtp_is_away_and_gets_no_letter(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.email.pipeline.COMMAND_TIMEOUT_S", 0.0)
    monkeypatch.setattr("workers.email.pipeline.POLL_S", 0.1)
    many = Letters(letters.readers(5))
    with saying(said) as port, letters.relays(f"smtp://127.0.0.1:{port}") as relays:
        goes_away(relays, many)
    assert set(many.states().values()) <= {DEFERRED}


@pytest.mark.parametrize(
    "said", [b"", b"\0\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x" * 99_999]
)
def test_who_does_not_greet_as_a_relay_is_away(said: bytes, monkeypatch) -> None:
    monkeypatch.setattr("workers.email.relay.DIAL_S", 0.3)
    many = Letters(letters.readers(5))
    with (
        saying(said, greets=False) as port,
        letters.relays(f"smtp://127.0.0.1:{port}") as relays,
    ):
        assert goes_away(relays, many)
    assert many.answers == {}


def goes_away(relays: Relays, many: Letters) -> bool:
    try:
        letters.send(relays, many)
    except PeerAwayError:
        return True
    return False


def test_a_reply_may_hold_anything_but_line_ends() -> None:
    odd = b"550 5.1.1 \0\x1b[31m \xff ok 2.0.0"
    script = Script(at("RCPT", odd, is_red))
    many = Letters(letters.readers(10))
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}") as relays:
        letters.send(relays, many)

    states = many.states()
    assert states.pop(RED) == REJECTED
    assert many.answers[RED][0].code == "5.1.1"
    assert set(states.values()) == {SENT}


@pytest.mark.parametrize("farewell", [b"421 4.4.2 idle for too long\r\n", b"", b"\0garbage"])
def test_links_that_died_while_they_rested_cost_no_letter(farewell: bytes) -> None:
    first, second = Letters(letters.readers(30)), Letters(letters.readers(30))
    script = Script()
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}") as relays:
        letters.send(relays, first, links=3)
        script.hang_up(farewell)
        letters.send(relays, second, links=3)

    assert set(first.states().values()) | set(second.states().values()) == {SENT}
    assert script.accepted == dict.fromkeys(letters.readers(30), 2)


def test_a_link_that_is_given_up_as_it_is_taken_up_again_costs_no_letter() -> None:
    """The farewell comes as the answer to the first command of the second batch."""
    begun, first, second = [0], Letters(letters.readers(30)), Letters(letters.readers(30))

    def tired(verb: str, _who: str, _nth: int) -> bytes | None:
        begun[0] += verb == "MAIL"
        return b"421 4.4.2 idle for too long" if verb == "MAIL" and begun[0] in (31, 32) else None

    script = Script(tired)
    with playing(script), letters.relays(f"smtp://127.0.0.1:{script.port}") as relays:
        letters.send(relays, first, links=3)
        letters.send(relays, second, links=3)

    assert second.states() == dict.fromkeys(letters.readers(30), SENT)
    assert script.accepted == dict.fromkeys(letters.readers(30), 2)


def test_a_relay_that_was_started_anew_between_two_batches_costs_no_letter() -> None:
    first, second = Letters(letters.readers(30)), Letters(letters.readers(30))
    old, new = Script(), Script()
    with closed_port() as port:
        pass
    with letters.relays(f"smtp://127.0.0.1:{port}") as relays:
        with playing(old, port):
            letters.send(relays, first, links=3)
        with playing(new, port):
            letters.send(relays, second, links=3)
    assert old.accepted == new.accepted == dict.fromkeys(letters.readers(30), 1)


def test_what_a_relay_said_before_it_hung_up_is_heard_though_writing_finds_it_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(socket.create_connection(listener.getsockname()))
        relay, _ = listener.accept()
    relay.sendall(b"250 2.0.0 taken\r\n")
    relay.close()
    wire.write(b"MAIL FROM:<>\r\n")  # the answer to this closes our side
    select.select([wire.sock], [], [], PATIENCE_S)
    heard: list[Reply] = []

    def talk_on() -> None:
        while True:
            wire.write(b"RCPT TO:<>\r\n")
            heard.extend(wire.replies())

    with pytest.raises(LostError):
        talk_on()
    wire.close()
    assert heard == [Reply(250, "2.0.0 taken")]
