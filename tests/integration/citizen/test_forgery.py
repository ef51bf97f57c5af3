"""What another site, another person of the same browser, or a cookie from before could do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from service.limits import Limits, client
from service.models import Subscription
from tests import staff

# Forms that act without a CSRF token, and why no other site gains by sending them.
WITHOUT_TOKEN = {
    "/subscribe": "answers are carried in the form, signed; nothing is kept and nothing is sent",
    "/check-email": "its answers are signed by us; the mail that it sends only asks (ADR 18)",
    "/embed": "opens a page of the sign-up, for forms of other sites (ADR 18)",
    "/display": "the worst is another look, and a token would need a cookie (ADR 23)",
    "/hub": "a program asks, and its callback has to confirm (WebSub)",
    "/confirm/<token>": "the token in the path is what allows it",
    "/u/<token>": "the token in the path is what allows it (RFC 8058)",
    "/u/<token>/all": "the token in the path is what allows it",
    "/u/<token>/undo": "the token in the path is what allows it",
    "/address/<token>": "the token in the path is what allows it",
    "/address/stop/<token>": "the token in the path is what allows it",
}


def forms(app: Any) -> Iterator[tuple[str, str]]:
    """Every citizens' page that takes a POST; and, without the language, what it is listed as."""
    for rule in app.url_map.iter_rules():
        name = rule.rule.removeprefix("/en")
        if "POST" in rule.methods and not name.startswith(("/v1/", "/staff/")):
            yield rule.rule, name


def test_every_form_has_a_token_or_a_reason_to_have_none(resident: Any, app: Any) -> None:
    konak = resident.live()[0].id
    seen, without = 0, set()
    for rule, name in forms(app):
        path = re.sub(r"<int:[^>]*>", str(konak), rule.replace("<kind>", "ntfy"))
        answer = resident.client.post(re.sub(r"<[^>]*>", "abc", path))
        if answer.status_code != 400:
            without.add(name)
            assert name in WITHOUT_TOKEN, rule
        seen += 1
    assert without == set(WITHOUT_TOKEN)
    assert seen > 40
    assert len(resident.live()) == 3


@pytest.fixture
def staff_too(resident: Any, app: Any) -> Any:
    """The resident is of the staff as well, and signed in as both in one browser."""
    email = "viewer@tellal.example"
    staff.add(app, resident.runtime, email, "viewer")
    answer = resident.send("/staff/login", email=email, password=staff.PASSWORD)
    assert answer.location == "/staff/code"
    code = staff.code(resident.runtime, email)
    assert resident.send("/staff/code", code=code).location == "/staff/"
    # Nothing that was in the session before is taken over into that of the staff.
    assert resident.open("/my").status_code == 303
    resident.sign_in()
    return resident


def test_the_two_ways_of_being_signed_in_leave_each_other_alone(staff_too: Any) -> None:
    assert staff_too.open("/staff/").status_code == 200
    assert staff_too.open("/my").status_code == 200
    staff_too.send("/my", to="/sign-out")
    assert (staff_too.open("/staff/").status_code, staff_too.open("/my").status_code) == (200, 303)
    staff_too.sign_in()
    assert (staff_too.open("/staff/").status_code, staff_too.open("/my").status_code) == (200, 200)
    staff_too.send("/staff/", to="/staff/logout")
    assert (staff_too.open("/staff/").status_code, staff_too.open("/my").status_code) == (302, 200)


def test_erasing_signs_no_staff_out(staff_too: Any) -> None:
    assert staff_too.send("/my/erase").status_code == 303
    assert staff_too.open("/my").status_code == 303
    assert staff_too.open("/staff/").status_code == 200
    assert "ayse" not in staff_too.open("/sign-in/sent").text


def test_a_cookie_from_before_opens_nothing_after_erasing(resident: Any) -> None:
    cookie = resident.client.get_cookie("session").value
    resident.send("/my/erase")
    resident.client.set_cookie("session", cookie)
    assert resident.open("/my").location == "/sign-in"


def test_nothing_of_somebody_else_is_found_by_its_number(
    resident: Any, app: Any, town: Any
) -> None:
    other = town.reader("spor", address="bora@example.com")
    theirs = next(row for row in town.all(Subscription) if row.destination_id == other)
    token = re.search(r'name="csrf_token" value="([^"]+)"', resident.open("/my/end-all").text)
    assert token
    for path in ("", "/end", "/undo"):
        url = f"/my/subscriptions/{theirs.id}{path}"
        data = {"csrf_token": token[1], "places": "all", "frequency": "daily"}
        assert resident.client.post(url, data=data).status_code in (303, 404)
        assert resident.client.get(url).status_code in (404, 405)
    resident.client.post(f"/my/targets/{other}/stop", data={"csrf_token": token[1]})
    assert town.get(Subscription, theirs.id).ended_at is None
    assert town.get(Subscription, theirs.id).frequency == "instant"


@pytest.mark.parametrize(
    ("one", "another", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_one_connection_is_one_client(app: Any, one: str, another: str, is_same: bool) -> None:
    """Of IPv6, everybody at home has 2^64 addresses."""
    found = []
    for address in (one, another):
        with app.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
            found.append(client())
    assert (found[0] == found[1]) == is_same


def test_a_made_up_header_makes_no_new_client(resident: Any) -> None:
    """Without a trusted proxy in front, what a client says of where it comes from is no matter."""
    codes = [
        resident.client.post(
            "/embed", headers={"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=10.0.0.{n}"}
        ).status_code
        for n in range(101)
    ]
    assert codes == [200] * 100 + [429]


def test_counting_goes_by_the_connection(app: Any, resident: Any) -> None:
    limits: Limits = app.extensions["tellal"].limits
    view = limits.guard(lambda: "ok", "2 per hour", "of-this-test")
    answers = []
    for number in range(3):
        with app.test_request_context("/", environ_base={"REMOTE_ADDR": f"2001:db8::{number}"}):
            try:
                answers.append(view())
            except Exception as error:
                answers.append(type(error).__name__)
    assert answers == ["ok", "ok", "TooManyRequests"]
