"""The second factor, what follows it, and how a sign-in ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from service.admin import first_link, second_factor, sessions
from service.admin.accounts import add_staff, make_break_glass
from service.app import create_app
from service.db import utcnow
from service.models import Alarm, AlarmKind, AuditEntry, Staff
from service.runtime import Runtime
from service.settings import Settings
from tests import staff
from tests.integration.admin.conftest import Browser
from tests.staff import PASSWORD, SECRET

NEW = "yeni@tellal.example"
LOGIN = "/staff/login"


@pytest.fixture
def newcomer(app: APIFlask, runtime: Runtime) -> int:
    """An account that has never signed in."""
    with app.app_context(), runtime.db.write() as session:
        return add_staff(session, NEW, PASSWORD, ["viewer"]).id


def acts_of(runtime: Runtime) -> list[str]:
    with runtime.db.read() as session:
        return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


def key_on(page: Any) -> str:
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
    assert found
    return found[1].replace(" ", "")


def test_a_first_sign_in_leads_to_the_set_up_before_anything_else(
    runtime: Runtime, newcomer: int, browser: Browser
) -> None:
    answer = browser.sign_in(NEW)
    assert answer.location == "/staff/set-up"
    assert browser.get("/staff/").status_code == 302
    page = browser.get("/staff/set-up")
    assert "<svg" in page.text
    assert "<script" not in page.text
    secret = key_on(page)
    assert key_on(browser.get("/staff/set-up")) == secret
    assert browser.post("/staff/set-up", "/staff/set-up", code="000000").status_code == 422
    code = second_factor.code_of(secret, second_factor.step_at(utcnow()))
    done = browser.post("/staff/set-up", "/staff/set-up", code=code)
    assert len(re.findall(r"<li><code>([a-z2-7-]{19})</code>", done.text)) == 10
    assert browser.get("/staff/").status_code == 200
    assert acts_of(runtime) == ["staff.second-factor", "staff.sign-in"]
    with runtime.db.read() as session:
        row = session.get_one(Staff, newcomer)
        assert secret not in str(row.tf_totp_secret)


def test_a_password_alone_opens_nothing(accounts: dict[str, str], browser: Browser) -> None:
    email = accounts["administrator"]
    assert browser.post(LOGIN, LOGIN, email=email, password=PASSWORD).location == "/staff/code"
    for path in ("/staff/", "/staff/accounts", "/staff/me", "/staff/second-factor"):
        assert browser.get(path).status_code == 302, path
    assert browser.get("/staff/set-up").status_code == 302  # it has an app: no other one


def test_a_code_without_a_password_opens_nothing(browser: Browser) -> None:
    assert "/staff/login" in browser.get("/staff/code").location
    token = browser.client.get(LOGIN).text.split('name="csrf_token"')[1].split('value="')[1]
    data = {"csrf_token": token.split('"')[0], "code": "123456"}
    assert "/staff/login" in browser.client.post("/staff/code", data=data).location


def test_a_code_counts_once(app: APIFlask, runtime: Runtime, accounts: dict[str, str]) -> None:
    code = staff.code(runtime, accounts["viewer"])
    answers = []
    for _ in range(2):
        browser = Browser(app.test_client())
        browser.post(LOGIN, LOGIN, email=accounts["viewer"], password=PASSWORD)
        answers.append(browser.post("/staff/code", "/staff/code", code=code).status_code)
    assert answers == [302, 422]


def test_a_code_that_comes_twice_at_once_counts_once(
    runtime: Runtime, accounts: dict[str, str]
) -> None:
    code = staff.code(runtime, accounts["viewer"])
    with runtime.db.read() as session:
        who = session.scalars(select(Staff.id).where(Staff.email == accounts["viewer"])).one()

    def use(_number: int) -> str | None:
        with runtime.db.write() as session:
            return second_factor.use(session, runtime.vault, who, code, utcnow())

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(use, range(4)))
    assert sorted(map(str, found)) == ["None", "None", "None", "totp"]


def test_an_older_code_does_not_count_after_a_newer_one(
    runtime: Runtime, accounts: dict[str, str]
) -> None:
    now = utcnow()
    codes = [second_factor.code_of(SECRET, second_factor.step_at(now) + one) for one in (0, -1)]
    with runtime.db.write() as session:
        who = session.scalars(select(Staff.id).where(Staff.email == accounts["viewer"])).one()
        found = [second_factor.use(session, runtime.vault, who, one, now) for one in codes]
    assert found == ["totp", None]


def test_a_recovery_code_stands_in_once(
    app: APIFlask, runtime: Runtime, accounts: dict[str, str]
) -> None:
    with runtime.db.write() as session:
        row = session.scalars(select(Staff).where(Staff.email == accounts["viewer"])).one()
        code = second_factor.renew_recovery_codes(runtime.vault, row)[3]
        assert code not in str(row.mf_recovery_codes)
    answers = []
    for typed in (code.upper().replace("-", " "), code):
        browser = Browser(app.test_client())
        browser.post(LOGIN, LOGIN, email=accounts["viewer"], password=PASSWORD)
        answers.append(browser.post("/staff/code", "/staff/code", code=typed).status_code)
    assert answers == [302, 422]
    assert acts_of(runtime) == ["staff.recovery-code", "staff.sign-in"]


def test_guessing_codes_ends_after_twenty_tries(
    accounts: dict[str, str], runtime: Runtime, browser: Browser
) -> None:
    browser.post(LOGIN, LOGIN, email=accounts["viewer"], password=PASSWORD)
    codes = [browser.post("/staff/code", "/staff/code", code=f"{n}").status_code for n in range(21)]
    assert codes == [422] * 20 + [429]
    code = staff.code(runtime, accounts["viewer"])
    assert browser.post("/staff/code", "/staff/code", code=code).status_code == 429


def test_what_a_session_held_before_is_dropped(
    runtime: Runtime, accounts: dict[str, str], browser: Browser
) -> None:
    """Session fixation: neither values nor the token of forms that somebody planted stay."""
    browser.get(LOGIN)
    with browser.client.session_transaction() as planted:
        planted["somebody"] = "else"
        token = planted["csrf_token"]
    browser.sign_in(accounts["viewer"])
    browser.get("/staff/")
    with browser.client.session_transaction() as held:
        assert "somebody" not in held
        assert held["csrf_token"] != token


@pytest.mark.parametrize("mark", ["staff_began", "staff_seen"])
def test_a_session_ends_by_age_and_by_rest(signed_in: Callable[[str], Any], mark: str) -> None:
    viewer = signed_in("viewer")
    with viewer.client.session_transaction() as held:
        held[mark] -= sessions.LIFE_S + 1 if mark == "staff_began" else sessions.IDLE_S + 1
    assert "/staff/login" in viewer.get("/staff/").location
    assert viewer.get("/staff/me").status_code == 302


def test_giving_roles_asks_again_who_it_is(
    runtime: Runtime, accounts: dict[str, str], signed_in: Callable[[str], Any]
) -> None:
    admin = signed_in("administrator")
    with admin.client.session_transaction() as held:
        held["staff_proved"] -= sessions.FRESH_S + 1
    refused = admin.post("/staff/accounts/1/roles", roles="editor")
    assert refused.location == "/staff/confirm?next=/staff/accounts/1"
    assert admin.get("/staff/api-keys/new").location == "/staff/confirm?next=/staff/api-keys/new"
    ask = refused.location
    wrong = admin.post("/staff/confirm", ask, password=PASSWORD, code="000000")
    assert wrong.status_code == 422
    code = staff.code(runtime, accounts["administrator"])
    nearly = admin.post("/staff/confirm", ask, password="not it at all", code=code)
    assert nearly.status_code == 422
    right = {"password": PASSWORD, "code": code, "next": "/staff/accounts/1"}
    assert admin.post("/staff/confirm", ask, **right).location == "/staff/accounts/1"
    assert admin.post("/staff/accounts/1/roles", roles="editor").status_code == 302
    assert "staff.roles" in acts_of(runtime)


@pytest.mark.parametrize(
    "evil",
    [
        "//evil.example/staff/",
        "https://evil.example/staff/",
        "/\\evil.example/staff/",
        "/staff@evil.example",
        "javascript:alert(1)",
        "/staff/\r\nX: y",
        "/topics",
    ],
)
def test_no_step_leads_to_another_site(
    accounts: dict[str, str], signed_in: Callable[[str], Any], runtime: Runtime, evil: str
) -> None:
    viewer = signed_in("viewer")
    code = staff.code(runtime, accounts["viewer"])
    right = {"password": PASSWORD, "code": code, "next": evil}
    assert viewer.post("/staff/confirm", "/staff/confirm", **right).location == "/staff/"


def test_a_first_link_opens_once(
    app: APIFlask, runtime: Runtime, signed_in: Callable[[str], Any], browser: Browser
) -> None:
    page = signed_in("administrator").post("/staff/accounts", email=NEW, roles="viewer")
    found = re.search(r'value="[^"]*(/staff/first\?token=[a-z2-7]+)"', page.text)
    assert found
    link = found[1]
    token = link.partition("=")[2]
    assert browser.get(link).status_code == browser.get(link).status_code == 200
    answers = {
        "too short": ("short", "short"),
        "guessed": ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"),
        "its own address": (NEW, NEW),
        "not the same": ("uzun ve yeni parola", "uzun ve eski parola"),
    }
    for name, (one, again) in answers.items():
        sent = browser.post("/staff/first", link, token=token, password=one, again=again)
        assert sent.status_code == 422, name
    chosen = {"token": token, "password": PASSWORD, "again": PASSWORD}
    assert browser.post("/staff/first", link, **chosen).location == LOGIN
    assert browser.get(link).status_code == 410
    assert browser.sign_in(NEW).location == "/staff/set-up"


def test_a_first_link_ends_after_three_days(runtime: Runtime, newcomer: int) -> None:
    now = utcnow()
    with runtime.db.read() as session:
        row = session.get_one(Staff, newcomer)
        token = first_link.make(runtime.vault, row, now - first_link.LIFE)
        assert first_link.owner(session, runtime.vault, token, now) is None
        live = first_link.make(runtime.vault, row, now)
        assert first_link.owner(session, runtime.vault, live, now) is not None
        other = "a" if live[-1] != "a" else "b"
        assert first_link.owner(session, runtime.vault, live[:-1] + other, now) is None


def test_an_ended_account_reads_like_a_wrong_password(
    runtime: Runtime, accounts: dict[str, str], browser: Browser
) -> None:
    with runtime.db.write() as session:
        row = session.scalars(select(Staff).where(Staff.email == accounts["viewer"])).one()
        row.active = False
    answer = browser.sign_in(accounts["viewer"])
    assert (answer.status_code, "Adres ya da parola yanlış" in answer.text) == (200, True)


def test_the_account_for_emergencies_raises_an_alarm_at_each_use(
    runtime: Runtime, accounts: dict[str, str], browser: Browser
) -> None:
    with runtime.db.write() as session:
        row = session.scalars(select(Staff).where(Staff.email == accounts["administrator"])).one()
        make_break_glass(session, row)
    browser.sign_in(accounts["administrator"])
    with runtime.db.read() as session:
        kinds = session.scalars(select(Alarm.kind)).all()
    assert kinds == [AlarmKind.BREAK_GLASS]


def test_my_password_changes_with_the_old_one_and_ends_other_sessions(
    app: APIFlask, accounts: dict[str, str], signed_in: Callable[[str], Any]
) -> None:
    here, elsewhere = signed_in("viewer"), signed_in("viewer")
    chosen = {"password": "yepyeni uzun parola", "again": "yepyeni uzun parola"}
    assert here.post("/staff/me/password", old="not it", **chosen).status_code == 422
    assert here.post("/staff/me/password", old=PASSWORD, **chosen).status_code == 302
    assert here.get("/staff/me").status_code == 200
    assert elsewhere.get("/staff/me").status_code == 302
    again = Browser(app.test_client())
    assert again.sign_in(accounts["viewer"]).status_code == 200  # the form again
    assert again.sign_in(accounts["viewer"], chosen["password"]).location == "/staff/"


def test_the_second_factor_may_be_left_to_each(settings: Settings, runtime: Runtime) -> None:
    app = create_app(settings.model_copy(update={"staff_second_factor": "optional"}))
    with app.app_context(), runtime.db.write() as session:
        add_staff(session, NEW, PASSWORD, ["viewer"])
    browser = Browser(app.test_client())
    assert browser.sign_in(NEW).location == "/staff/"
    page = browser.get("/staff/second-factor")
    code = second_factor.code_of(key_on(page), second_factor.step_at(utcnow()))
    path = "/staff/second-factor"
    assert browser.post(path, path, code=code).status_code == 200
    other = Browser(app.test_client())
    door = other.post(LOGIN, LOGIN, email=NEW, password=PASSWORD)
    assert door.location == "/staff/code"
    app.extensions["tellal"].close()


def test_a_cookie_of_https_is_of_this_host_alone(settings: Settings, runtime: Runtime) -> None:
    app = create_app(settings.model_copy(update={"base_url": "https://haber.example"}))
    answer = app.test_client().get(LOGIN, base_url="https://haber.example")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-session=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie
    app.extensions["tellal"].close()
