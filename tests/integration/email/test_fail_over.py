"""With two relays mail goes to the one that works, and each letter to one of them alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from service.models import Batch, BatchState, Delivery, DeliveryState
from tests.integration.email.script import HANG_UP, Rule, Script, at
from tests.integration.email.scripted import closed_port, playing
from workers.email.relay import DOWN_S

SENT, QUEUED = DeliveryState.SENT, DeliveryState.QUEUED
READERS = 30

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def anybody(_who: str) -> bool:
    return True


@pytest.fixture
def later(monkeypatch) -> Callable[[float], None]:
    """Lets time pass for those who remember which relay was away."""
    passed = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0])
    monkeypatch.setattr("workers.email.relay.time", clock)

    def pass_by(seconds: float) -> None:
        passed[0] += seconds

    return pass_by


@pytest.fixture
def addresses(town) -> dict[str, int]:
    found = {}
    for number in range(READERS):
        address = f"okur{number}@example.org"
        found[address] = town.reader(address=address)
    return found


@pytest.fixture
def send(sending, town) -> Callable[..., int]:
    """Sends another article by way of two relays; returns its notification."""

    def send(first: int, second: int, notification: int = 0) -> int:
        notification = notification or town.planned()
        sending(
            smtp_url=SecretStr(f"smtp://127.0.0.1:{first}"),
            smtp_fallback_url=SecretStr(f"smtp://127.0.0.1:{second}"),
        )(notification)
        return notification

    return send


def check_waiting(town, clock, notification: int) -> None:
    assert set(town.states(notification).values()) == {QUEUED}
    assert {row.attempts for row in town.all(Delivery)} == {0}
    (batch,) = town.all(Batch)
    assert (batch.state, batch.attempts) == (BatchState.READY, 0)
    assert batch.due_at > clock() + timedelta(seconds=20)


def test_where_the_first_is_down_the_second_gets_each_letter_once(town, addresses, send, said):
    with closed_port() as first, playing(Script()) as second:
        notification = send(first, second.port)

    assert town.states(notification) == dict.fromkeys(addresses.values(), SENT)
    assert second.accepted == dict.fromkeys(addresses, 1)
    assert f"127.0.0.1:{first}: ConnectionRefusedError" in said()
    assert town.findings() == []


@only_sqlite
def test_one_that_comes_back_is_used_again_after_a_while(town, addresses, send, later, monkeypatch):
    monkeypatch.setattr("workers.email.pipeline.MAX_PER_LINK", 1)  # few links rest
    first, second = Script(), Script()
    with playing(second):
        with closed_port() as port:
            send(port, second.port)
        with playing(first, port):
            send(port, second.port)
            assert (first.seen, second.accepted) == ({}, dict.fromkeys(addresses, 2))
            later(DOWN_S)
            send(port, second.port)

    # Links to the second one that were open all the while may have taken a few.
    assert first.accepted.total() > READERS / 2
    assert first.accepted + second.accepted == dict.fromkeys(addresses, 3)


@only_sqlite
def test_while_both_are_down_the_batch_waits(town, addresses, send, clock):
    with closed_port() as first, closed_port() as second:
        notification = send(first, second)
        check_waiting(town, clock, notification)

    clock.advance(minutes=1)
    with playing(Script(), first) as script:
        send(first, second, notification)
    assert script.accepted == dict.fromkeys(addresses, 1)
    assert set(town.states(notification).values()) == {SENT}


@only_sqlite
@pytest.mark.parametrize("answer", [HANG_UP, b"421 4.3.2 not now"])
def test_one_that_greets_and_takes_nothing_is_left_for_the_other(
    town, addresses, send, said, answer
):
    rule = at("MAIL", answer, anybody)
    with playing(Script(rule)) as first, playing(Script()) as second:
        notification = send(first.port, second.port)
        asked = first.seen.total()
        send(first.port, second.port)

    assert set(town.states(notification).values()) == {SENT}
    assert second.accepted == dict.fromkeys(addresses, 2)
    assert first.seen.total() == asked
    (line,) = [line for line in said().splitlines() if '"relay away"' in line]
    assert f'"127.0.0.1:{first.port}: ' in line
    assert {row.attempts for row in town.all(Delivery)} == {1}


@only_sqlite
def test_where_both_greet_and_take_nothing_the_batch_waits(town, addresses, send, clock):
    rule = at("MAIL", HANG_UP, anybody)
    with playing(Script(rule)) as first, playing(Script(rule)) as second:
        notification = send(first.port, second.port)

    assert min(first.seen.total(), second.seen.total()) >= 1
    check_waiting(town, clock, notification)


@only_sqlite
def test_one_that_stops_in_the_middle_has_no_letter_that_the_other_has_too(town, addresses, send):
    def worn_out(after: int) -> Rule:
        taken = [0]

        def rule(verb: str, _who: str, _nth: int) -> bytes | None:
            taken[0] += verb == "MAIL"
            return HANG_UP if verb == "MAIL" and taken[0] > after else None

        return rule

    with playing(Script(worn_out(10))) as first, playing(Script()) as second:
        notification = send(first.port, second.port)

    assert set(town.states(notification).values()) == {SENT}
    assert first.accepted + second.accepted == dict.fromkeys(addresses, 1)
    assert first.accepted.total() == 10
    assert town.findings() == []
