"""Corrections in place: what a chat shows after a correction, a withdrawal, a return, and what the
ledger says of it."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from service.models import (
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    SentMessage,
)
from service.subscriptions import channel_removal
from tests.integration.chat.doubles import matrix as homeservers
from tests.integration.chat.doubles import slack as slacks
from tests.integration.chat.doubles import telegram as bots
from tests.integration.chat.doubles.server import Answer
from tests.integration.ingest.followed import CORRECTION, FIXED, NEW, WITHDRAWAL, of
from tests.integration.town import TITLE
from workers.retain import forget_expired

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
UNKNOWN = DeliveryState.UNKNOWN
EDITORS = ("telegram", "discord", "slack", "ntfy", "matrix")
pytestmark = pytest.mark.usefixtures("full_audit", "unhurried")


@pytest.fixture
def doubles(telegram, discord, slack, ntfy, matrix):
    return {
        "telegram": telegram,
        "discord": discord,
        "slack": slack,
        "ntfy": ntfy,
        "matrix": matrix,
    }


@pytest.fixture
def after(work, clock):
    """Does all work, also that which waits for a while."""

    def after(minutes: int = 10) -> None:
        work()
        clock.advance(minutes=minutes)
        work()

    return after


def shown(double):
    found = double.shown
    return found if isinstance(found, list) else list(found.values())


def says(town):
    """What the ledger keeps of each delivery beside its state, in order."""
    return [row.detail for row in sorted(town.all(DeliveryAnswer), key=lambda row: row.id)]


def told(town, kind):
    """The outcomes of all deliveries of a kind."""
    wanted = {row.id for row in of(town, kind)}
    return [row.state for row in town.all(Delivery) if row.notification_id in wanted]


def correct(cms, **fields):
    assert cms.post(**{"title": FIXED, **fields}, notify_update=True).status_code == 202


@pytest.mark.parametrize("name", EDITORS)
def test_a_message_is_corrected_withdrawn_and_shown_again_where_it_stands(
    cms, town, after, doubles, name
):
    town.channel(doubles[name].url())
    cms.post()
    after()
    (text,) = shown(doubles[name])
    assert TITLE in text

    correct(cms)
    after()
    (text,) = shown(doubles[name])
    assert FIXED in text
    assert TITLE not in text
    correct(cms, title="Körfez için iklim eylem planı: yer de düzeltildi")
    after()
    (text,) = shown(doubles[name])
    assert "yer de düzeltildi" in text
    cms.withdraw(notify_update=True)
    after()
    (text,) = shown(doubles[name])
    assert "geri çek" in text.lower()
    correct(cms)
    after()
    (text,) = shown(doubles[name])
    assert FIXED in text

    (kept,) = town.all(SentMessage)
    did = [detail.partition(" message ")[0] for detail in says(town)]
    assert did == ["edited", "edited", "withdrew", "edited"]
    assert says(town)[-1] == f"edited message {kept.message_id}"
    assert told(town, CORRECTION) == [SENT] * 3
    assert told(town, WITHDRAWAL) == [SENT]


def test_where_nothing_can_be_edited_a_correction_is_a_message(cms, town, after, slack, ntfy):
    ntfy.knows_sequences = False
    town.channel(slack.hook_url())
    town.channel(ntfy.url())
    cms.post()
    after()

    correct(cms)
    after()
    cms.withdraw(notify_update=True)
    after()

    assert [len(slack.hooked), len(ntfy.shown)] == [3, 3]
    assert town.all(SentMessage) == []
    assert says(town) == []


@pytest.mark.parametrize("name", ["telegram", "discord", "slack", "matrix"])
def test_a_message_that_somebody_deleted_is_corrected_by_a_new_one(cms, town, after, doubles, name):
    double = doubles[name]
    town.channel(double.url())
    cms.post()
    after()
    (first,) = town.all(SentMessage)
    if name == "matrix":
        double.redact(first.message_id.split()[1])
    else:
        double.shown.clear()

    correct(cms)
    after()
    (text,) = shown(double)
    assert FIXED in text
    (detail,) = says(town)
    assert detail.startswith(f"sent as a new message; message {first.message_id} could not be")
    assert not town.all(Channel)[0].is_paused
    cms.withdraw(notify_update=True)
    after()

    (kept,) = town.all(SentMessage)
    assert kept.message_id != first.message_id
    assert says(town)[-1].startswith("withdrew message ")


@pytest.mark.parametrize("name", ["telegram", "ntfy", "matrix"])
def test_an_edit_whose_answer_was_lost_is_made_again_and_stays_one_message(
    cms, town, after, work, clock, doubles, name
):
    double = doubles[name]
    town.channel(double.url())
    cms.post()
    after()

    correct(cms)
    if name == "matrix":  # it looks first: what is lost is the answer to the change
        ask = double.answer
        double.answer = lambda asked: (
            setattr(double, "loses", int(asked.method == "PUT")) or ask(asked)
        )
    else:
        double.loses = 1
    work()
    assert told(town, CORRECTION) == [DEFERRED]
    if name == "matrix":
        double.answer = ask
    clock.advance(minutes=6)
    after()

    assert told(town, CORRECTION) == [SENT]
    (text,) = shown(double)
    assert FIXED in text


def test_the_service_says_when_an_edit_may_come(cms, town, after, work, telegram):
    town.channel(telegram.url())
    cms.post()
    after()

    telegram.next = [bots.refusal(429, "Too Many Requests: retry after 900", retry_after=900)]
    correct(cms)
    after()
    assert told(town, CORRECTION) == [DEFERRED]
    assert [TITLE in text for text in shown(telegram)] == [True]
    after()
    after()

    assert [FIXED in text for text in shown(telegram)] == [True]


def test_a_message_in_doubt_is_corrected_by_a_message(cms, town, after, telegram):
    """It may stand there, but nobody knows by which number."""
    town.channel(telegram.url())
    telegram.loses = 1
    cms.post()
    after()
    assert told(town, NEW) == [UNKNOWN]

    correct(cms)
    after()

    assert [FIXED in text for text in shown(telegram)] == [False, True]
    assert len(town.all(SentMessage)) == 1


def test_a_withdrawal_that_can_only_delete_deletes_and_is_told(cms, town, after, slack):
    town.channel(slack.url())
    cms.post()
    after()
    slack.cannot = "edit_window_closed"

    cms.withdraw(notify_update=True)
    after()

    (text,) = shown(slack)
    assert "geri çek" in text.lower()
    assert "edit_window_closed" in says(town)[0]


def test_what_is_too_old_even_to_be_deleted_stays_and_the_withdrawal_follows(
    cms, town, after, telegram
):
    town.channel(telegram.url())
    cms.post()
    after()
    telegram.old = set(telegram.shown)

    cms.withdraw(notify_update=True)
    after()

    assert [TITLE in text for text in shown(telegram)] == [True, True]
    assert [asked.path.rpartition("/")[2] for asked in telegram.asked[1:]] == [
        "editMessageText",
        "deleteMessage",
        "sendMessage",
    ]


def test_a_channel_with_a_new_key_is_corrected_in_place_one_in_a_new_room_is_not(
    cms, town, after, runtime, telegram
):
    """A number of one room would be another message in the next."""
    town.channel(telegram.url())
    cms.post()
    after()

    def change(url):
        with runtime.db.write() as session:
            session.execute(update(Channel).values(sealed_url=runtime.vault.encrypt(url)))

    change(telegram.url(query="?silent=yes"))
    correct(cms)
    after()
    assert [FIXED in text for text in shown(telegram)] == [True]
    telegram.chats["@izmir_ulasim"] = -77
    change(telegram.url("@izmir_ulasim"))
    correct(cms, title="Körfez için iklim eylem planı: yer de düzeltildi")
    after()

    assert ["yer de" in text for text in shown(telegram)] == [False, True]
    assert telegram.asked[-1].path.endswith("sendMessage")


def test_a_channel_whose_key_was_refused_at_an_edit_is_paused(cms, town, after, slack):
    town.channel(slack.url())
    cms.post()
    after()
    slack.next = [slacks.refusal("token_revoked")] * 2

    correct(cms)
    after()

    assert told(town, CORRECTION) == [REJECTED]
    assert town.all(Channel)[0].is_paused
    assert [TITLE in text for text in shown(slack)] == [True]


@pytest.mark.parametrize("number", ["x" * 301, "a\0b", "../../@me", ["1"], 7])
def test_a_number_of_a_strange_kind_does_no_harm(cms, town, after, discord, number):
    town.channel(discord.url())
    discord.next = [Answer(200, {"id": number})]
    cms.post()
    after()

    correct(cms)
    after()

    assert [FIXED in text for text in shown(discord)] == [True]
    assert told(town, CORRECTION) == [SENT]
    assert all(one.path.startswith("/api/v10/webhooks/1234") for one in discord.asked)


def test_numbers_go_with_their_channel_and_with_time(
    cms, town, after, runtime, ntfy, matrix, clock
):
    first = town.channel(ntfy.url())
    town.channel(matrix.url())
    cms.post()
    after()
    assert len(town.all(SentMessage)) == 2

    with runtime.db.write() as session:
        channel = session.get_one(Channel, town.get(Destination, first).channel_id)
        channel_removal.remove(
            session, runtime.vault, None, channel, clock(), confirmed=channel.name, reason="eski"
        )
    assert [row.message_id for row in town.all(SentMessage)] == [f"{homeservers.ROOM} $event0"]
    clock.advance(days=runtime.settings.ledger_days - 1)
    forget_expired(runtime)
    assert len(town.all(SentMessage)) == 1
    clock.advance(days=2)
    forget_expired(runtime)

    assert town.all(SentMessage) == []
    assert [TITLE in text for text in matrix.shown] == [True]
    assert homeservers.ROOM in matrix.asked[-1].path


def test_a_channel_that_is_removed_while_it_is_told_leaves_no_number(
    cms, town, after, runtime, telegram, clock
):
    town.channel(telegram.url())
    cms.post()
    answer = telegram.answer

    def remove_first(asked):
        with runtime.db.write() as session:
            (channel,) = session.scalars(select(Channel)).all()
            channel_removal.remove(
                *(session, runtime.vault, None, channel, clock()),
                confirmed=channel.name,
                reason="eski",
            )
        return answer(asked)

    telegram.answer = remove_first
    after()

    assert len(shown(telegram)) == 1
    assert town.all(SentMessage) == []
