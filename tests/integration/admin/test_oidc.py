"""Signing in through the city, against a small issuer on this machine with real keys."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from apiflask import APIFlask
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.admin.accounts import add_staff, make_break_glass, role_names
from service.app import create_app
from service.models import AuditEntry, Staff
from service.runtime import Runtime
from service.settings import Settings
from tests import staff
from tests.integration.admin.conftest import Browser
from tests.staff import PASSWORD

CLIENT, SECRET = "tellal", "a secret: with / signs"
EMAIL = "ayse@example.com"
KEY = RSAKey.generate_key(2048, {"kid": "1"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "1"})


class Issuer:
    """What it says, and what it was asked. `claims` go into the next ID token."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.key, self.algorithm = KEY, "RS256"
        self.challenge = ""
        self.asked: list[dict[str, str]] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.answer(self, issuer.about(urlsplit(self.path).path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                issuer.asked.append({**form, "login": self.headers.get("Authorization", "")})
                issuer.answer(self, issuer.token(form))

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @staticmethod
    def answer(handler: BaseHTTPRequestHandler, found: dict[str, Any] | None) -> None:
        handler.send_response(200 if found else 400)
        handler.end_headers()
        handler.wfile.write(json.dumps(found or {"error": "invalid_grant"}).encode())

    def about(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return {"keys": [KEY.as_dict(private=False)]}
        names = {"authorization_endpoint": "login", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.url, **{name: f"{self.url}/{at}" for name, at in names.items()}}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge:
            return None
        header = {"alg": self.algorithm, "kid": "1"}
        signed = jwt.encode(header, self.claims, self.key, algorithms=[self.algorithm])
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


@pytest.fixture
def app(settings: Settings, issuer: Issuer, redis_url: str) -> Iterator[APIFlask]:
    """The service, with this issuer."""
    values = {
        "oidc_issuer": issuer.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": type(settings.secret_key)(SECRET),
        "oidc_roles": (("press, city=izmir", "editor"), ("it", "administrator")),
    }
    app = create_app(settings.model_copy(update=values))
    app.testing = True
    yield app
    app.extensions["tellal"].close()


def begin(browser: Browser, issuer: Issuer, path: str = "/staff/oidc") -> dict[str, str]:
    """To the issuer's page; what the browser was sent there with."""
    away = urlsplit(browser.get(path).location)
    assert f"{away.scheme}://{away.netloc}{away.path}" == f"{issuer.url}/login"
    asked = {name: values[0] for name, values in parse_qs(away.query).items()}
    issuer.challenge = asked["code_challenge"]
    issuer.claims = {
        "iss": issuer.url,
        "sub": "42",
        "aud": CLIENT,
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
        "auth_time": int(time.time()),
        "nonce": asked["nonce"],
        "email": EMAIL,
        "email_verified": True,
        "groups": ["press, city=izmir", "choir"],
    }
    return asked


def come_back(browser: Browser, state: str, code: str = "a-code") -> TestResponse:
    return browser.get(f"/staff/oidc/callback?state={state}&code={code}")


def test_a_first_sign_in_makes_the_account(
    runtime: Runtime, issuer: Issuer, browser: Browser
) -> None:
    asked = begin(browser, issuer, "/staff/oidc?next=/staff/channels")
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"].endswith("/staff/oidc/callback")
    assert "openid" in asked["scope"]
    assert come_back(browser, asked["state"]).location == "/staff/channels"
    assert browser.get("/staff/me").status_code == 200
    login = base64.b64decode(issuer.asked[0]["login"].removeprefix("Basic ")).decode()
    assert login == "tellal:a%20secret%3A%20with%20%2F%20signs"
    with runtime.db.read() as session:
        (row,) = session.scalars(select(Staff)).all()
        assert (row.email, row.password, role_names(row)) == (EMAIL, None, ["editor"])
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["staff.add", "staff.sign-in"]


def test_roles_are_renewed_at_each_sign_in(
    app: APIFlask, runtime: Runtime, issuer: Issuer, browser: Browser
) -> None:
    come_back(browser, begin(browser, issuer)["state"])
    other = Browser(app.test_client())
    state = begin(other, issuer)["state"]
    issuer.claims["groups"], issuer.claims["email"] = "it", "new-name@example.com"
    come_back(other, state)
    with runtime.db.read() as session:
        (row,) = session.scalars(select(Staff)).all()
        assert (row.email, role_names(row)) == (EMAIL, ["administrator"])
    third = Browser(app.test_client())
    come_back(third, begin(third, issuer)["state"])
    with runtime.db.read() as session:  # the last administrator stays one
        assert role_names(session.scalars(select(Staff)).one()) == ["editor", "administrator"]


WRONG = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "audience": {"aud": "somebody-else"},
    "two audiences, meant for the other": {"aud": [CLIENT, "else"], "azp": "else"},
    "issuer": {"iss": "https://evil.example"},
    "expired": {"exp": 1_700_000_000, "iat": 1_699_999_000},
    "no subject": {"sub": None},
    "no group": {"groups": ["choir"]},
    "groups of another kind": {"groups": {"it": True}},
    "address not verified": {"email_verified": False},
    "verified in words": {"email_verified": "true"},
    "no address": {"email": None},
    "a name too long": {"sub": "x" * 300},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_opens_nothing(
    runtime: Runtime, issuer: Issuer, browser: Browser, name: str
) -> None:
    state = begin(browser, issuer)["state"]
    changed = {**issuer.claims, **WRONG[name]}
    issuer.claims = {key: value for key, value in changed.items() if value is not None}
    answer = come_back(browser, state)
    assert answer.status_code == 403
    assert "Giriş yapmadınız" in answer.text
    assert browser.get("/staff/").status_code == 302
    with runtime.db.read() as session:
        assert session.scalars(select(Staff)).all() == []


def test_a_token_that_somebody_else_signed_opens_nothing(issuer: Issuer, browser: Browser) -> None:
    state = begin(browser, issuer)["state"]
    issuer.key = OTHER_KEY
    assert come_back(browser, state).status_code == 403


def test_no_group_is_said_in_a_clear_sentence(issuer: Issuer, browser: Browser) -> None:
    state = begin(browser, issuer, "/staff/oidc")["state"]
    issuer.claims["groups"] = []
    assert "Gruplarınızdan hiçbiri Tellal kullanamaz" in come_back(browser, state).text


def test_a_state_counts_once_and_in_its_own_browser(
    app: APIFlask, issuer: Issuer, browser: Browser
) -> None:
    state = begin(browser, issuer)["state"]
    stranger = Browser(app.test_client())
    assert come_back(stranger, state).status_code == 400
    assert come_back(browser, "another").status_code == 400
    assert come_back(browser, state).status_code == 400  # the try before it used it up
    state = begin(browser, issuer)["state"]
    assert come_back(browser, state).status_code == 302
    assert come_back(browser, state).status_code == 400


def test_a_code_of_another_sign_in_is_refused(issuer: Issuer, browser: Browser) -> None:
    """PKCE: the issuer gives nothing for a code without the verifier that belongs to it."""
    state = begin(browser, issuer)["state"]
    issuer.challenge = "of-another"
    assert come_back(browser, state).status_code == 403


def test_a_claim_takes_no_local_account_over(
    app: APIFlask, runtime: Runtime, issuer: Issuer, browser: Browser
) -> None:
    staff.add(app, runtime, EMAIL, "administrator")
    answer = come_back(browser, begin(browser, issuer)["state"])
    assert answer.status_code == 403
    assert "zaten bir hesap var" in answer.text


def test_a_password_opens_the_account_for_emergencies_alone(
    app: APIFlask, runtime: Runtime, browser: Browser
) -> None:
    number = staff.add(app, runtime, "acil@tellal.example")
    assert browser.sign_in("acil@tellal.example").status_code == 200
    with runtime.db.write() as session:
        make_break_glass(session, session.get_one(Staff, number))
    assert browser.sign_in("acil@tellal.example").location == "/staff/"


def test_an_old_proof_at_the_issuer_is_asked_for_anew(issuer: Issuer, browser: Browser) -> None:
    state = begin(browser, issuer)["state"]
    issuer.claims["auth_time"] -= 3600
    come_back(browser, state)
    asking = browser.get("/staff/api-keys/new").location
    assert asking == "/staff/confirm?next=/staff/api-keys/new"
    assert "/staff/oidc?next=/staff/api-keys/new&amp;again=1" in browser.get(asking).text
    asked = begin(browser, issuer, "/staff/oidc?next=/staff/api-keys/new&again=1")
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert come_back(browser, asked["state"]).location == "/staff/api-keys/new"
    assert browser.get("/staff/api-keys/new").status_code == 200


def test_an_issuer_that_is_away_is_said(issuer: Issuer, browser: Browser) -> None:
    issuer.server.shutdown()
    issuer.server.server_close()
    answer = browser.get("/staff/oidc")
    assert answer.status_code == 503
    assert "yanıt vermiyor" in answer.text


def test_without_an_issuer_there_is_no_such_page(settings: Settings, runtime: Runtime) -> None:
    app = create_app(settings)
    with app.app_context(), runtime.db.write() as session:
        add_staff(session, EMAIL, PASSWORD, ["viewer"])
    client = app.test_client()
    assert client.get("/staff/oidc").status_code == 404
    assert client.get("/staff/oidc/callback?state=x").status_code == 404
    app.extensions["tellal"].close()
