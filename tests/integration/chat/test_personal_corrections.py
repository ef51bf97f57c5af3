"""Corrections in people's own chats, and what stays of one that was erased."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from service.models import ChatTarget, Destination, SentMessage, Subscriber, TargetEnd
from service.subscriptions.chat_addresses import matrix_address, ntfy_address, telegram_address
from service.subscriptions.erasures import erase_for_good
from service.subscriptions.target_claims import Asked, Proof, claim_chat, code_of, prove
from service.subscriptions.targets import stop_target
from tests.integration.chat.doubles import matrix as homeservers
from tests.integration.chat.doubles import telegram as bots
from tests.integration.ingest.followed import FIXED
from tests.integration.town import TITLE

PERSON = 77
pytestmark = pytest.mark.usefixtures("unhurried")


@pytest.fixture
def settings(settings, telegram, matrix, ntfy):
    """The city's accounts are at the doubles."""
    telegram.chats[PERSON] = PERSON
    return settings.model_copy(
        update={
            "personal_chat": ("ntfy", "matrix", "telegram"),
            "ntfy_hosts": (ntfy.origin,),
            "matrix_homeserver": matrix.origin,
            "matrix_user": "@bot:home.example",
            "matrix_token": SecretStr(homeservers.TOKEN),
            "matrix_hosts": ("home.example",),
            "telegram_bot": "TellalTestBot",
            "telegram_token": SecretStr(bots.TOKEN),
        }
    )


@pytest.fixture
def person(town, runtime):
    """A subscriber whose mail asks for the climate."""
    reader = town.reader(address="ayse@example.com")
    with runtime.db.write() as session:
        subscriber = Subscriber(language="tr")
        session.add(subscriber)
        session.flush()
        session.get_one(Destination, reader).subscriber_id = subscriber.id
    return subscriber.id


@pytest.fixture
def add(runtime, person):
    """Adds a proved chat and returns its destination."""

    def add(address):
        with runtime.db.write() as session:
            asked = Asked(person, "tr", "r", "0" * 64)
            claim, _ = claim_chat(session, runtime.vault, asked, address)
        with runtime.db.write() as session:
            held = runtime.vault, runtime.settings
            code = code_of(runtime.vault, claim)
            proof = prove(session, *held, claim.id, person, code, "r")[0]
        assert proof is Proof.PROVED
        return claim.destination_id

    return add


@pytest.fixture
def shown(telegram, matrix, ntfy):
    """What the three chats show of the news; their first messages are of the service."""

    def shown():
        found = [list(telegram.shown.values()), matrix.shown, ntfy.shown]
        return [[text for text in texts if "iklim eylem" in text] for texts in found]

    return shown


@pytest.mark.usefixtures("full_audit")
def test_a_persons_chats_are_corrected_in_place(
    cms, town, work, clock, runtime, add, ntfy, matrix, telegram, shown
):
    offer = runtime.settings.chat_offer
    chats = [
        add(telegram_address(PERSON)),
        add(matrix_address(offer, homeservers.ROOM)),
        add(ntfy_address(offer, ntfy.host, "ayse-4711")),
    ]
    cms.post()
    work()
    clock.advance(minutes=10)
    work()
    assert [len(texts) for texts in shown()] == [1, 1, 1]

    cms.post(title=FIXED, notify_update=True)
    work()
    clock.advance(minutes=10)
    work()

    for texts in shown():
        (text,) = texts
        assert FIXED in text
        assert TITLE not in text
        assert "/my/targets" in text
    assert str(PERSON) not in "".join(row.message_id for row in town.all(SentMessage))
    with runtime.db.write() as session:
        stop_target(session, chats[0], TargetEnd.PERSON)
    assert sorted(row.destination_id for row in town.all(SentMessage)) == sorted(chats[1:])
    assert erase_for_good(runtime.db, runtime.settings, chats[1], clock())
    assert town.all(SentMessage) == []
    assert [row.sealed_address for row in town.all(ChatTarget)] == ["", "", ""]


def test_a_person_who_blocked_the_bot_is_left_in_peace(
    cms, town, work, clock, runtime, add, telegram
):
    chat = add(telegram_address(PERSON))
    cms.post()
    work()
    clock.advance(minutes=10)
    work()
    del telegram.chats[PERSON]

    cms.post(title=FIXED, notify_update=True)
    work()
    clock.advance(minutes=10)
    work()

    assert town.get(ChatTarget, chat).end_reason == TargetEnd.GONE
    assert town.all(SentMessage) == []
