"""People's own chats on a real homeserver: the code, the news, a room that is theirs alone."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr

from service.models import ChatTarget, DeliveryState, Destination, Subscriber, TargetEnd
from service.settings import Settings
from service.subscriptions.chat_addresses import matrix_address
from service.subscriptions.target_claims import Asked, Proof, claim_chat, prove
from tests.integration.town import TITLE

# People's chats are tried on both databases beside a double; here it is about the homeserver.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SENT, REJECTED = DeliveryState.SENT, DeliveryState.REJECTED


@pytest.fixture
def settings(settings: Settings, room) -> Settings:
    return settings.model_copy(
        update={
            "personal_chat": ("matrix",),
            "matrix_homeserver": room.server.origin,
            "matrix_user": room.city.name,
            "matrix_token": SecretStr(room.city.token),
            "matrix_hosts": ("home.example",),
        }
    )


@pytest.fixture
def prove_chat(town, runtime, send):
    """Adds a chat: `read` finds the message with the code in it."""

    def add(address: str, read) -> int:
        reader = town.reader(address=f"{len(town.all(ChatTarget))}@example.com")
        with runtime.db.write() as session:
            subscriber = Subscriber(language="tr")
            session.add(subscriber)
            session.flush()
            session.get_one(Destination, reader).subscriber_id = subscriber.id
        asked = Asked(subscriber.id, "tr", "r", "0" * 64)
        with runtime.db.write() as session:
            found = matrix_address(runtime.settings.chat_offer, address)
            claim, _ = claim_chat(session, runtime.vault, asked, found)
        send()
        (code,) = re.findall(r"\b([0-9]{6})\b", read())
        with runtime.db.write() as session:
            held = runtime.vault, runtime.settings
            assert prove(session, *held, claim.id, subscriber.id, code, "r")[0] is Proof.PROVED
        send()
        return claim.destination_id

    return add


def test_a_person_is_invited_to_one_room_and_reads_the_news_there(
    room, town, tell, prove_chat
) -> None:
    """The code, the welcome and two stories, all in the one room that they were invited to."""

    def read() -> str:
        room.reader.read()
        (invited,) = room.reader.invited
        room.reader.join(invited)
        return "\n".join(room.reader.shown(invited))

    chat = prove_chat(room.reader.name, read)
    told, again = tell(), tell()

    assert town.states(told)[chat] == town.states(again)[chat] == SENT
    room.reader.read()
    (home,) = room.reader.invited
    shown = room.reader.shown(home)
    assert len(shown) == 4
    assert shown[-1].startswith(TITLE)
    assert "/my/targets" in shown[-1]
    members = room.reader.ask("GET", f"/rooms/{home}/joined_members")["joined"]
    assert set(members) == {room.reader.name, room.city.name}


def test_a_room_is_entered_and_ends_when_it_puts_us_out_for_good(
    room, town, tell, prove_chat
) -> None:
    chat = prove_chat(f"{room.alias}:home.example", lambda: room.shown()[-1])
    assert town.states(tell())[chat] == SENT
    room.reader.act(room.id, "ban", room.city)

    assert town.states(tell())[chat] == REJECTED
    (target,) = town.all(ChatTarget)
    assert target.end_reason == TargetEnd.GONE
