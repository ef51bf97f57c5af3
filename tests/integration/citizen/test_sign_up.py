"""The sign-up: one question a page, answers kept, no cookie, the same end for every address."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from service.models import Consent, ConsentAct, Destination, Frequency, Notification, Subscription
from service.runtime import Runtime

Person = Any


def count(runtime: Runtime, model: type) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_whole_journey(
    runtime: Runtime, person: Person, confirm_token: Callable[[], str], prefix: str
) -> None:
    person.prefix = prefix
    page = person.fill_in(
        "Ayse@Example.com", topics=["ulasim", "spor"], places=["konak"], frequency="weekly"
    )
    for answer in ("Konak", "Haftada bir özet" if not prefix else "One summary a week"):
        assert answer in page.text
    assert count(runtime, Notification) == 0  # nothing is asked for before the last button
    end = person.finish(page)
    assert end.status_code == 200
    assert "Ayse@example.com" in end.text
    assert count(runtime, Subscription) == 0
    link = f"{prefix}/confirm/{confirm_token()}"
    asked = person.client.get(link).text
    assert ("Evet, bu haberleri" if not prefix else "Yes, I want") in asked
    assert ("Haftada bir özet" if not prefix else "One summary a week") in asked
    done = person.client.post(link)
    assert ("Aboneliğiniz başladı" if not prefix else "has started") in done.text
    assert ("pazartesi sabahı" if not prefix else "Monday morning") in done.text
    with runtime.db.read() as session:
        rows = session.scalars(select(Subscription)).all()
        assert {row.frequency for row in rows} == {Frequency.WEEKLY}
        assert {row.is_local_only for row in rows} == {False}
        assert len(rows) == 2
        assert session.scalars(select(Destination)).one().language == ("en" if prefix else "tr")
        acts = session.scalars(select(Consent).order_by(Consent.id)).all()
    assert [(row.act, row.origin) for row in acts] == [
        (ConsentAct.ASKED, "web"),
        (ConsentAct.CONFIRMED, "web"),
    ]


@pytest.mark.parametrize(
    ("places", "city_news", "is_local_only"),
    [("konak", "yes", False), ("konak", "", True), ("all", "", False)],
)
def test_news_of_the_whole_city_comes_with_a_district_unless_it_is_not_wanted(
    runtime: Runtime,
    person: Person,
    confirm_token: Callable[[], str],
    places: str,
    city_news: str,
    is_local_only: bool,
) -> None:
    person.sign_up("ayse@example.com", places=places, city_news=city_news)
    person.client.post(f"/confirm/{confirm_token()}")
    with runtime.db.read() as session:
        assert session.scalars(select(Subscription)).one().is_local_only is is_local_only


def test_the_switch_for_news_of_the_whole_city_is_on_from_the_beginning(person: Person) -> None:
    page = person.send(person.open("/subscribe"), topics="all")
    assert re.search(r'name="city_news" value="yes" id="city-news" checked', page.text)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"email": "", "consent": "yes"}, "E-posta adresinizi yazın"),
        ({"email": "ayse", "consent": "yes"}, "ad@ornek.com"),
        ({"email": "ayse@example.com\r\nBcc: x@example.com", "consent": "yes"}, "ad@ornek.com"),
        ({"email": "a" * 5000 + "@example.com", "consent": "yes"}, "ad@ornek.com"),
        ({"email": "ayse@example.com"}, "Rıza vermek için"),
    ],
)
def test_a_bad_address_page_comes_back_with_a_summary(
    runtime: Runtime, person: Person, answers: dict[str, str], says: str
) -> None:
    page = person.send(person.choose(), **answers)
    assert "<title>Hata: " in page.text
    assert says in page.text
    assert re.search(r'<a href="#(email|consent)">', page.text)
    assert count(runtime, Notification) == 0


def test_every_question_wants_an_answer_and_its_summary_leads_to_it(person: Person) -> None:
    page = person.open("/subscribe")
    for says, answer in (
        ("En az bir konu seçin", {"topics": "spor"}),
        ("En az bir ilçe", {"places": "konak"}),
        ("Ne sıklıkla olacağını seçin", {"frequency": "daily"}),
        ("Haberlerin size nasıl ulaşacağını seçin", {"way": "email"}),
    ):
        page = person.send(page)
        link = re.search(rf'<a href="#([\w-]+)">{says}', page.text)
        assert link, says
        assert f'id="{link[1]}"' in page.text
        assert "<title>Hata: " in page.text
        page = person.send(page, **answer)
    assert 'id="email"' in page.text


@pytest.mark.parametrize(
    "answers", [{"frequency": "hourly", "step": "often"}, {"way": "pigeon", "step": "how"}]
)
def test_an_answer_that_was_not_offered_is_none(person: Person, answers: dict[str, str]) -> None:
    assert "<title>Hata: " in person.send(person.open("/subscribe"), **answers).text


def test_back_keeps_the_answers(person: Person) -> None:
    page = person.choose(topics="spor", places="konak", frequency="daily", city_news="")
    page = person.send(page, email="ayse@example", go="how")
    assert re.search(r'value="email" id="how-email" checked', page.text)
    page = person.send(page, way="email", go="often")
    assert re.search(r'value="daily" id="often-daily" checked', page.text)
    page = person.send(page, frequency="daily", go="places")
    assert re.search(r'value="konak" id="places-konak" checked', page.text)
    assert not re.search(r'id="city-news" checked', page.text)
    page = person.send(page, places="konak", go="topics")
    assert re.search(r'value="spor" id="topics-spor" checked', page.text)
    page = person.send(person.send(page, topics="spor"), places="konak")
    page = person.send(person.send(page, frequency="daily"), way="email")
    assert 'value="ayse@example"' in page.text


def test_a_change_of_one_answer_leads_back_to_all_of_them(person: Person) -> None:
    page = person.fill_in("ayse@example.com", topics="spor", places="konak")
    page = person.send(page, go="topics")
    assert re.search(r'id="topics-spor" checked', page.text)
    page = person.send(page, topics="ulasim")
    assert "Yanıtlarınızı denetleyin" in page.text
    assert "Ulaşım" in page.text
    page = person.send(person.send(page, go="places"), go="check")  # back, with nothing ticked
    assert "Yanıtlarınızı denetleyin" in page.text
    assert "Konak" in page.text


def test_a_topic_can_be_chosen_on_the_front_page(person: Person) -> None:
    page = person.open("/subscribe?topic=ulasim")
    assert re.search(r'value="ulasim" id="topics-ulasim" checked', page.text)


def test_consent_is_never_ticked_for_you(person: Person) -> None:
    assert not re.search(r'id="consent"[^>]*checked', person.choose().text)


@pytest.mark.parametrize("choices", ["", "forged", "eyJ0b3BpY3MiOltdfQ.x", "é" * 99])
@pytest.mark.parametrize("path", ["/subscribe", "/check-email"])
def test_forged_answers_start_again(
    runtime: Runtime, client: FlaskClient, choices: str, path: str
) -> None:
    form = {"choices": choices, "step": "address", "email": "a@example.com", "consent": "yes"}
    answer = client.post(path, data=form)
    assert (answer.status_code, answer.location) == (303, "/subscribe")
    assert count(runtime, Notification) == 0


def test_the_last_button_alone_asks_for_nothing(runtime: Runtime, person: Person) -> None:
    """Whoever sends the sealed answers of an earlier page gets to the question that is missing."""
    pages = [person.choose(), person.open("/subscribe")]
    for page in pages:
        sealed = re.search(r'name="choices" value="([^"]+)"', page.text)
        assert sealed
        form = {"choices": sealed[1], "consent": "yes", "email": "a@example.com"}
        answer = person.client.post("/check-email", data=form)
        assert "<title>Hata: " in answer.text
    assert count(runtime, Notification) == 0


def test_a_page_that_was_open_for_a_day_keeps_its_answers_and_asks_again(
    runtime: Runtime, person: Person, clock: Any
) -> None:
    page = person.fill_in("ayse@example.com", topics="spor")
    clock.advance(hours=25)
    again = person.finish(page)
    assert "bir günden uzun" in again.text
    assert re.search(r'id="topics-spor" checked', again.text)
    assert count(runtime, Notification) == 0
    page = person.send(person.send(again, topics="spor"), places="all", city_news="yes")
    page = person.send(person.send(page, frequency="instant"), way="email")
    assert not re.search(r'id="consent"[^>]*checked', page.text)
    assert (
        "E-postanıza bakın"
        in person.finish(person.send(page, email="a@b.example", consent="yes")).text
    )


def test_no_page_of_the_sign_up_needs_or_sets_a_cookie(
    runtime: Runtime, app: Any, person: Person
) -> None:
    somebody = type(person)(app.test_client(use_cookies=False))
    pages = [somebody.open("/subscribe"), somebody.fill_in("ayse@example.com")]
    pages.append(somebody.finish(pages[1]))
    pages.append(somebody.finish(pages[2], again="yes"))
    assert all("Set-Cookie" not in page.headers for page in pages)
    assert all(page.headers["Cache-Control"] == "private, no-store" for page in pages)
    assert "Yeni bir bağlantı istedik" in pages[3].text
    assert count(runtime, Notification) == 2


def test_resending_is_possible_and_only_the_newest_link_lives(
    person: Person, confirm_token: Callable[[], str]
) -> None:
    page = person.sign_up("ayse@example.com")
    old = confirm_token()
    assert person.finish(page, again="yes").status_code == 200
    assert person.client.post(f"/confirm/{old}").status_code == 410
    assert person.client.post(f"/confirm/{confirm_token()}").status_code == 200


def test_the_address_can_be_corrected_after_it_was_sent(person: Person) -> None:
    page = person.sign_up("ayse@example.com", topics="spor")
    forms = re.findall(r'name="choices" value="([^"]+)"', page.text)
    page = person.client.post(
        "/subscribe", data={"choices": forms[1], "step": "check", "go": "address"}
    )
    assert 'value="ayse@example.com"' in page.text
    page = person.send(page, email="ayse@example.org", consent="yes")
    assert "ayse@example.org" in page.text
    assert "Spor" in page.text


def test_whoever_loads_the_last_page_again_sends_nothing(runtime: Runtime, person: Person) -> None:
    person.sign_up("ayse@example.com")
    page = person.open("/check-email")
    assert "E-postanıza bakın" in page.text
    assert "ayse" not in page.text
    assert count(runtime, Notification) == 1
