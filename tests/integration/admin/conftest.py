"""Staff with different roles, each signed in with a browser of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.admin.keys import PURPOSE
from service.admin.powers import Power
from service.db import utcnow
from service.models import ApiKey, Staff
from service.models.staff import ROLES
from service.runtime import Runtime
from tests import staff
from tests.staff import PASSWORD


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
        """With the second factor, where the password leads to it; the answer to the last form."""
        door = "/staff/login"
        answer = self.post(door, door, email=email, password=password)
        if answer.status_code == 302 and answer.location == "/staff/code":
            code = staff.code(self.client.application.extensions["tellal"], email)
            return self.post("/staff/code", "/staff/code", code=code)
        return answer


@pytest.fixture
def accounts(app: APIFlask, runtime: Runtime) -> dict[str, str]:
    """One account for each role, each with a second factor."""
    for role in ROLES:
        staff.add(app, runtime, f"{role}@tellal.example", role)
    return {role: f"{role}@tellal.example" for role in ROLES}


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


class Program:
    """A program that shows its key."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self.client, self.headers = client, {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers={**self.headers, **headers})

    def send(
        self, path: str, body: Any = None, method: str = "POST", **headers: str
    ) -> TestResponse:
        """Send JSON; headers by name, with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body)
        return self.client.open(
            path,
            method=method,
            data=data,
            content_type="application/json",
            headers={**self.headers, **named},
        )


@pytest.fixture
def program(app: APIFlask, runtime: Runtime, accounts: dict[str, str]) -> Callable[..., Program]:
    """A program with a key of somebody with this role, with some or all of their powers."""

    def enter(role: str = "administrator", *powers: Power) -> Program:
        secret = f"tlk_{role}_{'_'.join(powers)}"
        with runtime.db.write() as session:
            person = session.scalars(select(Staff).where(Staff.email == accounts[role])).one()
            session.add(
                ApiKey(
                    staff_id=person.id,
                    name="Deneme",
                    prefix=secret[:12],
                    key_hash=runtime.vault.keyed_hash(PURPOSE, secret),
                    powers=sorted(powers or Power),
                    expires_at=utcnow() + timedelta(days=1),
                )
            )
        return Program(app.test_client(), secret)

    return enter
