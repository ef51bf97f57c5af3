"""Signing in by a mailed link: the same for every address, once, and for half an hour."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from sqlalchemy import event, update

from service.models import (
    Destination,
    OneTimeToken,
    Subscriber,
    Suppression,
    SuppressionReason,
)
from service.runtime import Runtime
from service.subscriptions import signing_in

ADDRESS = "ayse@example.com"


def statements(runtime: Runtime, address: str) -> list[str]:
    """What the database is asked, but for how a savepoint ends."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    engine = runtime.db.engine
    event.listen(engine, "before_cursor_execute", hear)
    with runtime.db.write(is_durable=False) as session:
        signing_in.ask(session, runtime.vault, address, "tr", "r")
    event.remove(engine, "before_cursor_execute", hear)
    return [one for one in said if "SAVEPOINT" not in one and "PRAGMA" not in one]


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_whole_way(resident: Any, prefix: str) -> None:
    resident.client.delete_cookie("session")
    resident.prefix = prefix
    asked = resident.send("/sign-in", email=f" {ADDRESS} ")
    assert (asked.status_code, asked.location) == (303, f"{prefix}/sign-in/sent")
    assert ADDRESS in resident.open("/sign-in/sent").text

    link = f"/sign-in/{resident.link('sign_in', 'sign-in')}"
    looked = resident.open(link)
    assert ("Giriş yap" if not prefix else "Sign in") in looked.text
    assert resident.open("/my").location == f"{prefix}/sign-in"  # looking signs nobody in

    entered = resident.send(link)
    assert (entered.status_code, entered.location) == (303, f"{prefix}/my")
    assert ADDRESS in resident.open("/my").text

    left = resident.send("/my", to="/sign-out")
    assert left.location == f"{prefix}/signed-out"
    assert resident.open("/my").status_code == 303


def test_a_stranger_and_a_reader_see_the_same(
    resident: Any, app: Any, runtime: Runtime, town: Any, templates: Any
) -> None:
    town.reader(address="later@example.com", is_verified=False)
    with runtime.db.write() as session:
        session.add(
            Suppression(
                address_hash=signing_in.address_hash(runtime.vault, "email", "spam@example.com"),
                reason=SuppressionReason.COMPLAINT,
            )
        )
    before = (town.count(Destination), town.count(Subscriber), town.count(OneTimeToken))
    pages = []
    for address in ("nobody@example.com", "later@example.com", "spam@example.com", ADDRESS):
        somebody = type(resident)(app.test_client(), runtime, resident.id)
        answer = somebody.send("/sign-in", email=address)
        page = somebody.open("/sign-in/sent").text.replace(address, "ADDRESS")
        pages.append((answer.status_code, answer.location, len(answer.data), page))
    assert len(set(pages)) == 1
    assert templates().count(("sign_in", resident.id)) == 2  # with that of the fixture
    assert len(templates()) == 2
    after = (town.count(Destination), town.count(Subscriber), town.count(OneTimeToken))
    assert after == (before[0], before[1], before[2] + 1)


def test_a_stranger_and_a_reader_cost_the_same_statements(resident: Any, runtime: Runtime) -> None:
    known = statements(runtime, ADDRESS)
    assert statements(runtime, "nobody@example.com") == known
    assert len(known) > 6


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "E-posta adresinizi yazın"),
        ("ayse", "ad@ornek.com"),
        ("a" * 5000 + "@example.com", "ad@ornek.com"),
        ("ayse@example.com\r\nBcc: x@example.com", "ad@ornek.com"),
    ],
)
def test_what_is_no_address_is_said(resident: Any, templates: Any, typed: str, says: str) -> None:
    page = resident.send("/sign-in", email=typed)
    assert page.status_code == 200
    assert "<title>Hata: " in page.text
    assert '<a href="#email">' in page.text
    assert says in page.text
    assert len(templates()) == 1


def test_a_link_works_once(resident: Any) -> None:
    link = f"/sign-in/{resident.link('sign_in', 'sign-in')}"
    assert "Bu bağlantı daha önce kullanıldı" in resident.open(link).text
    resident.send("/my", to="/sign-out")
    again = resident.send("/sign-in", to=link)
    assert again.status_code == 410
    assert resident.open("/my").status_code == 303


def test_a_link_works_for_half_an_hour(resident: Any, clock: Any) -> None:
    resident.send("/sign-in", email=ADDRESS)
    link = f"/sign-in/{resident.link('sign_in', 'sign-in')}"
    resident.send("/my", to="/sign-out")
    clock.advance(minutes=29)
    assert resident.open(link).status_code == 200
    clock.advance(minutes=2)
    assert resident.open(link).status_code == 410
    assert resident.send("/sign-in", to=link).status_code == 410
    assert resident.open("/my").status_code == 303


def test_of_two_links_each_works_until_one_is_used(resident: Any) -> None:
    resident.send("/sign-in", email=ADDRESS)
    first = f"/sign-in/{resident.link('sign_in', 'sign-in')}"
    resident.send("/sign-in", email=ADDRESS)
    second = f"/sign-in/{resident.link('sign_in', 'sign-in')}"
    assert resident.open(first).status_code == 200
    assert resident.send(first).status_code == 303
    assert resident.open(second).status_code == 410


@pytest.mark.parametrize("purpose", ["confirm", "move", "move-stop", "unsubscribe", "mail"])
def test_a_token_of_another_purpose_signs_nobody_in(resident: Any, purpose: str) -> None:
    resident.send("/my", to="/sign-out")
    number = 1 if purpose != "unsubscribe" else 5
    link = f"/sign-in/{resident.runtime.vault.token(purpose, number)}"
    assert resident.open(link).status_code == 404
    assert resident.send("/sign-in", to=link).status_code == 404
    assert resident.open("/my").status_code == 303


def test_a_changed_token_is_none(resident: Any) -> None:
    resident.send("/sign-in", email=ADDRESS)
    token = resident.link("sign_in", "sign-in")
    for changed in (token[:-1], token + "a", "b" + token[1:], "ü", "%00", "a" * 3000):
        assert resident.open(f"/sign-in/{changed}").status_code == 404
    gone = resident.runtime.vault.token("sign-in", 987_654)
    assert resident.open(f"/sign-in/{gone}").status_code == 410


def test_nobody_is_signed_in_by_a_forged_form(resident: Any) -> None:
    resident.send("/sign-in", email=ADDRESS)
    answer = resident.client.post(f"/sign-in/{resident.link('sign_in', 'sign-in')}")
    assert answer.status_code == 400
    assert "Bu form doğrulanamadı" in answer.text


def test_one_is_signed_in_for_an_hour(resident: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("service.citizen.signed_in.time.time", lambda: now + 3590)
    assert resident.open("/my").status_code == 200
    monkeypatch.setattr("service.citizen.signed_in.time.time", lambda: now + 3610)
    assert resident.open("/my").location == "/sign-in"


def test_opening_a_link_shows_that_mail_arrives_again(resident: Any, runtime: Runtime) -> None:
    with runtime.db.write() as session:
        hashed = session.get_one(Destination, resident.id).address_hash
        session.add(Suppression(address_hash=hashed, reason=SuppressionReason.HARD))
    assert "geri döndüğü" in resident.open("/my").text
    resident.sign_in()
    assert "geri döndüğü" not in resident.open("/my").text
    with runtime.db.read() as session:
        assert session.get(Suppression, hashed) is None


def test_a_complaint_is_not_lifted_by_oneself(resident: Any, runtime: Runtime) -> None:
    with runtime.db.write() as session:
        hashed = session.get_one(Destination, resident.id).address_hash
        session.add(Suppression(address_hash=hashed, reason=SuppressionReason.COMPLAINT))
    assert "istenmeyen ileti" in resident.open("/my").text
    resident.sign_in()
    with runtime.db.read() as session:
        assert session.get(Suppression, hashed) is not None


def test_an_address_is_asked_eleven_times_an_hour_known_or_not(resident: Any, app: Any) -> None:
    for address, left in ((ADDRESS, 10), ("nobody@example.com", 11)):
        codes = [resident.send("/sign-in", email=address).status_code for _ in range(left + 1)]
        assert codes == [303] * left + [429]


def test_whoever_is_no_longer_verified_is_signed_out(resident: Any, runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.execute(update(Destination).values(verified_at=None))
    assert resident.open("/my").status_code == 303


def test_pages_are_private_and_the_cookie_shows_no_address(resident: Any) -> None:
    resident.send("/sign-in", email=ADDRESS)
    token = resident.link("sign_in", "sign-in")
    for path in ("/sign-in", "/sign-in/sent", f"/sign-in/{token}", "/my", "/signed-out"):
        answer = resident.open(path)
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex"
    cookie = resident.client.get_cookie("session")
    assert not re.search("ayse|example", cookie.decoded_value)
