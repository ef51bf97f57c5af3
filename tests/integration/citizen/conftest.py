"""A person with a browser, a mailbox to look into, and articles to read about."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.models import Destination, Notification, Subscription
from service.runtime import Runtime

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
        hidden = {name: html.unescape(value) for name, value in FIELD.findall(page.text)}
        return self.client.post(
            self.prefix + "/subscribe", data={**hidden, "go": "next", **answers}
        )

    def sign_up(self, address: str, topics: str = "all", places: str = "all") -> TestResponse:
        """Walk through the whole sign-up, to the redirect at its end."""
        page = self.open("/subscribe")
        page = self.send(page, topics=topics)
        page = self.send(page, places=places)
        return self.send(page, email=address, consent="yes")


@pytest.fixture
def person(client: FlaskClient) -> Person:
    return Person(client)


@pytest.fixture
def confirm_token(runtime: Runtime) -> Callable[[], str]:
    """The token of the newest confirmation mail."""

    def find() -> str:
        with runtime.db.read() as session:
            rows = session.scalars(select(Notification).order_by(Notification.id.desc()))
            payload = next(row.payload for row in rows if row.payload["template"] == "confirm")
        return runtime.vault.token("confirm", payload["token_id"])

    return find


@pytest.fixture
def unsubscribe_token(runtime: Runtime, person: Person, confirm_token: Callable[[], str]) -> str:
    """A link from a mail to somebody who is subscribed to two topics."""
    page = person.send(person.open("/subscribe"), topics=["ulasim", "iklim-cevre"])
    person.send(person.send(page, places="all"), email="ayse@example.com", consent="yes")
    person.client.post(f"/confirm/{confirm_token()}")
    with runtime.db.read() as session:
        destination = session.scalars(select(Destination)).one()
        first = session.scalars(select(Subscription).order_by(Subscription.id)).first()
    assert first is not None
    return runtime.vault.token("unsubscribe", 5, destination.id, first.id)
