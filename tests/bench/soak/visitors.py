"""Citizens who sign up, confirm, and leave by one click, through the web server, one by one.

What their letters hold, the links to confirm and to leave, is signed by the city's own keys here
instead of being read from the sink.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, cast

import requests
from flask.testing import FlaskClient
from sqlalchemy import select

from service.models import Destination, OneTimeToken, Subscription, TokenPurpose
from tests.chaos.city import City
from tests.chaos.door import TOPIC
from tests.integration.citizen.conftest import Person

TIMEOUT_S = 20
PEOPLE = 500  # who come again in turn, and NETWORKS that they come from: within each one's limits
NETWORKS = 100
LIVE = 20  # visitors who are subscribed at once; then the first of them leaves


class Browser:
    """As much of a test client as `Person` uses, over HTTP."""

    def __init__(self, url: str, comes_from: str) -> None:
        self._url, self._session = url, requests.Session()
        self._session.headers["X-Forwarded-For"] = comes_from

    def get(self, path: str) -> requests.Response:
        return self._session.get(self._url + path, timeout=TIMEOUT_S)

    def post(self, path: str, data: dict[str, Any] | None = None) -> requests.Response:
        headers = {"Origin": self._url}
        return self._session.post(self._url + path, data=data, headers=headers, timeout=TIMEOUT_S)

    def close(self) -> None:
        self._session.close()


class Visitors(threading.Thread):
    """One comes every so many seconds, until told to stop; `trouble` says what went wrong."""

    def __init__(self, city: City, every_s: float) -> None:
        super().__init__(name="visitors", daemon=True)
        self._city, self._every_s, self._over = city, every_s, threading.Event()
        self._live: deque[str] = deque()
        self.came = self.left = self._browsers = 0
        self.trouble: list[str] = []

    def run(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._come()
                if len(self._live) > LIVE:
                    self._leave(self._live.popleft())
            except (OSError, AssertionError, StopIteration) as error:
                self.trouble.append(f"{type(error).__name__}: {error}"[:300])

    def stop(self) -> None:
        self._over.set()
        self.join(60)

    def _come(self) -> None:
        address = f"visitor{(self.came + len(self.trouble)) % PEOPLE}@tellal.example"
        browser = Browser(self._city.url, self._whence())
        try:
            Person(cast(FlaskClient, browser)).sign_up(address, topics=[TOPIC])
            token = self._city.vault.token("confirm", self._token_of(address))
            answer = browser.post(f"/confirm/{token}")
            assert answer.status_code == 200, f"confirming answers {answer.status_code}"
        finally:
            browser.close()
        self._live.append(address)
        self.came += 1

    def _whence(self) -> str:
        """One browser after the other comes from another network (RFC 2544's range)."""
        self._browsers += 1
        return f"198.18.0.{self._browsers % NETWORKS + 1}"

    def _token_of(self, address: str) -> int:
        with self._city.db.read() as session:
            found = session.scalars(
                select(OneTimeToken.id)
                .join(Destination, Destination.id == OneTimeToken.destination_id)
                .where(Destination.address == address, OneTimeToken.purpose == TokenPurpose.CONFIRM)
                .order_by(OneTimeToken.id.desc())
            ).first()
        assert found is not None, "a sign-up has left no link to confirm"
        return found

    def _leave(self, address: str) -> None:
        with self._city.db.read() as session:
            destination, subscription = session.execute(
                select(Destination.id, Subscription.id)
                .join(Subscription, Subscription.destination_id == Destination.id)
                .where(Destination.address == address, Subscription.ended_at.is_(None))
            ).one()
        token = self._city.vault.token("unsubscribe", 1, destination, subscription)
        browser = Browser(self._city.url, self._whence())
        try:
            answer = browser.post(f"/u/{token}", {"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200, f"leaving answers {answer.status_code}"
        finally:
            browser.close()
        self.left += 1
