"""Several relays share the mail by their weights; one that dies costs and doubles no letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from service.models import DeliveryState
from service.setting_sources import SettingsError
from service.settings import load
from tests.integration.email.letters import Letters, Wide, readers
from tests.integration.email.script import HANG_UP, Script
from tests.integration.email.scripted import closed_port, playing
from workers.email.link import Link
from workers.email.pipeline import Pipeline
from workers.email.relay import Relay, Relays

SENT = DeliveryState.SENT


def relays_at(*ports_and_weights: tuple[int, int], last: int = 0) -> Relays:
    shared = [
        Relay.of(f"smtp://127.0.0.1:{port}#weight={weight}", "tellal.example")
        for port, weight in ports_and_weights
    ]
    spare = Relay.of(f"smtp://127.0.0.1:{last}", "tellal.example") if last else None
    return Relays(shared, spare)


@pytest.fixture
def dialed() -> Iterator[Callable[[Relays, int], list[Link]]]:
    """Dials so many links, which stay open for the length of the test."""
    links: list[Link] = []

    def dial(relays: Relays, count: int) -> list[Link]:
        links.extend(relays.dial() for _ in range(count))
        return links[-count:]

    yield dial
    for link in links:
        link.wire.close()


def by_relay(links: list[Link]) -> Counter[str]:
    return Counter(link.to.rpartition(":")[2] for link in links)


def test_links_are_shared_by_weight_and_one_that_ends_is_replaced_where_it_was(dialed):
    with ExitStack() as stack:
        ports = [stack.enter_context(playing(Script())).port for _ in range(3)]
        first, second, third = map(str, ports)
        relays = relays_at((ports[0], 1), (ports[1], 2), (ports[2], 5))
        stack.callback(relays.close)

        links = dialed(relays, 16)
        assert by_relay(links) == {first: 2, second: 4, third: 10}

        for link in [one for one in links if one.to.endswith(second)]:
            link.say_goodbye()
        assert by_relay(dialed(relays, 4)) == {second: 4}


def test_one_that_is_away_leaves_its_share_to_the_others_and_the_last_has_nothing(dialed):
    with ExitStack() as stack:
        away = stack.enter_context(closed_port())
        spare = stack.enter_context(playing(Script()))
        ports = [stack.enter_context(playing(Script())).port for _ in range(2)]
        relays = relays_at((away, 9), *((port, 1) for port in ports), last=spare.port)
        stack.callback(relays.close)

        assert by_relay(dialed(relays, 6)) == dict.fromkeys(map(str, ports), 3)


def test_the_last_is_asked_where_all_that_share_are_away(dialed):
    with closed_port() as first, closed_port() as second, playing(Script()) as spare:
        relays = relays_at((first, 1), (second, 1), last=spare.port)
        assert by_relay(dialed(relays, 3)) == {str(spare.port): 3}
        relays.close()


@pytest.mark.parametrize("dies_at", ["MAIL", "RCPT", "dot"])
def test_a_relay_that_dies_in_the_middle_doubles_no_letter(dies_at):
    """What had been written to it whole is unknown, which is said; all else leaves by another."""
    addresses = readers(300)
    taken = Counter[str]()

    def dies(verb: str, who: str, nth: int) -> bytes | None:
        taken[verb] += 1
        return HANG_UP if taken[dies_at] > 40 else None

    with playing(Script(dies)) as mortal, playing(Script()) as other:
        relays = relays_at((mortal.port, 1), (other.port, 1))
        letters = Letters(addresses)
        Pipeline(relays, Wide(8)).run(letters)
        relays.close()

    outcomes = letters.states()
    states = Counter(outcomes.values())
    assert len(outcomes) == len(addresses)
    known = {who for who, state in outcomes.items() if state == SENT}
    accepted = mortal.accepted + other.accepted
    assert known <= set(accepted)
    assert max(accepted.values()) == 1
    assert states[SENT] + states[DeliveryState.UNKNOWN] == len(addresses)
    assert states[DeliveryState.UNKNOWN] <= 8
    assert mortal.accepted
    assert other.accepted


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_batch_goes_by_both_relays_and_each_reader_hears_once(town, sending):
    addresses = {}
    for number in range(60):
        address = f"okur{number}@example.org"
        addresses[address] = town.reader(address=address)
    notification = town.planned()
    with playing(Script()) as first, playing(Script()) as second:
        sending(
            smtp_url=SecretStr(f"smtp://127.0.0.1:{first.port}"),
            smtp_more_urls=SecretStr(f"smtp://127.0.0.1:{second.port}#weight=1"),
        )(notification)

    assert town.states(notification) == dict.fromkeys(addresses.values(), SENT)
    assert first.accepted + second.accepted == dict.fromkeys(addresses, 1)
    assert min(first.accepted.total(), second.accepted.total()) > 0
    assert town.findings() == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("smtp://a.example http://b.example", "relay 2 begins with http://"),
        ("smtp://a.example#weight=0", "#weight=1 to #weight=100"),
        ("smtp://a.example#twice", "#weight=1 to #weight=100"),
        ("smtp://first.example:25", "name one relay twice"),
    ],
)
def test_a_wrong_list_is_refused_in_one_line(more, said):
    with pytest.raises(SettingsError, match=said) as caught:
        load(smtp_url="smtp://first.example", smtp_more_urls=more)
    assert "\n" not in str(caught.value)


def test_more_relays_without_a_first_one_are_a_slip():
    with pytest.raises(SettingsError, match="TELLAL_SMTP_MORE_URLS needs TELLAL_SMTP_URL"):
        load(smtp_more_urls="smtp://a.example")
