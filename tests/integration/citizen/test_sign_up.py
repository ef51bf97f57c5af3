"""The sign-up: one question a page, answers kept, the same end for every address."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from service.models import Consent, ConsentAct, Destination, Notification, Subscription, Suppression
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash

Person = Any


def count(runtime: Runtime, model: type) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_whole_journey(
    runtime: Runtime, person: Person, confirm_token: Callable[[], str], prefix: str
) -> None:
    person.prefix = prefix
    page = person.send(person.open("/subscribe"), topics=["ulasim", "spor"])
    page = person.send(page, places=["konak"])
    assert "Konak" in page.text
    end = person.send(page, email="Ayse@Example.com", consent="yes")
    assert (end.status_code, end.location) == (303, f"{prefix}/check-email")
    assert "Ayse@example.com" in person.open("/check-email").text
    assert count(runtime, Subscription) == 0
    link = f"{prefix}/confirm/{confirm_token()}"
    assert ("Evet, bu haberleri" if not prefix else "Yes, I want") in person.client.get(link).text
    done = person.client.post(link)
    assert ("Aboneliğiniz başladı" if not prefix else "has started") in done.text
    assert count(runtime, Subscription) == 2
    with runtime.db.read() as session:
        assert session.scalars(select(Destination)).one().language == ("en" if prefix else "tr")
        acts = session.scalars(select(Consent.act).order_by(Consent.id)).all()
    assert acts == [ConsentAct.ASKED, ConsentAct.CONFIRMED]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"email": "", "consent": "yes"}, "E-posta adresinizi yazın"),
        ({"email": "ayse", "consent": "yes"}, "ad@ornek.com"),
        ({"email": "ayse@example.com\r\nBcc: x@example.com", "consent": "yes"}, "ad@ornek.com"),
        ({"email": "ayse@example.com"}, "Rıza vermek için"),
    ],
)
def test_a_bad_address_page_comes_back_with_a_summary(
    runtime: Runtime, person: Person, answers: dict[str, str], says: str
) -> None:
    page = person.send(person.send(person.open("/subscribe"), topics="all"), places="all")
    page = person.send(page, **answers)
    assert "<title>Hata: " in page.text
    assert says in page.text
    assert re.search(r'<a href="#(email|consent)">', page.text)
    assert count(runtime, Notification) == 0


def test_questions_want_an_answer(person: Person) -> None:
    page = person.send(person.open("/subscribe"))
    assert "En az bir konu seçin" in page.text
    page = person.send(person.send(page, topics="spor"))
    assert "En az bir ilçe" in page.text


def test_back_keeps_the_answers(person: Person) -> None:
    page = person.send(person.open("/subscribe"), topics="spor")
    page = person.send(page, places="konak")
    page = person.send(page, email="ayse@example.com", go="topics")
    assert re.search(r'value="spor" id="topics-spor" checked', page.text)
    page = person.send(person.send(page, topics="spor"), places="konak")
    assert 'value="ayse@example.com"' in page.text


def test_a_topic_can_be_chosen_on_the_front_page(person: Person) -> None:
    page = person.open("/subscribe?topic=ulasim")
    assert re.search(r'value="ulasim" id="topics-ulasim" checked', page.text)


def test_consent_is_never_ticked_for_you(person: Person) -> None:
    page = person.send(person.send(person.open("/subscribe"), topics="all"), places="all")
    assert not re.search(r'id="consent"[^>]*checked', page.text)


@pytest.mark.parametrize("choices", ["", "forged", "eyJ0b3BpY3MiOltdfQ.x"])
def test_forged_choices_start_again(person: Person, choices: str) -> None:
    page = person.open("/subscribe")
    answer = person.send(page, choices=choices, step="address", email="a@example.com")
    assert (answer.status_code, answer.location) == (303, "/subscribe")


def test_a_form_without_its_token_is_refused(client: FlaskClient) -> None:
    answer = client.post("/subscribe", data={"step": "topics"})
    assert answer.status_code == 400
    assert "Bu form doğrulanamadı" in answer.text


def test_known_new_and_suppressed_addresses_get_the_same_answer(
    runtime: Runtime, app: Any, person: Person, confirm_token: Callable[[], str]
) -> None:
    person.sign_up("known@example.com")
    person.client.post(f"/confirm/{confirm_token()}")
    with runtime.db.write() as session:
        hashed = address_hash(runtime.vault, "email", "bad@example.com")
        session.add(Suppression(address_hash=hashed, reason="bounce"))
    pages = []
    for address in ("known@example.com", "brand@example.com", "bad@example.com"):
        somebody = type(person)(app.test_client())
        end = somebody.sign_up(address)
        page = somebody.open("/check-email").text.replace(address, "ADDRESS")
        page = re.sub(r'name="(csrf_token|choices)" value="[^"]*"', "", page)
        pages.append((end.status_code, end.location, page))
    assert pages[0] == pages[1] == pages[2]


def test_resending_is_possible_and_only_the_newest_link_lives(
    runtime: Runtime, person: Person, confirm_token: Callable[[], str]
) -> None:
    person.sign_up("ayse@example.com")
    old = confirm_token()
    page = person.open("/check-email")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    answer = person.client.post("/check-email", data={"csrf_token": token[1]})
    assert answer.status_code == 303
    assert person.client.post(f"/confirm/{old}").status_code == 410
    assert person.client.post(f"/confirm/{confirm_token()}").status_code == 200


def test_the_address_is_not_readable_in_the_cookie(person: Person, client: FlaskClient) -> None:
    person.sign_up("ayse@example.com")
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert "ayse" not in cookie.decoded_value


def test_an_address_is_asked_four_times_a_minute_and_no_more(app: Any, person: Person) -> None:
    codes = [person.sign_up("ayse@example.com").status_code for _ in range(5)]
    assert codes == [303, 303, 303, 303, 429]
    assert type(person)(app.test_client()).sign_up("other@example.com").status_code == 303
