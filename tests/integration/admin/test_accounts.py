"""Accounts: what administrators do, and what even they cannot."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask
from click.testing import CliRunner
from sqlalchemy import select

from service.admin import accounts as rules
from service.admin import scope
from service.admin.accounts import ALL_POWERS, AccountError
from service.admin.powers import Power
from service.cli import cli
from service.models import AuditEntry, Staff, Topic
from service.runtime import Runtime
from tests import staff
from tests.integration.admin.examples.accounts import one


@pytest.fixture
def run(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command against the database of this test."""
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        value = getattr(settings, name).get_secret_value()
        monkeypatch.setenv(f"TELLAL_{name.upper()}", value)
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    return lambda *words: CliRunner().invoke(cli, words)


def id_of(runtime: Runtime, email: str) -> int:
    with runtime.db.read() as session:
        return session.scalars(select(Staff.id).where(Staff.email == email)).one()


def state_of(runtime: Runtime, staff_id: int) -> tuple[list[str], bool]:
    with runtime.db.read() as session:
        row = session.get_one(Staff, staff_id)
        return rules.role_names(row), row.active


def test_the_last_administrator_stays(
    runtime: Runtime, accounts: dict[str, str], signed_in: Callable[[str], Any]
) -> None:
    admin, number = signed_in("administrator"), id_of(runtime, accounts["administrator"])
    for act, body in (("roles", {"roles": "viewer"}), ("deactivate", {})):
        answer = admin.post(f"/staff/accounts/{number}/{act}", **body)
        assert answer.status_code == 422
        assert "son yönetici" in answer.text
    assert state_of(runtime, number) == (["administrator"], True)


def test_two_who_end_each_other_at_once_leave_one(
    app: APIFlask, runtime: Runtime, accounts: dict[str, str]
) -> None:
    numbers = [
        id_of(runtime, accounts["administrator"]),
        staff.add(app, runtime, "iki@tellal.example"),
    ]

    def end(number: int) -> bool:
        try:
            with runtime.db.write() as session:
                return rules.deactivate(session, session.get_one(Staff, number), ALL_POWERS)
        except AccountError:
            return False

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(end, numbers)) == [False, True]
    assert sorted(state_of(runtime, number)[1] for number in numbers) == [False, True]


def test_who_is_ended_is_out_at_once(
    runtime: Runtime,
    accounts: dict[str, str],
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
) -> None:
    viewer, key = signed_in("viewer"), program("viewer")
    number = id_of(runtime, accounts["viewer"])
    assert (
        signed_in("administrator").post(f"/staff/accounts/{number}/deactivate").status_code == 302
    )
    assert viewer.get("/staff/").status_code == 302
    assert key.get("/v1/admin/channels").status_code == 401


def test_roles_that_change_count_at_once(
    runtime: Runtime, accounts: dict[str, str], signed_in: Callable[[str], Any]
) -> None:
    viewer, number = signed_in("viewer"), id_of(runtime, accounts["viewer"])
    assert viewer.get("/staff/channels/new").status_code == 403
    signed_in("administrator").post(f"/staff/accounts/{number}/roles", roles="channel-manager")
    assert viewer.get("/staff/channels/new").status_code == 200


def test_decisions_are_limited_to_topics(
    runtime: Runtime, accounts: dict[str, str], signed_in: Callable[[str], Any]
) -> None:
    admin, number = signed_in("administrator"), id_of(runtime, accounts["reviewer"])
    with runtime.db.read() as session:
        ids = dict(session.execute(select(Topic.slug, Topic.id)).all())
        assert scope.may_decide(session, number, (ids["spor"],))
    path = f"/staff/accounts/{number}/topics"
    assert admin.post(path, topics=["ulasim"]).status_code == 302
    assert admin.post(path, topics=["no-such"]).status_code == 422
    with runtime.db.read() as session:
        assert scope.may_decide(session, number, (ids["ulasim"],))
        assert not scope.may_decide(session, number, (ids["spor"],))
    admin.post(path)
    with runtime.db.read() as session:
        assert scope.topics_of_scope(session, number) == frozenset()


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("roles", {"roles": ["administrator"]}),
        ("deactivate", None),
        ("reset-second-factor", None),
        ("end-sessions", None),
        ("link", None),
    ],
)
def test_a_key_reaches_no_account_that_may_do_more(
    runtime: Runtime,
    accounts: dict[str, str],
    program: Callable[..., Any],
    act: str,
    body: Any,
) -> None:
    key, number = program("administrator", Power.STAFF, Power.SEE), one(runtime)["staff_id"]
    answer = key.send(f"/v1/admin/accounts/{number}/{act}", body, If_Match="*")
    assert answer.status_code in (409, 422), answer.text
    assert state_of(runtime, number) == (["reviewer"], True)


def test_a_key_adds_no_account_that_may_do_more(
    accounts: dict[str, str], program: Callable[..., Any]
) -> None:
    key = program("administrator", Power.STAFF, Power.SEE)
    for role, status in (("viewer", 201), ("administrator", 422), ("editor", 422)):
        body = {"email": f"{role}2@tellal.example", "roles": [role]}
        assert key.send("/v1/admin/accounts", body).status_code == status, role


def test_an_account_that_changed_meanwhile_is_not_overwritten(
    runtime: Runtime, accounts: dict[str, str], program: Callable[..., Any]
) -> None:
    key, path = program(), f"/v1/admin/accounts/{one(runtime)['staff_id']}"
    etag = key.get(path).headers["ETag"]
    body = {"roles": ["editor"]}
    assert key.send(f"{path}/roles", body).status_code == 428
    assert key.send(f"{path}/roles", body, If_Match=etag).status_code == 200
    assert key.send(f"{path}/roles", {"roles": ["viewer"]}, If_Match=etag).status_code == 412
    assert key.get("/v1/admin/accounts").json["items"][-1]["roles"] == ["editor"]
    assert key.get("/v1/admin/accounts/999999").status_code == 404


def test_no_secret_of_an_account_is_shown(
    runtime: Runtime, accounts: dict[str, str], program: Callable[..., Any]
) -> None:
    number = one(runtime)["staff_id"]
    answer = program().get(f"/v1/admin/accounts/{number}").text
    with runtime.db.read() as session:
        row = session.get_one(Staff, number)
        for secret in (row.fs_uniquifier, row.tf_totp_secret, *(row.mf_recovery_codes or ())):
            assert str(secret) not in answer


def test_the_command_line_does_what_the_pages_do(
    runtime: Runtime, accounts: dict[str, str], run: Callable[..., Any]
) -> None:
    boss, viewer = accounts["administrator"], accounts["viewer"]
    for words in (
        ("roles", viewer, "--role", "editor"),
        ("reset-second-factor", viewer),
        ("deactivate", viewer),
        ("activate", viewer),
        ("break-glass", boss),
    ):
        result = run("staff", *words, "--staff", boss)
        assert result.exit_code == 0, result.output
    listed = run("staff", "list").output
    assert f"{viewer}  editor  no second factor\n" in listed
    assert f"{boss}  administrator  second factor set up; for emergencies\n" in listed
    with runtime.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    names = ["roles", "reset-second-factor", "deactivate", "activate", "break-glass"]
    assert acts == [f"staff.{name}" for name in names]


@pytest.mark.parametrize(
    "words",
    [
        ("roles", "nobody@tellal.example", "--role", "editor"),
        ("roles", "administrator@tellal.example", "--role", "viewer"),
        ("deactivate", "administrator@tellal.example"),
        ("break-glass", "viewer@tellal.example"),
    ],
)
def test_what_the_command_line_refuses(
    runtime: Runtime, accounts: dict[str, str], run: Callable[..., Any], words: tuple[str, ...]
) -> None:
    result = run("staff", *words, "--staff", accounts["administrator"])
    assert result.exit_code == 2 or result.exception is not None
    with runtime.db.read() as session:
        assert session.scalars(select(AuditEntry)).all() == []
