"""What people write to the bot: a link proves a chat once, /stop ends it, groups mean nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from service.models import ChatInbox, ChatTarget, Destination, Subscriber, TargetEnd
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.target_claims import Asked, claim_telegram, start_token
from tests.integration.chat_peers import Peer, with_chats
from tests.integration.town import Town
from workers.chat.telegram import poll_telegram


class Inbox:
    """The bot's messages, as `getUpdates` gives them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.offsets: list[int] = []

    def write(self, text: object, chat: int = 77, kind: str = "private") -> None:
        message = {"chat": {"id": chat, "type": kind}, "text": text}
        self.messages.append({"update_id": 100 + len(self.messages), "message": message})

    def __call__(self, asked: Any) -> tuple[int, dict[str, Any]]:
        offset = asked.body["offset"]
        self.offsets.append(offset)
        found = [one for one in self.messages if one.get("update_id", 0) >= offset]
        return 200, {"ok": True, "result": found}


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer().running() as peer:
        yield peer


@pytest.fixture
def inbox(peer: Peer) -> Inbox:
    peer.answer = inbox = Inbox()
    return inbox


@pytest.fixture
def settings(settings: Settings, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return with_chats(settings, peer, monkeypatch)


@pytest.fixture
def person(runtime: Runtime) -> int:
    with runtime.db.write() as session:
        subscriber = Subscriber(language="tr")
        session.add(subscriber)
    return subscriber.id


def link(runtime: Runtime, person: int) -> str:
    with runtime.db.write() as session:
        claimed = claim_telegram(session, Asked(person, "tr", "r", "0" * 64))
        return start_token(runtime.vault, claimed)


def live(town: Town) -> list[int | None]:
    return [
        town.get(Destination, row.destination_id).subscriber_id
        for row in town.all(ChatTarget)
        if row.ended_at is None
    ]


def test_a_link_binds_the_chat_that_opens_it_once(town, runtime, person, inbox) -> None:
    token = link(runtime, person)
    assert len(token) <= 64
    assert token.isalnum()
    inbox.write(f"/start {token}")
    inbox.write(f"/start {token}", chat=78)

    poll_telegram(runtime)
    poll_telegram(runtime)

    assert live(town) == [person]
    assert inbox.offsets == [0, 102]
    assert town.count(ChatInbox) == 1


def test_reading_the_same_messages_again_changes_nothing(town, runtime, person, inbox) -> None:
    inbox.write(f"/start {link(runtime, person)}")
    poll_telegram(runtime)
    with runtime.db.write() as session:
        session.query(ChatInbox).update({"next_offset": 0})

    poll_telegram(runtime)

    assert live(town) == [person]
    assert len(town.batches()) == 1, "one welcome"


@pytest.mark.parametrize(
    ("text", "chat", "kind"),
    [
        ("/start {token}", -77, "group"),
        ("/start {token}", -77, "private"),
        ("/start {token}x", 77, "private"),
        ("/start", 77, "private"),
        ("{token}", 77, "private"),
        (None, 77, "private"),
        (17, 77, "private"),
    ],
)
def test_what_is_no_link_in_a_persons_chat_binds_nothing(
    town, runtime, person, inbox, text, chat, kind
) -> None:
    token = link(runtime, person)
    inbox.write(text.format(token=token) if isinstance(text, str) else text, chat, kind)

    poll_telegram(runtime)

    assert live(town) == []


def test_a_link_is_over_after_15_minutes(town, runtime, person, inbox, clock) -> None:
    inbox.write(f"/start {link(runtime, person)}")
    clock.advance(minutes=16)

    poll_telegram(runtime)

    assert live(town) == []


def test_stop_in_the_chat_ends_its_target(town, runtime, person, inbox) -> None:
    inbox.write(f"/start {link(runtime, person)}")
    inbox.write("/stop", chat=78)
    poll_telegram(runtime)
    assert live(town) == [person]
    inbox.write("/stop")

    poll_telegram(runtime)

    assert live(town) == []
    assert town.all(ChatTarget)[0].end_reason == TargetEnd.CHAT


def test_blocking_the_bot_ends_the_target(town, runtime, person, inbox) -> None:
    inbox.write(f"/start {link(runtime, person)}")
    moved = {"chat": {"id": 77, "type": "private"}, "new_chat_member": {"status": "kicked"}}
    inbox.messages.append({"update_id": 150, "my_chat_member": moved})

    poll_telegram(runtime)

    assert live(town) == []


def test_a_chat_of_somebody_else_stays_theirs(town, runtime, person, inbox) -> None:
    inbox.write(f"/start {link(runtime, person)}")
    poll_telegram(runtime)
    with runtime.db.write() as session:
        other = Subscriber(language="tr")
        session.add(other)
    inbox.write(f"/start {link(runtime, other.id)}")

    poll_telegram(runtime)

    assert live(town) == [person]


@pytest.mark.parametrize(
    "answer",
    [
        (409, {"ok": False}),
        (200, {"ok": True}),
        (200, {"result": "x"}),
        (200, {"result": [None, 3, {}, {"update_id": "x"}, {"update_id": 2**80, "message": []}]}),
        (200, {"result": [{"update_id": 1, "message": {"chat": [], "text": {}}}]}),
        (200, {"result": [{"update_id": 1, "my_chat_member": {"chat": {"type": "private"}}}]}),
    ],
)
def test_a_strange_answer_harms_nothing(town, runtime, peer, answer) -> None:
    peer.answer = lambda asked: answer

    poll_telegram(runtime)

    assert town.count(ChatTarget) == 0


def test_after_a_quiet_week_reading_begins_anew(town, runtime, person, inbox, clock) -> None:
    inbox.write("hello")
    poll_telegram(runtime)
    clock.advance(days=7)
    token = link(runtime, person)
    message = {"chat": {"id": 77, "type": "private"}, "text": f"/start {token}"}
    inbox.messages = [{"update_id": 5, "message": message}]

    poll_telegram(runtime)
    poll_telegram(runtime)

    assert live(town) == [person]
    assert inbox.offsets == [0, 0, 6]


def test_without_a_bot_nobody_is_asked(runtime, peer, settings) -> None:
    off = settings.model_copy(update={"personal_chat": ("ntfy",)})
    object.__setattr__(runtime, "settings", off)

    poll_telegram(runtime)

    assert peer.asked == []
