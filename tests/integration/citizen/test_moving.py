"""Another address: asked while signed in, confirmed there, told here; nobody learns who has it."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from sqlalchemy import select

from service.models import (
    Consent,
    Delivery,
    DeliveryState,
    Destination,
    OneTimeToken,
    Suppression,
    SuppressionReason,
    TokenPurpose,
)
from service.runtime import Runtime
from service.subscriptions import moving
from service.subscriptions.addresses import address_hash
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Ask, ask
from service.subscriptions.tokens import LinkState
from workers.email import send_email_batch

OLD, NEW = "ayse@example.com", "ayse@gmail.com"


def ask_for(resident: Any, address: str = NEW) -> Any:
    return resident.send("/my/address", email=address)


def link(resident: Any) -> str:
    return f"/address/{resident.link('move', 'move')}"


def stop_link(resident: Any) -> str:
    return f"/address/stop/{resident.link('move_asked', 'move-stop')}"


def hash_of(runtime: Runtime, address: str) -> str:
    return address_hash(runtime.vault, "email", address)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_whole_way(
    resident: Any, app: Any, town: Any, runtime: Runtime, templates: Any, prefix: str
) -> None:
    resident.prefix = prefix
    konak = resident.live()[0]
    live = [row.id for row in resident.live()]
    assert NEW in ask_for(resident).text
    asked = templates()[1:]
    assert {name for name, _ in asked} == {"move", "move_asked"}
    assert ("move_asked", resident.id) in asked
    assert town.get(Destination, resident.id).address == OLD

    elsewhere = app.test_client(use_cookies=False)
    assert NEW in elsewhere.get(prefix + link(resident)).text
    assert town.get(Destination, resident.id).address == OLD
    done = elsewhere.post(prefix + link(resident))
    assert done.status_code == 200
    assert ("artık bu adrese geliyor" if not prefix else "comes to this address") in done.text
    assert "Set-Cookie" not in done.headers

    row = town.get(Destination, resident.id)
    assert (row.address, row.lane) == (NEW, "gmail")
    assert row.address_hash == hash_of(runtime, NEW)
    assert [one.id for one in resident.live()] == live
    assert resident.open("/my").location == f"{prefix}/sign-in"  # the old session is over

    name, told = templates()[-1]
    assert name == "moved"
    left = town.get(Destination, told)
    assert (left.address, left.verified_at) == (OLD, None)

    again = elsewhere.post(prefix + link(resident))
    assert again.status_code == 200
    assert ("kullanıldı" if not prefix else "has been used") in again.text
    assert "daha önce onaylandı" in elsewhere.get(stop_link(resident)).text
    assert elsewhere.post(stop_link(resident)).status_code == 200
    assert town.get(Destination, resident.id).address == NEW

    # The way out of an old letter still works.
    elsewhere.post(f"/u/{runtime.vault.token('unsubscribe', 5, resident.id, konak.id)}")
    assert konak.id not in [one.id for one in resident.live()]
    assert resident.sign_in().status_code == 303


def test_the_proof_goes_on_under_the_new_address(resident: Any, app: Any, runtime: Runtime) -> None:
    ask_for(resident)
    app.test_client().post(link(resident))
    with runtime.db.read() as session:
        rows = session.scalars(select(Consent).order_by(Consent.id)).all()
    assert [(str(row.act), row.address_hash) for row in rows] == [
        ("withdrawn", hash_of(runtime, OLD)),
        ("confirmed", hash_of(runtime, NEW)),
    ]
    assert {row.origin for row in rows} == {"address changed"}
    assert [len(row.choices) for row in rows] == [3, 3]


def test_what_waits_goes_to_the_new_address(
    resident: Any, app: Any, town: Any, runtime: Runtime
) -> None:
    notification = town.planned(town.article(("spor",)))
    ask_for(resident)
    app.test_client().post(link(resident))
    with runtime.db.read() as session:
        batch = session.get_one(Delivery, (notification, resident.id)).batch_id
    send_email_batch(runtime, batch)
    assert town.states(notification) == {resident.id: DeliveryState.SENT}
    assert town.mails() == {NEW: 1}


def test_a_suppression_does_not_follow(
    resident: Any, app: Any, town: Any, runtime: Runtime
) -> None:
    with runtime.db.write() as session:
        for address in (OLD, NEW):
            hashed = hash_of(runtime, address)
            session.add(Suppression(address_hash=hashed, reason=SuppressionReason.HARD))
    ask_for(resident)
    app.test_client().post(link(resident))
    assert [row.address_hash for row in town.all(Suppression)] == [hash_of(runtime, OLD)]


def test_the_old_address_can_stop_it(resident: Any, app: Any, town: Any) -> None:
    ask_for(resident)
    elsewhere = app.test_client(use_cookies=False)
    page = elsewhere.get(stop_link(resident))
    assert "Değişikliği durdur" in page.text
    assert NEW not in page.text
    assert "durduruldu" in elsewhere.post(stop_link(resident)).text
    assert elsewhere.get(link(resident)).status_code == 410
    assert elsewhere.post(link(resident)).status_code == 410
    assert "Durdurulacak bir şey kalmadı" in elsewhere.post(stop_link(resident)).text
    assert town.get(Destination, resident.id).address == OLD
    assert resident.open("/my").status_code == 200


def test_a_known_address_is_told_alone_and_nobody_moves(
    resident: Any, app: Any, town: Any, templates: Any
) -> None:
    other = town.reader("spor", address=NEW)
    known = ask_for(resident, NEW)
    unknown = ask_for(resident, "fresh@example.com")

    def bare(answer: Any, address: str) -> str:
        return re.sub('value="[^"]*"', "", answer.text.replace(address, "ADDRESS"))

    assert bare(known, NEW) == bare(unknown, "fresh@example.com")
    assert templates()[1:3] == [("move_taken", other), ("move_asked", resident.id)]
    # Even a link that was never mailed moves nobody.
    with resident.runtime.db.read() as session:
        first = session.scalars(
            select(OneTimeToken.id).where(OneTimeToken.purpose == TokenPurpose.MOVE)
        ).first()
    forged = resident.runtime.vault.token("move", first)
    assert app.test_client().post(f"/address/{forged}").status_code == 410
    assert town.get(Destination, other).address == NEW
    assert town.get(Destination, resident.id).address == OLD


def test_whoever_takes_the_address_meanwhile_keeps_it(
    resident: Any, app: Any, town: Any, runtime: Runtime
) -> None:
    ask_for(resident)
    with runtime.db.write() as session:
        batch = ask(session, runtime.vault, Ask(NEW, Choices(), "tr", "Rıza", "web", "r"))
    assert batch is not None
    client = app.test_client()
    client.post(f"/confirm/{resident.link('confirm', 'confirm')}")
    assert client.get(link(resident)).status_code == 410
    assert client.post(link(resident)).status_code == 410
    assert town.get(Destination, resident.id).address == OLD
    assert town.findings() == []


def test_an_open_sign_up_of_the_new_address_ends_with_the_move(
    resident: Any, app: Any, town: Any, runtime: Runtime
) -> None:
    with runtime.db.write() as session:
        ask(session, runtime.vault, Ask(NEW, Choices(), "tr", "Rıza", "web", "r"))
    ask_for(resident)
    client = app.test_client()
    client.post(link(resident))
    assert client.post(f"/confirm/{resident.link('confirm', 'confirm')}").status_code == 410
    assert [row.address for row in town.all(Destination) if row.verified_at] == [NEW]


def test_of_two_who_want_one_address_one_gets_it(
    resident: Any, town: Any, runtime: Runtime
) -> None:
    rival = town.reader("spor", address="bora@example.com")
    tokens = []
    for person in (resident.id, rival):
        with runtime.db.write() as session:
            moving.ask(session, runtime.vault, person, NEW, "r")
        tokens.append(resident.link("move", "move"))
    states: list[LinkState] = []
    start = threading.Barrier(2)

    def go(token: str) -> None:
        start.wait(10)
        with runtime.db.write() as session:
            states.append(moving.move(session, runtime.vault, token, "r").state)

    threads = [threading.Thread(target=go, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(states) == [LinkState.DONE, LinkState.EXPIRED]
    addresses = [row.address for row in town.all(Destination) if row.verified_at]
    assert sorted(addresses) in (sorted([NEW, "bora@example.com"]), sorted([NEW, OLD]))


def test_a_link_is_of_one_day_and_the_newest_counts(
    resident: Any, app: Any, town: Any, clock: Any
) -> None:
    ask_for(resident)
    first = link(resident)
    ask_for(resident, "third@example.com")
    client = app.test_client()
    assert client.post(first).status_code == 410
    clock.advance(hours=24, minutes=1)
    assert client.post(link(resident)).status_code == 410
    assert town.get(Destination, resident.id).address == OLD


def test_there_and_back_again(resident: Any, app: Any, town: Any) -> None:
    for address in (NEW, OLD):
        ask_for(resident, address)
        app.test_client().post(link(resident))
        assert town.get(Destination, resident.id).address == address
        resident.sign_in()
    assert town.count(Destination) == 2


@pytest.mark.parametrize("purpose", ["confirm", "sign-in", "unsubscribe", "mail"])
def test_a_token_of_another_purpose_moves_nobody(
    resident: Any, app: Any, town: Any, purpose: str
) -> None:
    ask_for(resident)
    number = max(row.id for row in town.all(OneTimeToken))
    forged = resident.runtime.vault.token(purpose, number)
    client = app.test_client()
    for path in (f"/address/{forged}", f"/address/stop/{forged}", "/address/x", "/address/stop/x"):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    swapped = resident.runtime.vault.token("move-stop", number)
    assert client.post(f"/address/{swapped}").status_code == 404
    signed_in = resident.runtime.vault.token("move", 1)  # the number of a sign-in link
    assert client.post(f"/address/{signed_in}").status_code == 410
    assert town.get(Destination, resident.id).address == OLD


@pytest.mark.parametrize(
    ("typed", "says"),
    [("", "yazın"), ("x", "ad@ornek.com"), ("AYSE@EXAMPLE.com", "şimdiki adresiniz")],
)
def test_what_is_wrong_is_said(resident: Any, templates: Any, typed: str, says: str) -> None:
    page = ask_for(resident, typed)
    assert '<a href="#email">' in page.text
    assert says in page.text
    assert len(templates()) == 1


def test_addresses_are_not_tried_one_after_another(resident: Any) -> None:
    codes = [ask_for(resident, f"try{n}@example.com").status_code for n in range(6)]
    assert codes == [200] * 5 + [429]


def test_links_are_private_and_set_no_cookie(resident: Any, app: Any) -> None:
    ask_for(resident)
    client = app.test_client()
    for path in (link(resident), stop_link(resident)):
        for answer in (client.get(path), client.post(path)):
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Set-Cookie" not in answer.headers
