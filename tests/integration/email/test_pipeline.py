"""The pipeline and its source: in which order they talk, and what an error of the source stops."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from service.ledger.outcome import Outcome
from service.models import DeliveryState
from tests.integration.email.script import Script
from tests.integration.email.scripted import playing
from workers.courier import PeerAwayError
from workers.email.link import Envelope
from workers.email.pipeline import Pipeline
from workers.email.relay import Relay, Relays
from workers.email.wire import Wire

LETTER = b"Subject: x\r\n\r\nbir\r\n"


class Letters:
    """A source of so many letters, which then raises `end`, if there is one; it notes its calls."""

    def __init__(self, count: int, end: Exception | None = None) -> None:
        self._numbers, self._end = iter(range(count)), end
        self.calls: list[tuple[str, object]] = []
        self.states: dict[object, DeliveryState] = {}

    def take(self) -> Envelope | None:
        number = next(self._numbers, None)
        self.calls.append(("take", number))
        if number is None and self._end is not None:
            raise self._end
        if number is None:
            return None
        return Envelope(number, "b@x.example", f"okur{number}@x.example", lambda: self.look(number))

    def look(self, number: int) -> bytes:
        self.calls.append(("look", number))
        return LETTER

    def answer(self, envelope: Envelope, outcome: Outcome) -> None:
        self.calls.append(("answer", envelope.key))
        self.states[envelope.key] = outcome.state


class Narrow:
    """One link; after so many letters the relay is to be left alone."""

    links = 1

    def __init__(self, most: int = 1_000) -> None:
        self._left = most

    def note(self, envelope: Envelope, outcome: Outcome) -> None:
        self._left -= 1
        if not self._left:
            raise PeerAwayError("enough")

    def slow_down(self) -> None:
        """Nothing is learned."""


@pytest.fixture(params=[True, False], ids=["pipelined", "lock-step"])
def script(request: pytest.FixtureRequest) -> Iterator[Script]:
    with playing(Script(is_pipelining=request.param)) as script:
        yield script


@pytest.fixture
def relays(script: Script) -> Iterator[Relays]:
    relays = Relays([Relay.of(f"smtp://127.0.0.1:{script.port}", "x.example")])
    yield relays
    relays.close()


def test_the_last_look_at_a_letter_is_the_last_thing_before_it_leaves(script, relays):
    """The database may take its time with the next one: before the look, not after it."""
    letters = Letters(5)

    Pipeline(relays, Narrow()).run(letters)

    assert letters.states == dict.fromkeys(range(5), DeliveryState.SENT)
    for number in range(5):
        at = letters.calls.index(("look", number))
        assert letters.calls[at + 1][0] == "answer", letters.calls


def test_once_the_source_has_failed_no_other_letter_leaves(script, relays):
    letters = Letters(3, OSError("the database is away"))

    with pytest.raises(OSError, match="the database is away"):
        Pipeline(relays, Narrow()).run(letters)

    # The third one had been begun, and nothing of it has left.
    assert letters.states == dict.fromkeys(range(2), DeliveryState.SENT)
    assert sum(script.accepted.values()) == 2
    assert script.stray == []


def test_once_the_relay_is_to_be_left_alone_no_other_letter_leaves(script, relays):
    letters = Letters(9)

    with pytest.raises(PeerAwayError, match="enough"):
        Pipeline(relays, Narrow(most=4)).run(letters)

    assert letters.states == dict.fromkeys(range(4), DeliveryState.SENT)
    assert sum(script.accepted.values()) == 4


def test_a_relay_that_takes_a_long_letter_slowly_is_not_silent():
    near, far = socket.socketpair()
    with near, far:
        wire = Wire(near)
        wire.write(LETTER * 100_000)
        began = wire.moved_at
        far.recv(1_000_000)
        wire.flush()

        assert wire.has_backlog
        assert wire.moved_at > began


def test_a_relay_that_is_printed_keeps_its_password():
    relay = Relay.of("smtps://tellal:acik%20susam@relay.example", "x.example")

    assert relay.server.password == "acik susam"
    assert "susam" not in f"{relay!r} {relay}"
