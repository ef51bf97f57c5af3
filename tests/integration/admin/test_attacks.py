"""What somebody tries who has a little and wants more; each of these has worked once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from service.admin import sessions
from service.admin.powers import Power
from service.jobs import import_rules, queue, running
from service.models import AuditEntry, Role, Staff
from service.runtime import Runtime
from tests.integration.admin.conftest import Browser
from tests.integration.admin.examples import people

Browsers = Callable[[str], Browser]
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def list_of_officer(runtime: Runtime, accounts: dict[str, str]) -> int:
    """The job of a list that the privacy officer has uploaded, with somebody's name in it."""
    with runtime.db.write() as session:
        query = select(Staff.id).where(Staff.email == accounts["privacy-officer"])
        run = import_rules.upload(
            runtime,
            session,
            (people.LIST + "ayse@example.org,Ayşe Kaya,,daily,tr\n").encode(),
            session.scalars(query).one(),
            origin="Form",
            evidence="Dosya 17",
            is_by_letter=False,
        )
        number = run.check_job_id or 0
    running.run(runtime, number)
    with runtime.db.write() as session:
        queue.keep_file(runtime, session, number, "list.csv", "text/csv", people.LIST)
    return number


def test_who_lost_the_role_gets_the_file_of_their_own_job_no_more(
    runtime: Runtime, accounts: dict[str, str], signed_in: Browsers, list_of_officer: int
) -> None:
    officer, file = (
        signed_in("privacy-officer"),
        f"/staff/jobs/{list_of_officer}/file?name=list.csv",
    )
    assert officer.get(file).status_code == 200
    with runtime.db.write() as session:
        query = select(Staff).where(Staff.email == accounts["privacy-officer"])
        viewer = session.scalars(select(Role).where(Role.name == "viewer")).one()
        session.scalars(query).one().roles = [viewer]

    assert officer.get(file).status_code == 403
    assert officer.post(f"/staff/jobs/{list_of_officer}/resume").status_code == 403


def test_a_key_without_the_power_gets_no_file_of_its_persons_jobs(
    program: Callable[..., Any], list_of_officer: int
) -> None:
    path = f"/v1/admin/jobs/{list_of_officer}"
    weak, strong = (
        program("privacy-officer", Power.SEE),
        program("privacy-officer", Power.PEOPLE, Power.SEE),
    )

    assert weak.get(f"{path}/files/list.csv").status_code == 403
    assert weak.send(f"{path}/cancel").status_code == 403
    assert strong.get(f"{path}/files/list.csv").text == people.LIST


def test_what_is_wrong_with_rows_of_people_is_for_those_who_may_see_people(
    program: Callable[..., Any], signed_in: Browsers, list_of_officer: int
) -> None:
    path = f"jobs/{list_of_officer}"

    assert "Kaya" not in signed_in("viewer").get(f"/staff/{path}").text
    assert "Kaya" in signed_in("privacy-officer").get(f"/staff/{path}").text
    viewer = program("viewer")
    assert viewer.get(f"/v1/admin/{path}").json["result"] == {}
    assert "Kaya" not in viewer.get("/v1/admin/jobs").text
    assert "Kaya" in program("privacy-officer").get(f"/v1/admin/{path}").text


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("privacy-officer", "GET", "/staff/subscribers/person?key=x"),
        ("privacy-officer", "POST", "/staff/subscribers/export"),
        ("privacy-officer", "POST", "/staff/subscribers/erase"),
        ("privacy-officer", "GET", "/staff/imports/new"),
        ("privacy-officer", "POST", "/staff/imports"),
        ("privacy-officer", "POST", "/staff/imports/1/store"),
        ("privacy-officer", "POST", "/staff/imports/1/undo"),
        ("administrator", "GET", "/staff/sources/new"),
        ("administrator", "POST", "/staff/sources/1/rotate"),
        ("administrator", "POST", "/staff/sources"),
    ],
)
def test_whose_proof_is_old_is_asked_again(
    signed_in: Browsers, role: str, method: str, path: str
) -> None:
    browser = signed_in(role)
    with browser.client.session_transaction() as held:
        held["staff_proved"] -= sessions.FRESH_S + 1

    answer = browser.get(path) if method == "GET" else browser.post(path)

    assert answer.status_code == 302
    assert answer.location.startswith("/staff/confirm?next=/staff/")


def test_strangers_do_not_use_up_the_first_links_of_others(
    app: APIFlask, browser: Browser, runtime: Runtime
) -> None:
    door = "/staff/first"
    stranger = Browser(app.test_client())
    for _ in range(25):
        stranger.post(door, "/staff/login", token="x")
    browser.client.environ_base["REMOTE_ADDR"] = "203.0.113.7"

    assert stranger.post(door, "/staff/login", token="x").status_code == 429
    assert browser.post(door, "/staff/login", token="x").status_code == 410


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_log_is_exported_also_by_act_and_object(
    runtime: Runtime, signed_in: Browsers, form: str
) -> None:
    admin = signed_in("administrator")

    answer = admin.get(f"/staff/audit/audit.{form}?act=staff.sign-in&object=1&since=2026-01-01")

    assert answer.status_code == 200
    with runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "audit.export")).one()
    assert entry.detail["filters"]["act"] == "staff.sign-in"
    assert entry.detail["filters"]["object_id"] == 1


@pytest.mark.parametrize(
    "body",
    ["[" * 200_000, '{"a":' * 100_000, '{"name": "a\\u0000b"}', '[{"\\u0000": 1}]'],
    ids=["lists", "objects", "value", "name"],
)
@pytest.mark.parametrize("path", ["keys", "accounts", "imports", "topics"])
def test_what_nobody_can_read_or_store_is_refused(
    program: Callable[..., Any], path: str, body: str
) -> None:
    key = program()

    answer = key.client.post(f"/v1/admin/{path}", data=body, headers=key.headers)

    assert answer.status_code in (400, 413, 422), answer.text
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("path", ["jobs/1/files/%00", "topics/%00", "mail-templates/%00"])
def test_an_address_with_nul_is_refused(program: Callable[..., Any], path: str) -> None:
    assert program().get(f"/v1/admin/{path}").status_code == 400


def test_a_stored_token_goes_to_no_other_address_than_it_was_given_for(
    program: Callable[..., Any],
) -> None:
    key, path = program(), "/v1/admin/sources"
    given = {"slug": "cms", "preset": "ghost", "api_token": "gizli-anahtar"}
    home = "https://cms.example.bel.tr"
    made = key.send(path, {**given, "base_url": home, "api_url": f"{home}/api"}).json
    one = f"{path}/{made['source']['id']}"

    def change(**body: str) -> tuple[int, str]:
        answer = key.send(one, body, "PATCH", If_Match="*")
        return answer.status_code, (answer.json.get("errors") or [{"field": ""}])[0]["field"]

    assert change(api_url="https://elsewhere.example") == (422, "api_token")
    assert change(api_url=f"{home}/api/v2") == (200, "")
    assert change(api_url="https://elsewhere.example", api_token="another") == (200, "")
