"""Mail to a real SMTP peer: one outcome for each recipient, whatever the peer does."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from service.db import utcnow
from service.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    MailboxMessage,
    Notification,
)
from service.runtime import Runtime
from tests.integration.email.peer import HANG_UP
from tests.unit.messages.signing import SELECTOR, passes_dkimpy, pem
from workers.email import send_email_batch

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
SUPPRESSED, QUEUED, UNKNOWN = DeliveryState.SUPPRESSED, DeliveryState.QUEUED, DeliveryState.UNKNOWN


@pytest.fixture
def patient(monkeypatch):
    """A machine that stands still for a while is no reason for a further connection."""
    monkeypatch.setattr("workers.email.crew.STANDS_S", 60.0)


@pytest.mark.usefixtures("patient")
def test_each_reader_gets_one_mail_with_an_envelope_of_their_own(peer, town, send):
    readers = [town.reader(address=f"okur{n}@example.org") for n in range(5)]
    notification = town.planned()

    send(notification)
    send(notification)

    assert peer.got() == {f"okur{n}@example.org": 1 for n in range(5)}
    assert town.states(notification) == dict.fromkeys(readers, SENT)
    assert len({sender for sender, _, _ in peer.mails}) == 5
    for sender, recipient, raw in peer.mails:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        token = sender.removeprefix("b+").removesuffix("@tellal.example")
        assert message["Message-ID"] == f"<{token}@tellal.example>"
        assert message["To"] == recipient
    assert peer.connections == 1
    assert town.get(Notification, notification).state == "done"
    assert town.findings() == []


def test_a_letter_arrives_byte_for_byte_with_its_dots(peer, town, send):
    town.reader()
    notification = town.planned(
        town.article(title="İzmir’de ığüşöç 🌊", summary="İlk\n.\n..nokta\n.son", places=("konak",))
    )

    send(notification)

    message = email.message_from_bytes(peer.mails[0][2], policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()
    assert message["Subject"] == "İzmir’de ığüşöç 🌊"
    assert "İlk\n.\n..nokta\n.son" in text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("key", "answer", "state", "code"),
    [
        ("RCPT", "450 4.2.0 greylisted", DEFERRED, "4.2.0"),
        ("RCPT", "550 5.1.1 no such user", REJECTED, "5.1.1"),
        ("RCPT", "550 no such user", REJECTED, "550"),
        ("RCPT", "550 5.1.1.10 is on a block list", REJECTED, "550"),
        ("RCPT", "221!550 5.1.1 no such user, and goodbye", REJECTED, "5.1.1"),
        ("RCPT", "421 4.7.0 not now", DEFERRED, "4.7.0"),
        ("RCPT", HANG_UP, DEFERRED, "lost"),
        ("RCPT", "999 what", DEFERRED, "999"),
        ("DATA", "451 4.3.0 disk full", DEFERRED, "4.3.0"),
        ("DATA", "554 5.7.1 spam", REJECTED, "5.7.1"),
        ("DATA", "354 again?", DEFERRED, "unknown"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_refusal_is_the_outcome_of_its_recipient(
    runtime, peer, town, send, key, answer, state, code
):
    refused, other = town.reader(address="red@example.org"), town.reader()
    peer.answers["red@example.org" if key == "RCPT" else key] = answer
    notification = town.planned()

    send(notification)

    states = town.states(notification)
    assert states[refused] == state
    assert states[other] == (SENT if key == "RCPT" else state)
    answers = [row for row in town.all(DeliveryAnswer) if row.destination_id == refused]
    assert [row.code for row in answers] == [code]
    assert town.findings() == []


def test_a_relay_that_is_away_postpones_the_batch_and_loses_nothing(peer, town, send, clock):
    readers = [town.reader() for _ in range(3)]
    notification = town.planned()
    peer.relay.stop()

    send(notification)

    assert town.states(notification) == dict.fromkeys(readers, QUEUED)
    (batch,) = town.all(Batch)
    assert batch.state == BatchState.READY
    assert batch.due_at > clock() + timedelta(seconds=20)
    assert {row.attempts for row in town.all(Delivery)} == {0}
    assert town.findings() == []


@pytest.mark.parametrize("answer", ["421 4.3.2 shutting down", HANG_UP])
def test_a_relay_that_hangs_up_at_mail_is_away(peer, town, send, clock, answer):
    reader = town.reader()
    notification = town.planned()
    peer.answers["MAIL"] = answer
    send(notification)
    assert town.states(notification) == {reader: QUEUED}

    del peer.answers["MAIL"]
    clock.advance(minutes=1)
    send(notification)

    assert town.states(notification) == {reader: SENT}


def test_an_answer_that_never_came_is_tried_once_more_under_the_same_message_id(
    peer, town, send, resend
):
    reader = town.reader()
    notification = town.planned()
    peer.drop_after_taking = 1

    send(notification)

    assert town.states(notification) == {reader: DEFERRED}
    assert [row.code for row in town.all(DeliveryAnswer)] == ["unknown"]
    resend(notification)
    assert town.states(notification) == {reader: SENT}
    ids = [email.message_from_bytes(raw)["Message-ID"] for _, _, raw in peer.mails]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert len({sender for sender, _, _ in peer.mails}) == 1


def test_an_answer_that_never_comes_is_unknown_at_the_second_time(peer, town, send, resend):
    reader = town.reader()
    notification = town.planned()
    peer.drop_after_taking = 5

    send(notification)
    resend(notification)
    resend(notification)

    assert len(peer.mails) == 2
    assert town.states(notification) == {reader: UNKNOWN}
    assert town.get(Notification, notification).state == "done"


def test_a_dropped_connection_stops_none_of_the_others(peer, town, send):
    readers = [town.reader() for _ in range(4)]
    notification = town.planned()
    peer.drop_after_taking = 1

    send(notification)

    assert town.counts(notification) == {DEFERRED: 1, SENT: 3}
    assert sum(peer.got().values()) == len(readers)


def test_who_unsubscribes_while_the_relay_is_slow_gets_no_mail(peer, town, send, monkeypatch):
    monkeypatch.setattr("workers.parcel.FRESH_S", 0.0)
    leaving, staying = town.reader(address="giden@example.org"), town.reader()
    notification = town.planned()

    def leave(address: str) -> None:
        if address == "giden@example.org":
            town.unsubscribe(leaving)

    peer.before = leave
    send(notification)

    assert peer.got()["giden@example.org"] == 0
    assert town.states(notification) == {leaving: SUPPRESSED, staying: SENT}


def test_an_address_that_would_inject_a_header_is_rejected_and_stops_nobody(peer, town, send):
    bad = [
        town.reader(address="a@example.org\r\nBcc: everybody@example.org"),
        town.reader(address="ı@example.org"),
    ]
    good = town.reader(address="iyi@example.org")
    notification = town.planned()

    send(notification)

    assert peer.got() == {"iyi@example.org": 1}
    assert town.states(notification) == {**dict.fromkeys(bad, REJECTED), good: SENT}


@pytest.mark.usefixtures("patient")
def test_after_a_hundred_mails_the_connection_is_renewed(peer, town, send, monkeypatch):
    monkeypatch.setattr("workers.email.pipeline.MAX_PER_LINK", 2)
    town.readers(5)

    send(town.planned())

    assert sum(peer.got().values()) == 5
    assert peer.connections == 3


def test_a_message_of_the_service_reaches_an_unverified_address(peer, town, send):
    reader = town.reader(is_verified=False, address="yeni@example.org")
    notification = town.message(reader)

    send(notification)

    assert peer.got() == {"yeni@example.org": 1}
    assert town.states(notification) == {reader: SENT}


def test_without_a_relay_mail_stays_in_the_built_in_mailbox_and_copies_are_counted(
    runtime, town, peer
):
    home = Runtime.start(runtime.settings.model_copy(update={"smtp_url": SecretStr("")}))
    town.reader(address="ev@example.org")
    notification = town.planned()
    (batch,) = town.batches(notification)
    send_email_batch(home, batch)

    with runtime.db.write() as session:  # as if the answer had never been kept
        session.execute(update(Delivery).values(state=QUEUED))
        session.execute(update(Batch).values(state=BatchState.READY, due_at=utcnow()))
    send_email_batch(home, batch)
    home.close()

    (mail,) = town.all(MailboxMessage)
    assert (mail.recipient, mail.copies) == ("ev@example.org", 2)
    assert peer.mails == []


def test_with_a_key_every_mail_is_signed_as_it_arrives(runtime, town, peer):
    key = {"dkim_key": SecretStr(pem()), "dkim_selector": SELECTOR}
    home = Runtime.start(runtime.settings.model_copy(update=key))
    town.reader(address="okur@example.org")
    notification = town.planned(town.article(title="İzmir’de ığüşöç", summary="İlk\n.\n..nokta"))
    message = town.message(town.reader(is_verified=False, address="yeni@example.org"))

    for batch in [*town.batches(notification), *town.batches(message)]:
        send_email_batch(home, batch)
    home.close()

    mails = {recipient: raw for _, recipient, raw in peer.mails}
    assert set(mails) == {"okur@example.org", "yeni@example.org"}
    assert all(map(passes_dkimpy, mails.values()))
    news = mails["okur@example.org"]
    head = news.partition(b"\r\n\r\n")[0]
    assert b"list-unsubscribe" in head.partition(b" h=")[2].partition(b";")[0]
    assert not passes_dkimpy(news.replace(b"/u/", b"/x/"))
