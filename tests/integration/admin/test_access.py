"""Who may enter: a walk through the URL map, and the sign-in itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select

from service.admin.accounts import AccountError, add_staff
from service.admin.powers import POWERS, Power, roles_with
from service.models import AuditEntry, Staff
from service.runtime import Runtime
from tests import staff
from tests.integration.admin.conftest import csrf_of
from tests.staff import PASSWORD

Browser = Any
# The door itself and the steps behind it, which test_sign_in.py and test_oidc.py try.
STEPS = ("login", "code", "set-up", "first", "oidc", "oidc/callback")
OPEN = {f"{prefix}/staff/{step}" for prefix in ("", "/en") for step in STEPS}
# Signing out does nothing for somebody who is not signed in.
HARMLESS = {"/staff/logout"}


def staff_rules(app: APIFlask) -> list[tuple[str, str, str]]:
    """Every rule of the staff's pages, each method apart: (path, method, endpoint)."""
    found = []
    for rule in app.url_map.iter_rules():
        if "/staff" in rule.rule and rule.rule not in OPEN | HARMLESS:
            path = rule.rule
            for argument in rule.arguments:
                path = path.replace(f"<int:{argument}>", "1")
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            found += [(path, method, rule.endpoint) for method in methods]
    return found


def test_every_staff_route_wants_a_sign_in_and_names_its_power(
    app: APIFlask, client: FlaskClient
) -> None:
    rules = staff_rules(app)
    assert len(rules) >= 18
    for path, method, endpoint in rules:
        assert "<" not in path, path
        power = getattr(app.view_functions[endpoint], "power", None)
        assert isinstance(power, Power), endpoint
        assert "administrator" in roles_with(power)
        answer = client.open(path, method=method)
        if method == "GET":
            assert answer.status_code == 302, path
            assert "/staff/login?next=" in answer.location, path
        else:  # without a token the form is not even looked at
            assert answer.status_code == 400, path


def test_every_change_wants_a_csrf_token(
    app: APIFlask, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("administrator")
    for path, method, _ in staff_rules(app):
        if method != "GET":
            assert browser.client.open(path, method=method).status_code == 400, path


def api_rules(app: APIFlask) -> list[tuple[str, str, str]]:
    """Every route of the staff's API, each method apart: (path, method, endpoint)."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1/admin"):
            path = re.sub(r"<[^>]*>", "1", rule.rule)
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            found += [(path, method, rule.endpoint) for method in methods]
    return found


def test_every_route_of_the_api_wants_a_key_and_names_its_power(
    app: APIFlask, client: FlaskClient
) -> None:
    rules = api_rules(app)
    assert len(rules) >= 4
    for number, (path, method, endpoint) in enumerate(rules):
        assert isinstance(getattr(app.view_functions[endpoint], "api_power", None), Power), endpoint
        somewhere = {"REMOTE_ADDR": f"192.0.2.{number}"}  # who guesses often is refused: see below
        for headers in ({}, {"Authorization": "Bearer tlk_none"}, {"Authorization": "Basic eDp5"}):
            answer = client.open(path, method=method, headers=headers, environ_overrides=somewhere)
            assert answer.status_code == 401, path
            assert answer.mimetype == "application/problem+json"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_who_guesses_keys_is_refused(client: FlaskClient) -> None:
    guesses = [{"Authorization": f"Bearer tlk_{number}"} for number in range(31)]
    codes = [client.get("/v1/admin/channels", headers=one).status_code for one in guesses]
    assert codes == [401] * 30 + [429]


@pytest.mark.parametrize("role", sorted(POWERS))
def test_what_a_role_may_not_do_is_refused(
    app: APIFlask,
    signed_in: Callable[[str], Browser],
    program: Callable[..., Any],
    role: str,
) -> None:
    browser, key = signed_in(role), program(role)
    token = csrf_of(browser.get("/staff/"))
    for path, method, endpoint in staff_rules(app):
        if app.view_functions[endpoint].power not in POWERS[role]:
            answer = browser.client.open(path, method=method, data={"csrf_token": token})
            assert answer.status_code == 403, path
    for path, method, endpoint in api_rules(app):
        if app.view_functions[endpoint].power not in POWERS[role]:
            answer = key.client.open(path, method=method, headers=key.headers)
            assert (answer.status_code, answer.json["title"]) == (403, "Forbidden"), path


def test_a_key_never_has_more_powers_than_it_was_given(program: Callable[..., Any]) -> None:
    key = program("administrator", Power.SEE)
    assert key.get("/v1/admin/channels").status_code == 200
    assert key.send("/v1/admin/channels/1/resume").status_code == 403


def test_a_viewer_sees_but_does_not_act(signed_in: Callable[[str], Browser]) -> None:
    viewer = signed_in("viewer")
    assert viewer.get("/staff/").status_code == 200
    page = viewer.get("/staff/channels")
    assert page.status_code == 200
    assert "Kanal ekle" not in page.text
    for path in ("/staff/channels", "/staff/channels/1/test", "/staff/channels/1/pause"):
        refused = viewer.post(path)
        assert refused.status_code == 403
        assert "Buna yetkiniz yok" in refused.text


def test_an_account_without_a_role_sees_nothing(
    app: APIFlask, runtime: Runtime, accounts: dict[str, str], browser: Browser
) -> None:
    with runtime.db.write() as session:
        row = session.scalars(select(Staff).where(Staff.email == accounts["viewer"])).one()
        row.roles = []
    browser.sign_in(accounts["viewer"])
    assert browser.get("/staff/").status_code == 403


def test_signing_in_is_recorded_and_leads_where_one_wanted(
    runtime: Runtime, accounts: dict[str, str], browser: Browser
) -> None:
    wanted = browser.get("/staff/channels").location
    answer = browser.post(
        wanted, wanted, email="Viewer@Tellal.example", password=PASSWORD, next="/staff/channels"
    )
    assert (answer.status_code, answer.location) == (302, "/staff/code")
    code = staff.code(runtime, accounts["viewer"])
    answer = browser.post("/staff/code", "/staff/code", code=code)
    assert (answer.status_code, answer.location) == (302, "/staff/channels")
    with runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert entry.act == "staff.sign-in"
    assert "@" not in str(entry.detail)


def test_signing_in_never_leads_to_another_site(accounts: dict[str, str], browser: Browser) -> None:
    answer = browser.post(
        "/staff/login",
        "/staff/login",
        email=accounts["viewer"],
        password=PASSWORD,
        next="//evil.example/",
    )
    assert "evil" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_wrong_password_and_a_wrong_address_read_the_same(
    accounts: dict[str, str], browser: Browser, prefix: str
) -> None:
    path = f"{prefix}/staff/login"
    answers = [
        browser.post(path, path, email=email, password="not the password")
        for email in (accounts["viewer"], "nobody@tellal.example", "no address")
    ]
    says = "The address or the password is wrong" if prefix else "Adres ya da parola yanlış"
    for answer in answers:
        assert answer.status_code == 200
        assert says in answer.text
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_guessing_ends_after_eleven_tries(
    app: APIFlask, accounts: dict[str, str], browser: Browser
) -> None:
    codes = [browser.sign_in(accounts["viewer"], "wrong").status_code for _ in range(12)]
    assert codes == [200] * 11 + [429]
    assert browser.sign_in(accounts["administrator"]).status_code == 302


def test_spelling_an_account_differently_gives_no_further_tries(
    app: APIFlask, accounts: dict[str, str], browser: Browser
) -> None:
    spellings = [accounts["viewer"] + "\u2003" * n for n in range(12)]
    codes = [browser.sign_in(spelling, "wrong").status_code for spelling in spellings]
    assert codes == [200] * 11 + [429]


def test_a_copied_cookie_does_not_outlive_the_sign_out(
    app: APIFlask, signed_in: Callable[[str], Browser]
) -> None:
    viewer = signed_in("viewer")
    cookie = viewer.client.get_cookie("session")
    assert cookie is not None
    viewer.post("/staff/logout")
    thief = app.test_client()
    thief.set_cookie("session", cookie.value)
    assert thief.get("/staff/").status_code == 302


def test_signing_out_wants_a_token_and_ends_the_session(
    signed_in: Callable[[str], Browser],
) -> None:
    viewer = signed_in("viewer")
    viewer.client.post("/staff/logout")
    assert viewer.get("/staff/").status_code == 200
    assert viewer.client.get("/staff/logout").status_code == 405
    assert viewer.post("/staff/logout").status_code == 302
    assert viewer.get("/staff/").status_code == 302


def test_no_cookie_outlives_the_browser(signed_in: Callable[[str], Browser]) -> None:
    viewer = signed_in("viewer")
    assert viewer.client.get_cookie("remember_token") is None
    cookie = viewer.client.get_cookie("session")
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.expires is None


@pytest.mark.parametrize(
    ("email", "password", "roles", "says"),
    [
        ("no address", PASSWORD, ["viewer"], "no email address"),
        ("new@tellal.example", "short", ["viewer"], "12 characters"),
        ("new@tellal.example", PASSWORD, ["king"], "Choose one"),
        ("new@tellal.example", PASSWORD, [], "Choose one"),
        ("VIEWER@tellal.example", PASSWORD, ["viewer"], "already"),
    ],
)
def test_accounts_that_cannot_be(
    app: APIFlask,
    runtime: Runtime,
    accounts: dict[str, str],
    email: str,
    password: str,
    roles: list[str],
    says: str,
) -> None:
    with (
        app.app_context(),
        runtime.db.write() as session,
        pytest.raises(AccountError, match=says),
    ):
        add_staff(session, email, password, roles)


def test_passwords_are_argon2(runtime: Runtime, accounts: dict[str, str]) -> None:
    with runtime.db.read() as session:
        hashes = session.scalars(select(Staff.password)).all()
    assert all(str(value).startswith("$argon2id$") for value in hashes)
