"""Staff with different roles, each signed in with a browser of their own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.admin.accounts import add_staff
from service.runtime import Runtime

PASSWORD = "uzun bir parola 1"


def csrf_of(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


class Browser:
    """A browser that sends each form with the token of the page before it."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, start: str = "/staff/", **answers: str | list[str]) -> TestResponse:
        token = csrf_of(self.client.get(start))
        return self.client.post(path, data={"csrf_token": token, **answers})

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/staff/login", "/staff/login", email=email, password=password)


@pytest.fixture
def accounts(app: APIFlask, runtime: Runtime) -> dict[str, str]:
    """One account for each role that tests need."""
    roles = {"administrator", "channel-manager", "viewer"}
    with app.app_context(), runtime.db.write() as session:
        for role in roles:
            add_staff(session, f"{role}@tellal.example", PASSWORD, [role])
    return {role: f"{role}@tellal.example" for role in roles}


@pytest.fixture
def browser(app: APIFlask) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def signed_in(app: APIFlask, accounts: dict[str, str]) -> Callable[[str], Browser]:
    """Sign in as a role."""

    def enter(role: str) -> Browser:
        browser = Browser(app.test_client())
        answer = browser.sign_in(accounts[role])
        assert answer.status_code == 302, answer.text
        return browser

    return enter
