"""News to people's chats: each kind by its own service, and what becomes of a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.models import (
    ChatClaim,
    ChatTarget,
    Consent,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Notification,
    NotificationKind,
    Subscriber,
    Subscription,
    TargetEnd,
)
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.chat_addresses import (
    ChatAddress,
    matrix_address,
    ntfy_address,
    telegram_address,
)
from service.subscriptions.target_claims import (
    Asked,
    Proof,
    claim_chat,
    code_of,
    prove,
)
from service.subscriptions.targets import stop_all_targets, stop_target
from tests.integration.chat_peers import BOT_TOKEN, Homeserver, Peer, with_chats
from tests.integration.town import TITLE, Town
from workers.chat import send_chat_batch
from workers.recover import sweep_once
from workers.retain import forget_expired

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
SUPPRESSED, CANCELLED = DeliveryState.SUPPRESSED, DeliveryState.CANCELLED


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer().running() as peer:
        yield peer


@pytest.fixture
def settings(settings: Settings, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return with_chats(settings, peer, monkeypatch)


@pytest.fixture
def person(town: Town, runtime: Runtime) -> int:
    """A subscriber whose mail asks for the climate."""
    reader = town.reader(address="ayse@example.com")
    with runtime.db.write() as session:
        subscriber = Subscriber(language="tr")
        session.add(subscriber)
        session.flush()
        session.get_one(Destination, reader).subscriber_id = subscriber.id
    return subscriber.id


@pytest.fixture
def topic(runtime: Runtime, peer: Peer) -> ChatAddress:
    return ntfy_address(runtime.settings.chat_offer, peer.host, "ayse-4711")


def claim(runtime: Runtime, person: int, address: ChatAddress, text: str = "0" * 64) -> ChatClaim:
    with runtime.db.write() as session:
        found, _ = claim_chat(session, runtime.vault, Asked(person, "tr", "r", text), address)
    return found


def try_code(runtime: Runtime, person: int, claimed: ChatClaim, code: str = "") -> Proof:
    with runtime.db.write() as session:
        typed = code or code_of(runtime.vault, claimed)
        held = runtime.vault, runtime.settings
        return prove(session, *held, claimed.id, person, typed, "r")[0]


@pytest.fixture
def add(runtime: Runtime, person: int) -> Callable[[ChatAddress], int]:
    """Adds a proved chat and returns its destination."""

    def add(address: ChatAddress) -> int:
        claimed = claim(runtime, person, address)
        assert try_code(runtime, person, claimed) is Proof.PROVED
        assert claimed.destination_id is not None
        return claimed.destination_id

    return add


def send_all(runtime: Runtime, town: Town, notification: int | None) -> None:
    for batch in town.batches(notification):
        send_chat_batch(runtime, batch)
    assert town.findings() == []


def send(town: Town, notification: int | None = None) -> None:
    send_all(town.runtime, town, notification)


def tell(town: Town) -> int:
    notification = town.planned()
    send(town, notification)
    return notification


def test_a_code_comes_to_the_chat_and_makes_it_hear_the_news(
    town, runtime, peer, person, topic
) -> None:
    claimed = claim(runtime, person, topic, "a" * 64)
    tell(town)
    assert peer.asked == [], "before it is proved no news comes"

    send(town)
    code = code_of(runtime.vault, claimed)
    assert code in json.dumps(peer.asked[-1].body)
    assert peer.asked[-1].body["topic"] == "ayse-4711"
    assert code not in json.dumps([row.payload for row in town.all(Notification)])

    assert try_code(runtime, person, claimed, f" {code[:3]} {code[3:]} ") is Proof.PROVED
    told = tell(town)
    assert town.states(told)[claimed.destination_id] == SENT
    message = peer.asked[-1].body
    assert message["title"] == TITLE
    assert "/my/targets" in message["message"]
    assert "ayse@" not in json.dumps([one.body for one in peer.asked])
    consent, abroad = (row for row in town.all(Consent) if row.origin == "chat")
    assert (consent.channel, consent.choices[0]["topic"]) == ("ntfy", town.topic())
    assert (abroad.channel, abroad.text_hash) == ("abroad:ntfy", "a" * 64)
    assert abroad.choices == [{"provider": peer.host}]


def test_a_provider_that_nobody_agreed_to_gets_nothing(
    town, runtime, peer, add, topic, monkeypatch
) -> None:
    """As when a server that stood in the country moves abroad."""
    monkeypatch.setitem(runtime.settings.abroad, "ntfy", "Example Push")
    there = add(topic)
    monkeypatch.setitem(runtime.settings.abroad, "ntfy", "Another Push")
    before = len(peer.asked)

    told = tell(town)

    assert town.states(told)[there] == DeliveryState.SUPPRESSED
    assert len(peer.asked) == before


def test_a_code_has_five_guesses_and_works_once(town, runtime, person, topic) -> None:
    claimed = claim(runtime, person, topic)
    wrong = f"{(int(code_of(runtime.vault, claimed)) + 1) % 10**6:06}"
    tried = [try_code(runtime, person, claimed, wrong) for _ in range(6)]
    assert tried == [Proof.WRONG] * 4 + [Proof.OVER] * 2
    assert try_code(runtime, person, claimed) is Proof.OVER

    again = claim(runtime, person, topic)
    assert try_code(runtime, person + 1, again) is Proof.OVER, "somebody else's claim"
    assert try_code(runtime, person, again) is Proof.PROVED
    assert try_code(runtime, person, again) is Proof.OVER
    assert [row.payload["template"] for row in town.all(Notification)] == [
        *("chat_code", "chat_code", "chat_welcome"),
    ]


def test_a_code_is_over_after_15_minutes_and_is_not_sent_late(
    town, runtime, peer, person, topic, clock
) -> None:
    claimed = claim(runtime, person, topic)
    clock.advance(minutes=16)

    send(town)

    assert peer.asked == []
    assert [row.state for row in town.all(Delivery)] == [CANCELLED]
    assert try_code(runtime, person, claimed) is Proof.OVER


def test_a_code_comes_though_no_bell_can_be_rung(runtime, peer, person, topic, work) -> None:
    claimed = claim(runtime, person, topic)

    work()

    (asked,) = peer.asked
    assert code_of(runtime.vault, claimed) in asked.body["title"]


def test_of_many_who_type_the_right_code_at_once_one_adds_the_chat(
    town, runtime, person, topic
) -> None:
    claimed = claim(runtime, person, topic)
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(try_code, runtime, person, claimed) for _ in range(4)]
        proofs = [one.result() for one in tries]

    assert sorted(proofs) == [Proof.OVER] * 3 + [Proof.PROVED]
    assert town.count(ChatTarget) == 1
    assert len(town.batches()) == 2, "one code, one welcome"


def test_a_newer_claim_ends_the_one_before(runtime, person, topic) -> None:
    first = claim(runtime, person, topic)
    claim(runtime, person, topic)

    assert try_code(runtime, person, first) is Proof.OVER


def test_a_chat_of_somebody_else_gets_no_code_and_is_not_taken(
    town, runtime, peer, add, topic
) -> None:
    mine = add(topic)
    with runtime.db.write() as session:
        other = Subscriber(language="tr")
        session.add(other)
    before = len(town.batches())

    claimed = claim(runtime, other.id, topic)

    assert len(town.batches()) == before
    assert try_code(runtime, other.id, claimed) is Proof.WRONG, "even by the right code"
    assert town.get(Destination, mine).subscriber_id != other.id


def test_of_two_who_claim_one_chat_the_first_to_prove_it_has_it(runtime, person, topic) -> None:
    with runtime.db.write() as session:
        other = Subscriber(language="tr")
        session.add(other)
    mine, theirs = claim(runtime, person, topic), claim(runtime, other.id, topic)

    assert try_code(runtime, other.id, theirs) is Proof.PROVED
    assert try_code(runtime, person, mine) is Proof.OVER


def test_a_batch_that_is_sent_twice_tells_once(town, runtime, peer, add, topic) -> None:
    add(topic)
    notification = town.planned()
    for _ in range(2):
        send(town, notification)

    assert len(peer.asked) == 1


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_chat_that_is_gone_ends_for_its_person_alone(
    town, runtime, peer, add, topic, status
) -> None:
    gone, kept = add(topic), add(telegram_address(77))
    peer.answer = lambda asked: (status if asked.body.get("topic") else 200, {"ok": True})

    told = tell(town)

    assert town.states(told)[gone] == REJECTED
    assert town.states(told)[kept] == SENT
    target = town.get(ChatTarget, gone)
    assert target.end_reason == TargetEnd.GONE
    assert target.sealed_address == ""
    assert gone not in town.states(tell(town))


def test_the_citys_own_account_being_refused_ends_nobody(town, runtime, peer, add, topic) -> None:
    chat = add(topic)
    peer.answer = lambda asked: (401, {})

    told = tell(town)

    assert town.states(told)[chat] == DEFERRED
    assert town.get(ChatTarget, chat).ended_at is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_trouble_that_passes_is_deferred(town, runtime, peer, add, topic, status) -> None:
    chat = add(topic)
    peer.answer = lambda asked: (status, {})

    assert town.states(tell(town))[chat] == DEFERRED


def test_what_staff_switch_off_is_not_sent(town, runtime, peer, add, topic, settings) -> None:
    by_server, by_kind = add(topic), add(telegram_address(77))
    less = {"personal_chat": ("ntfy",), "ntfy_hosts": ("other.example",)}

    notification = town.planned()
    send_all(replace(runtime, settings=settings.model_copy(update=less)), town, notification)

    assert peer.asked == []
    states = town.states(notification)
    assert {states[by_server], states[by_kind]} == {SUPPRESSED}


def test_a_host_inside_the_network_is_not_reached_though_it_is_listed(
    town, runtime, peer, add, topic, settings
) -> None:
    chat = add(topic)
    guarded = {"allow_private_hosts": (), "ntfy_hosts": (peer.host,), "matrix_homeserver": ""}

    notification = town.planned()
    send_all(replace(runtime, settings=settings.model_copy(update=guarded)), town, notification)

    assert peer.asked == []
    assert town.states(notification)[chat] == REJECTED


def test_stopping_is_final_at_once_and_erases_the_address(
    town, runtime, peer, add, topic, person
) -> None:
    chat = add(topic)
    notification = town.planned()
    with runtime.db.write() as session:
        assert stop_target(session, chat, TargetEnd.PERSON, subscriber_id=person)
        assert not stop_target(session, chat, TargetEnd.PERSON, subscriber_id=person)

    send(town, notification)

    assert peer.asked == []
    assert town.states(notification)[chat] == SUPPRESSED
    assert town.get(ChatTarget, chat).sealed_address == ""
    assert town.get(Destination, chat).address_hash == f"forgotten:{chat}"
    assert [row for row in town.all(Consent) if row.act == "withdrawn"]
    assert add(topic) != chat, "it can be added anew"


def test_another_persons_target_cannot_be_stopped(town, runtime, add, topic, person) -> None:
    chat = add(topic)
    with runtime.db.write() as session:
        assert not stop_target(session, chat, TargetEnd.PERSON, subscriber_id=person + 1)


def test_whoever_is_erased_leaves_no_chat_behind(town, runtime, add, topic, person) -> None:
    chats = [add(topic), add(telegram_address(5))]
    with runtime.db.write() as session:
        assert stop_all_targets(session, person) == 2
        assert stop_all_targets(session, person) == 0

    assert [town.get(Destination, one).subscriber_id for one in chats] == [None, None]
    assert [town.get(ChatTarget, one).sealed_address for one in chats] == ["", ""]
    assert town.all(ChatClaim) == []


def test_a_message_of_another_kind_is_not_taken_for_a_welcome(town, peer, add, topic) -> None:
    notification = town.message(add(topic), "welcome")

    send(town, notification)

    assert peer.asked == []
    assert list(town.states(notification).values()) == [CANCELLED]


def test_a_pause_and_quiet_hours_hold_for_chats(town, runtime, peer, add, topic) -> None:
    chat = add(topic)

    def mark(**values: object) -> None:
        with runtime.db.write() as session:
            session.execute(update(Destination).where(Destination.id == chat).values(**values))

    mark(paused_until=utcnow() + timedelta(days=7))
    assert town.states(tell(town)).get(chat, SUPPRESSED) == SUPPRESSED
    now = datetime.now(ZoneInfo("Europe/Istanbul"))
    minute = now.hour * 60 + now.minute
    mark(paused_until=None, quiet_from=(minute - 60) % 1440, quiet_until=(minute + 60) % 1440)

    assert town.states(tell(town))[chat] == DEFERRED
    assert peer.asked == []


def test_what_a_service_says_of_a_chat_is_kept_without_its_name(
    town, runtime, peer, add, topic
) -> None:
    chat = add(topic)
    send(town)
    peer.answer = lambda asked: (400, {"http": 400, "error": f"no more for {topic.room}"})

    assert town.states(tell(town))[chat] == REJECTED

    said = [answer.detail for answer in town.all(DeliveryAnswer)]
    assert said[-1] == "the service answered 400: no more for ***"


def test_what_waited_for_quiet_hours_comes_to_a_chat_as_one_message(
    town, runtime, peer, person, add, topic, clock
) -> None:
    chats = [add(topic), add(telegram_address(77))]
    send(town)  # the codes and the welcome
    peer.asked.clear()
    peer.answer = lambda asked: (200, {"ok": True})
    now = clock().astimezone(ZoneInfo("Europe/Istanbul"))
    minute = now.hour * 60 + now.minute
    with runtime.db.write() as session:
        hours = {"quiet_from": (minute - 60) % 1440, "quiet_until": (minute + 60) % 1440}
        session.execute(update(Destination).where(Destination.id.in_(chats)).values(**hours))
    waits = [town.planned(town.article(title=title)) for title in ("Birinci", "İkinci")]
    for one in waits:
        send(town, one)
    assert peer.asked == []

    clock.advance(hours=1, minutes=1)
    sweep_once(runtime)
    send(town)
    send(town)

    (summary,) = (one for one in town.all(Notification) if one.kind == NotificationKind.SUMMARY)
    states = town.states(summary.id)
    assert {chat: states[chat] for chat in chats} == dict.fromkeys(chats, SENT)
    assert [town.states(one)[chats[0]] for one in waits] == [CANCELLED] * 2
    texts = [str(asked.body.get("message") or asked.body.get("text")) for asked in peer.asked]
    assert len(texts) == 2
    for text in texts:
        assert "Birinci" in text
        assert "İkinci" in text
        assert text.count("https://www.example.bel.tr/haber/") == 2
        assert "/my/targets" in text


def test_a_chat_takes_over_the_choices_and_the_quiet_hours_of_the_mail(
    town, runtime, person, add, topic
) -> None:
    with runtime.db.write() as session:
        mail = session.scalars(select(Destination).where(Destination.subscriber_id == person)).one()
        mail.quiet_from, mail.quiet_until = 1320, 420
    town.subscribe(mail.id, "ulasim", "konak")

    chat = add(topic)

    found = [
        (row.topic_id, row.place_id)
        for row in town.all(Subscription)
        if row.destination_id == chat and row.ended_at is None
    ]
    assert found == [(town.topic(), None), (town.topic("ulasim"), town.place("konak"))]
    assert (town.get(Destination, chat).quiet_from, town.get(Destination, chat).quiet_until) == (
        1320,
        420,
    )


def test_a_telegram_chat_is_told_by_the_bot(town, peer, add) -> None:
    chat = add(telegram_address(4711))
    peer.answer = lambda asked: (200, {"ok": True})

    told = tell(town)

    assert town.states(told)[chat] == SENT
    assert peer.asked[-1].path == f"/bot{BOT_TOKEN}/sendMessage"
    assert str(peer.asked[-1].body["chat_id"]) == "4711"
    assert "/stop" in peer.asked[-1].body["text"]


def test_a_person_on_matrix_is_invited_once_and_a_number_arrives_once(
    town, runtime, peer, add
) -> None:
    server = peer.answer = Homeserver()
    offer = runtime.settings.chat_offer
    chat = add(matrix_address(offer, "@ayse:home.example"))

    told, again = tell(town), tell(town)

    assert town.states(told)[chat] == town.states(again)[chat] == SENT
    assert server.invited == ["@ayse:home.example"]
    assert set(server.said) == {f"{told}-{chat}", f"{again}-{chat}"}
    assert TITLE in server.said[f"{told}-{chat}"]
    assert not any("ayse" in alias for alias in server.rooms)


def test_a_room_on_matrix_is_entered(town, runtime, peer, add) -> None:
    server = peer.answer = Homeserver(rooms={"#mahalle:home.example": "!x:home.example"})
    chat = add(matrix_address(runtime.settings.chat_offer, "#mahalle:home.example"))

    assert town.states(tell(town))[chat] == SENT
    assert len(server.said) == 1


def test_a_room_that_nobody_invited_us_to_ends(town, runtime, peer, add) -> None:
    peer.answer = lambda asked: (403, {"errcode": "M_FORBIDDEN"})
    chat = add(matrix_address(runtime.settings.chat_offer, "!x:home.example"))

    assert town.states(tell(town))[chat] == REJECTED
    assert town.get(ChatTarget, chat).end_reason == TargetEnd.GONE


def test_retention_forgets_chats_that_nobody_proved(
    town, runtime, person, topic, add, clock
) -> None:
    kept = add(telegram_address(5))
    claimed = claim(runtime, person, topic)
    forget_expired(runtime)
    assert town.get(ChatTarget, claimed.destination_id).sealed_address
    clock.advance(days=8)

    forget_expired(runtime)

    assert town.get(ChatTarget, claimed.destination_id).sealed_address == ""
    assert town.get(ChatTarget, kept).sealed_address
    assert town.all(ChatClaim) == []


def test_a_stored_address_is_not_readable(town, add, topic) -> None:
    chat = add(topic)

    row, destination = town.get(ChatTarget, chat), town.get(Destination, chat)

    assert "ayse-4711" not in row.sealed_address + row.label + destination.address_hash
    assert destination.address == ""
    assert ChatAddress.unsealed(town.runtime.vault, row.sealed_address) == topic
