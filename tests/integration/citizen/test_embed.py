"""The sign-up form for other sites: it opens our page of checked answers, and sends nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from service.models import Consent, Notification, Subscription
from service.runtime import Runtime

Person = Any
FOREIGN = {"Origin": "https://belediye.example", "Sec-Fetch-Site": "cross-site"}


def count(runtime: Runtime, model: type) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def foreign(app: APIFlask, person: Person) -> Person:
    """Somebody on another site, whose browser blocks cookies."""
    return type(person)(app.test_client(use_cookies=False))


def snippet(page: str) -> str:
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.S)
    return html.unescape(found[1]) if found else ""


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_form_to_copy_leads_through_the_whole_journey(
    runtime: Runtime, foreign: Person, confirm_token: Callable[[], str], prefix: str
) -> None:
    form = snippet(foreign.client.get(f"{prefix}/embed?topics=spor&topics=ulasim&topics=x").text)
    assert "<script" not in form + "<iframe"
    action = re.search(r'<form method="post" action="http://localhost:8080([^"]+)"', form)
    assert action
    assert action[1] == f"{prefix}/embed"
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', form)
    assert fields == [("topics", "ulasim"), ("topics", "spor")]
    sent = {"topics": ["ulasim", "spor"], "email": "ayse@example.com"}
    page = foreign.client.post(action[1], data=sent, headers=FOREIGN)
    assert page.status_code == 200
    assert "ayse@example.com" in page.text
    assert ("Spor" if not prefix else "Sports") in page.text
    assert not re.search(r'id="consent"[^>]*checked', page.text)
    assert count(runtime, Notification) == 0
    refused = foreign.finish(page)
    assert ("<title>Hata: " if not prefix else "<title>Error: ") in refused.text
    assert count(runtime, Notification) == 0
    end = foreign.finish(refused, consent="yes")
    assert "ayse@example.com" in end.text
    assert not any("Set-Cookie" in answer.headers for answer in (page, refused, end))
    foreign.client.post(f"{prefix}/confirm/{confirm_token()}")
    assert count(runtime, Subscription) == 2
    with runtime.db.read() as session:
        assert session.scalars(select(Consent.origin)).all() == ["embed", "embed"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "topics-all"),
        ({"topics": "no-such-topic", "email": "a@example.com"}, "topics-all"),
        ({"topics": "all"}, "email"),
        ({"topics": "all", "email": "ayse"}, "email"),
        ({"topics": "all", "places": "atlantis", "email": "a@example.com"}, "places-all"),
    ],
)
def test_what_a_foreign_form_lacks_is_asked(
    runtime: Runtime, foreign: Person, sent: dict[str, str], field: str
) -> None:
    page = foreign.client.post("/embed", data=sent, headers=FOREIGN)
    assert f'id="{field}"' in page.text
    assert ("<title>Hata: " in page.text) is (sent.get("email") == "ayse")
    assert count(runtime, Notification) == 0


def test_a_foreign_form_cannot_answer_for_consent_or_send(
    runtime: Runtime, foreign: Person
) -> None:
    sent = {"topics": "all", "email": "a@example.com", "consent": "yes", "go": "next", "again": "1"}
    page = foreign.client.post("/embed", data=sent, headers=FOREIGN)
    assert re.search(r'id="consent"', page.text)
    assert count(runtime, Notification) == 0
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_a_corrected_answer_leads_to_the_page_with_the_consent(foreign: Person) -> None:
    page = foreign.client.post("/embed", data={"topics": "all", "email": "a@example.com"})
    page = foreign.send(page, go="often")
    page = foreign.send(page, frequency="daily")
    assert "Günde bir özet" in page.text
    assert 'id="consent"' in page.text


def test_foreign_forms_are_limited_by_client(client: FlaskClient) -> None:
    codes = {client.post("/embed", data={"topics": "all"}).status_code for _ in range(101)}
    assert codes == {200, 429}


def test_the_page_for_webmasters_is_public_and_makes_no_empty_form(client: FlaskClient) -> None:
    page = client.get("/embed")
    assert page.headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in page.headers
    assert snippet(page.text) == snippet(client.get("/embed?topics=<b>").text) == ""
    assert 'name="topics" value="all"' in snippet(client.get("/embed?topics=all").text)
