"""A person with a browser, a mailbox to look into, and articles to read about."""

from __future__ import annotations

import html
import io
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service import logs
from service.models import Delivery, Destination, Notification, NotificationKind, Subscription
from service.runtime import Runtime

FORM = re.compile(r'<form(?: id="\w+")? method="post" action="([^"]+)".*?</form>', re.S)
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@dataclass
class Person:
    """Fills in forms as a browser without JavaScript does."""

    client: FlaskClient
    prefix: str = ""

    def open(self, path: str) -> TestResponse:
        return self.client.get(self.prefix + path)

    def send(self, page: TestResponse, **answers: str | list[str]) -> TestResponse:
        """Send the first form of a page with its hidden fields and these answers."""
        form = FORM.search(page.text)
        assert form, page.text
        hidden = {name: html.unescape(value) for name, value in FIELD.findall(form[0])}
        return self.client.post(form[1], data={**hidden, "go": "next", **answers})

    def finish(self, page: TestResponse, **answers: str) -> TestResponse:
        """Press the button below the checked answers, or that which sends the link once more."""
        form = next(f for f in FORM.finditer(page.text) if f[1].endswith("/check-email"))
        hidden = {name: html.unescape(value) for name, value in FIELD.findall(form[0])}
        return self.client.post(form[1], data={**hidden, **answers})

    def choose(
        self,
        topics: str | list[str] = "all",
        places: str | list[str] = "all",
        frequency: str = "instant",
        way: str = "email",
        **more: str,
    ) -> TestResponse:
        """Answer all questions but for the address."""
        page = self.send(self.open("/subscribe"), topics=topics)
        page = self.send(page, places=places, **{"city_news": "yes", **more})
        return self.send(self.send(page, frequency=frequency), way=way)

    def fill_in(self, address: str, **choices: Any) -> TestResponse:
        """Walk through all questions, to the page where they are checked."""
        return self.send(self.choose(**choices), email=address, consent="yes")

    def sign_up(self, address: str, **choices: Any) -> TestResponse:
        """Walk through the whole sign-up, to "check your email"."""
        return self.finish(self.fill_in(address, **choices))


@pytest.fixture
def person(client: FlaskClient) -> Person:
    return Person(client)


@pytest.fixture
def confirm_token(runtime: Runtime) -> Callable[[], str]:
    """The token of the newest confirmation mail."""

    def find() -> str:
        with runtime.db.read() as session:
            rows = session.scalars(select(Notification).order_by(Notification.id.desc()))
            payload = next(row.payload for row in rows if row.payload.get("template") == "confirm")
        return runtime.vault.token("confirm", payload["token_id"])

    return find


@pytest.fixture
def unsubscribe_token(runtime: Runtime, person: Person, confirm_token: Callable[[], str]) -> str:
    """A link from a mail to somebody who is subscribed to two topics."""
    person.sign_up("ayse@example.com", topics=["ulasim", "iklim-cevre"])
    person.client.post(f"/confirm/{confirm_token()}")
    with runtime.db.read() as session:
        destination = session.scalars(select(Destination)).one()
        first = session.scalars(select(Subscription).order_by(Subscription.id)).first()
    assert first is not None
    return runtime.vault.token("unsubscribe", 5, destination.id, first.id)


@dataclass
class Resident:
    """Somebody with subscriptions, a browser and a mailbox."""

    client: FlaskClient
    runtime: Runtime
    id: int
    prefix: str = ""

    def open(self, path: str) -> TestResponse:
        return self.client.get(self.prefix + path)

    def send(self, page: str, to: str = "", **answers: str | list[str]) -> TestResponse:
        """Open a page and send a form of its with these answers, to another address if it says."""
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.open(page).text)
        assert token, page
        data = {"csrf_token": token[1], **answers}
        return self.client.post(self.prefix + (to or page), data=data)

    def sign_in(self) -> TestResponse:
        """Ask for a link, and use it."""
        with self.runtime.db.read() as session:
            address = session.get_one(Destination, self.id).address
        assert self.send("/sign-in", email=address).status_code == 303
        return self.send(f"/sign-in/{self.link('sign_in', 'sign-in')}")

    def link(self, template: str, purpose: str) -> str:
        """The token in the newest letter of a kind."""
        with self.runtime.db.read() as session:
            rows = session.scalars(select(Notification).order_by(Notification.id.desc()))
            payload = next(row.payload for row in rows if row.payload.get("template") == template)
        return self.runtime.vault.token(purpose, payload["token_id"])

    def live(self) -> list[Subscription]:
        with self.runtime.db.read() as session:
            return list(
                session.scalars(
                    select(Subscription)
                    .where(Subscription.destination_id == self.id)
                    .where(Subscription.ended_at.is_(None))
                    .order_by(Subscription.id)
                )
            )


@pytest.fixture
def resident(runtime: Runtime, client: FlaskClient, town: Any) -> Resident:
    """Reads of transport in Konak and Bornova, and of sport; signed in."""
    number = town.reader("ulasim", "konak", address="ayse@example.com")
    town.subscribe(number, "ulasim", "bornova")
    town.subscribe(number, "spor")
    found = Resident(client, runtime, number)
    assert found.sign_in().status_code == 303
    return found


@pytest.fixture
def templates(runtime: Runtime) -> Callable[[], list[tuple[str, int]]]:
    """The service's letters so far: which one, and to which destination."""

    def find() -> list[tuple[str, int]]:
        with runtime.db.read() as session:
            rows = session.execute(
                select(Notification.payload, Delivery.destination_id)
                .join(Delivery, Delivery.notification_id == Notification.id)
                .where(Notification.kind == NotificationKind.SERVICE)
                .order_by(Notification.id)
            )
            return [(payload["template"], destination) for payload, destination in rows]

    return find


@pytest.fixture
def said(runtime: Runtime) -> Iterator[Callable[[], str]]:
    """All lines of the log since the test began."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("DEBUG")
    stream = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream.getvalue
    root.handlers[:] = handlers
    root.setLevel(level)
