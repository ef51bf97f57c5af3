"""API keys: who makes them, with which powers, and how they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service.db import utcnow
from service.models import ApiKey
from service.runtime import Runtime
from tests.integration.admin.conftest import Program
from tests.integration.admin.examples.keys import one
from tests.integration.admin.test_accounts import run

__all__ = ["run"]
NEW = {"name": "Rapor", "powers": ["see"], "days": "30"}


def make(browser: Any) -> str:
    page = browser.post("/staff/api-keys", **NEW)
    found = re.search(r'value="(tlk_[\w-]{43})"', page.text)
    assert found, page.text
    return found[1]


def test_a_key_is_shown_once_and_kept_as_a_hash(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    viewer = signed_in("viewer")
    secret = make(viewer)
    assert Program(viewer.client, secret).get("/v1/admin/channels").status_code == 200
    listed = viewer.get("/staff/api-keys").text
    assert secret not in listed
    assert secret[:12] in listed
    with runtime.db.read() as session:
        row = session.scalars(select(ApiKey)).one()
    assert secret not in (row.key_hash, row.prefix)
    assert utcnow() + timedelta(days=29) < row.expires_at < utcnow() + timedelta(days=31)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"powers": []},
        {"powers": ["staff"]},
        {"powers": ["see", "king"]},
        {"days": "0"},
        {"days": "366"},
        {"days": "٣"},
        {"days": ""},
    ],
)
def test_keys_that_cannot_be(
    runtime: Runtime, signed_in: Callable[[str], Any], change: dict[str, Any]
) -> None:
    answer = signed_in("viewer").post("/staff/api-keys", **{**NEW, **change})
    assert answer.status_code == 422
    with runtime.db.read() as session:
        assert session.scalars(select(ApiKey)).all() == []


def test_nobody_sees_or_revokes_the_key_of_somebody_else(
    runtime: Runtime, signed_in: Callable[[str], Any], program: Callable[..., Any]
) -> None:
    """IDOR: a number of another's key reads like none."""
    make(signed_in("administrator"))
    viewer, key = signed_in("viewer"), program("viewer")
    assert "Rapor" not in viewer.get("/staff/api-keys?whose=all").text
    assert viewer.post("/staff/api-keys/1/revoke").status_code == 404
    assert key.send("/v1/admin/keys/1/revoke").status_code == 404
    assert [item["name"] for item in key.get("/v1/admin/keys").json["items"]] == ["Deneme"]


def test_administrators_see_and_revoke_all(signed_in: Callable[[str], Any]) -> None:
    viewer, admin = signed_in("viewer"), signed_in("administrator")
    key = Program(viewer.client, make(viewer))
    assert "Rapor" in admin.get("/staff/api-keys?whose=all").text
    assert admin.post("/staff/api-keys/1/revoke", whose="all").status_code == 302
    assert key.get("/v1/admin/channels").status_code == 401


def test_a_key_makes_no_key_that_may_do_more_or_lives_longer(
    runtime: Runtime, program: Callable[..., Any]
) -> None:
    from service.admin.powers import Power

    key = program("administrator", Power.SEE, Power.CHANNELS)
    body = {"name": "Kardeş", "powers": ["see", "staff"], "days": 300}
    assert key.send("/v1/admin/keys", body).status_code == 422
    made = key.send("/v1/admin/keys", {**body, "powers": ["see"]})
    assert made.status_code == 201
    with runtime.db.read() as session:
        parent, child = session.scalars(select(ApiKey).order_by(ApiKey.id)).all()
    assert child.expires_at == parent.expires_at
    assert child.staff_id == parent.staff_id
    assert Program(key.client, made.json["key"]).get("/v1/admin/channels").status_code == 200


def test_an_expired_key_opens_nothing(runtime: Runtime, signed_in: Callable[[str], Any]) -> None:
    viewer = signed_in("viewer")
    key = Program(viewer.client, make(viewer))
    with runtime.db.write() as session:
        session.scalars(select(ApiKey)).one().expires_at = utcnow()
    assert key.get("/v1/admin/channels").status_code == 401
    assert "Süresi doldu" in viewer.get("/staff/api-keys").text


def test_keys_by_command(
    runtime: Runtime, accounts: dict[str, str], run: Callable[..., Any]
) -> None:
    number = one(runtime)["key_id"]
    made = run("key", "add", "Rapor", "--power", "see", "--staff", accounts["viewer"])
    assert re.fullmatch(r"tlk_[\w-]{43}\n", made.output)
    refused = run("key", "add", "Rapor", "--power", "staff", "--staff", accounts["viewer"])
    assert refused.exception is not None
    assert run("key", "revoke", str(number), "--staff", accounts["viewer"]).exit_code == 0
    lines = run("key", "list").output.splitlines()
    assert [line.rpartition("  ")[2][:7] for line in lines] == ["revoked", "until 2"]
    assert made.output.strip() not in "".join(lines)
