"""Erasing: the address is gone from every table, file and log line, whatever was going on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from service.bounces import Complained, Returned
from service.cli import cli
from service.ledger.bounces import record_report
from service.ledger.outcome import Outcome
from service.models import (
    Batch,
    BatchState,
    BounceVerdict,
    Consent,
    ConsentAct,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Notification,
    OneTimeToken,
    Subscriber,
    Subscription,
    Suppression,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from service.subscriptions.erasures import erase_for_good
from service.subscriptions.importing import import_subscribers
from tests.integration.citizen.entering import enter, press
from tests.integration.citizen.traces import where
from tests.integration.ledger.recorder import Recorder
from tests.integration.town import EDITOR
from workers.deliver import deliver_batch
from workers.email import send_email_batch

ADDRESS, LOCAL = "ayse.yilmaz@mail-of-her-own.example", "ayse.yilmaz"
MAY_KEEP_THE_HASH = {"consent", "suppression", "erasure"}
LINES = [
    "address,topics,places,frequency,language\n",
    f"{ADDRESS},spor,,instant,tr\n",
]


def hash_of(runtime: Runtime) -> str:
    return address_hash(runtime.vault, "email", ADDRESS)


@pytest.fixture
def known(
    runtime: Runtime,
    person: Any,
    cms: Any,
    town: Any,
    work: Any,
    clock: Any,
    confirm_token: Callable[[], str],
    editor: str,
    command_line: None,
) -> int:
    """Somebody of whom every table knows that can know of anybody; returns the destination."""
    person.sign_up(ADDRESS)
    work()
    person.client.post(f"/confirm/{confirm_token()}")
    work()
    cms.post()
    clock.advance(minutes=10)
    work()
    reader = town.all(Destination)[0].id
    import_subscribers(runtime.db, runtime.vault, LINES, consent_origin="a form", now=clock())
    with runtime.db.write() as session:
        said = Returned(1, reader, BounceVerdict.HARD, "5.1.1", "550 5.1.1 no such user")
        record_report(session, said, clock())
        session.add(  # as releases before this one kept it
            DeliveryAnswer(
                notification_id=1,
                destination_id=reader,
                state=DeliveryState.DEFERRED,
                detail=f"450 <{ADDRESS}> is full",
            )
        )
    lifted = CliRunner().invoke(
        cli, ["suppressions", "lift", ADDRESS, "--staff", EDITOR, "--reason", "she asked for it"]
    )
    assert lifted.output == "Lifted.\n"
    person.sign_up(ADDRESS)  # a link that nobody has opened yet
    with runtime.db.write() as session:
        record_report(session, Complained(2, reader), clock())
    town.message(reader)
    return reader


def test_no_table_file_or_log_line_knows_the_address_afterwards(known, client, runtime, town, said):
    hashed = hash_of(runtime)
    assert where(runtime, ADDRESS, LOCAL) == {"destination", "mailbox_message", "delivery_answer"}
    assert where(runtime, hashed) == {"destination", "consent", "suppression", "audit"}
    assert town.count(OneTimeToken) > 0
    enter(client, runtime, known)

    done = press(client, client.get("/my/erase"), "/my/erase")

    assert (done.status_code, done.location) == (303, "/my/erased")
    assert "Verileriniz silindi" in client.get("/my/erased").text
    assert where(runtime, ADDRESS, LOCAL, "mail-of-her-own") == set()
    assert where(runtime, hashed) == MAY_KEEP_THE_HASH
    assert town.count(Subscriber) == town.count(OneTimeToken) == 0
    assert all(one.ended_at is not None for one in town.all(Subscription))
    files = [path for path in runtime.settings.var_dir.rglob("*") if path.is_file()]
    holding = {path.name for path in files if hashed.encode() in path.read_bytes()}
    assert holding == {"erasures.log"}
    assert not any(LOCAL.encode() in path.read_bytes().lower() for path in files)
    assert "my/erase" in said()
    assert LOCAL not in said().lower()
    assert hashed not in said()
    assert town.findings() == []


def test_nothing_leaves_afterwards_and_the_ledger_adds_up(known, runtime, town, work, clock, cms):
    unsent = {one.id for one in town.all(Notification) if one.done_at is None}
    assert unsent

    erase_for_good(runtime.db, runtime.settings, known, clock())
    cms.post(id="2", title="Karbon salımı için yeni plan")
    clock.advance(minutes=10)
    work()

    assert town.mails() == {}
    assert {town.get(Notification, id_).state for id_ in unsent} == {"done"}
    for id_ in unsent:
        assert set(town.states(id_).values()) == {DeliveryState.CANCELLED}
    assert town.findings() == []


def test_the_withdrawal_is_in_the_consent_ledger(known, runtime, town, clock):
    erase_for_good(runtime.db, runtime.settings, known, clock())

    last = town.all(Consent)[-1]
    assert (last.act, last.how, last.address_hash) == (
        ConsentAct.WITHDRAWN,
        "erase",
        hash_of(runtime),
    )
    assert len(last.choices) == 2
    assert not erase_for_good(runtime.db, runtime.settings, known, clock())
    assert town.all(Consent)[-1].id == last.id


def test_old_links_revive_nobody(known, client, runtime, town, clock, confirm_token):
    token = confirm_token()
    leave = runtime.vault.token("unsubscribe", 1, known, town.all(Subscription)[0].id)
    client.post(f"/u/{leave}")
    erase_for_good(runtime.db, runtime.settings, known, clock())
    before = town.count(Consent)

    assert client.post(f"/confirm/{token}").status_code == 410
    assert client.post(f"/u/{leave}").status_code == 200
    assert client.post(f"/u/{leave}/undo").status_code == 200
    assert client.post(f"/u/{leave}/undo", data={"what": "everything"}).status_code == 200

    assert town.count(Consent) == before
    assert all(one.ended_at is not None for one in town.all(Subscription))


def test_no_import_brings_them_back_but_their_own_sign_up_does(
    known, runtime, town, person, clock, confirm_token
):
    with runtime.db.write() as session:
        session.delete(session.get_one(Suppression, hash_of(runtime)))
    erase_for_good(runtime.db, runtime.settings, known, clock())

    result = import_subscribers(
        runtime.db, runtime.vault, LINES, consent_origin="a form", now=clock()
    )
    assert (result.suppressed, result.added) == (1, 0)
    assert where(runtime, LOCAL) == set()

    clock.advance(minutes=2)
    person.sign_up(ADDRESS)
    person.client.post(f"/confirm/{confirm_token()}")
    assert "destination" in where(runtime, LOCAL)
    result = import_subscribers(
        runtime.db, runtime.vault, LINES, consent_origin="a form", now=clock()
    )
    assert result.suppressed == 0


def test_a_complaint_outlives_the_erasure(known, runtime, town, person, clock):
    erase_for_good(runtime.db, runtime.settings, known, clock())
    before = town.count(Notification)

    clock.advance(minutes=2)
    person.sign_up(ADDRESS)

    assert town.count(Notification) == before
    assert town.get(Suppression, hash_of(runtime)).reason == "complaint"


def test_an_erasure_while_a_batch_is_in_a_workers_hands(runtime, town, monkeypatch):
    """The worker has read the address; its last look before the wire finds that it is gone."""
    monkeypatch.setattr("workers.parcel.FRESH_S", 0.0)
    readers = town.readers(3)
    notification = town.planned()
    (batch,) = town.batches(notification)

    def act(destination: int, on_wire: Callable[[], None]) -> Outcome | None:
        if destination == readers[1]:
            assert erase_for_good(runtime.db, runtime.settings, destination, datetime.now(UTC))
        return None

    sender = Recorder(act)
    deliver_batch(runtime, batch, sender)

    assert sender.sent == [readers[0], readers[2]]
    assert town.states(notification) == {
        readers[0]: DeliveryState.SENT,
        readers[1]: DeliveryState.SUPPRESSED,
        readers[2]: DeliveryState.SENT,
    }
    assert town.get(Batch, batch).state == BatchState.DONE
    assert town.findings() == []


@pytest.mark.parametrize("template", ["welcome", "confirm"])
def test_a_letter_of_the_service_in_a_workers_hands_stays_unsent(
    runtime, town, monkeypatch, template
):
    reader = town.reader()
    notification = town.message(reader, template)
    with runtime.db.write() as session:
        row = session.get_one(Notification, notification)
        row.payload = {**row.payload, "token_id": 7, "to": "new@example.org"}
    (batch,) = town.batches(notification)
    erase_for_good(runtime.db, runtime.settings, reader, datetime.now(UTC))

    send_email_batch(runtime, batch)

    assert town.states(notification) == {reader: DeliveryState.CANCELLED}
    assert town.get(Notification, notification).payload["to"] == ""
    assert town.mails() == {}


def test_what_waits_for_its_next_try_is_cancelled_at_once(runtime, town, clock):
    readers = town.readers(2)
    notification = town.planned()
    (batch,) = town.batches(notification)
    busy = Recorder(lambda *_: Outcome(DeliveryState.DEFERRED, "4.2.2", "452 full"))
    deliver_batch(runtime, batch, busy)

    for reader in readers:
        erase_for_good(runtime.db, runtime.settings, reader, clock())

    assert town.counts(notification) == {DeliveryState.CANCELLED: 2}
    assert town.get(Notification, notification).state == "done"
    assert {one.detail for one in town.all(DeliveryAnswer)} == {""}
    assert town.findings() == []


def test_other_people_and_the_citys_channels_stay(known, runtime, town, clock):
    other = town.reader(address="other@example.org")
    channel = town.channel("json://127.0.0.1/room")

    erase_for_good(runtime.db, runtime.settings, known, clock())

    assert town.get(Destination, other).address == "other@example.org"
    assert town.get(Destination, channel).verified_at is not None
    assert not erase_for_good(runtime.db, runtime.settings, channel, clock())


def test_a_form_without_its_token_erases_nothing(known, client, runtime, town):
    enter(client, runtime, known)

    assert client.get("/my/erase").status_code == 200
    assert client.post("/my/erase").status_code == 400

    assert town.get(Destination, known).address == ADDRESS
