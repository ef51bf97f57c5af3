"""How a channel hears, and its address: by page, program and command, by one rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from service.cli import cli
from service.models import AuditEntry, Channel, Delivery, DeliveryState, Destination, Subscription
from service.runtime import Runtime
from tests.integration.admin.examples.channels import one

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ROOT = "/v1/admin/channels"
EDIT = "/staff/channels/1/edit"
ADDRESS = "/staff/channels/1/address"
SECRET = "json://127.0.0.1:9/very-secret"


def stored(runtime: Runtime) -> tuple[Any, ...]:
    with runtime.db.read() as session:
        destination = session.scalars(select(Destination)).one()
        live = session.scalars(select(Subscription).where(Subscription.ended_at.is_(None))).all()
        return (
            {(row.frequency, row.is_local_only) for row in live},
            destination.is_urgent_only,
            (destination.quiet_from, destination.quiet_until),
        )


def test_the_form_says_how_a_channel_hears(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    one(runtime)
    manager = signed_in("channel-manager")
    wishes = {"topics": "all", "places": ["konak", "buca"], "local_only": "yes"}
    hours = {"quiet_from": "22:00", "quiet_until": "08:30", "frequency": "daily"}
    done = manager.post(EDIT, EDIT, version="*", name="Oda", **wishes, **hours)
    assert done.status_code == 303
    assert stored(runtime) == ({("daily", True)}, False, (1320, 510))
    page = manager.get("/en/staff/channels/1").text
    assert "Once a day, without news of the whole city, quiet 22:00–08:30" in page
    assert 'value="22:00"' in manager.get(EDIT).text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"frequency": "daily", "urgent_only": True}, "frequency"),
        ({"local_only": True}, "local_only"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "08:00"}, "quiet_from"),
        ({"language": "xx"}, "language"),
    ],
)
def test_wishes_that_cannot_be_are_named_and_change_nothing(
    runtime: Runtime, program: Callable[..., Any], given: dict[str, Any], field: str
) -> None:
    one(runtime)
    before = stored(runtime)
    answer = program("channel-manager").send(f"{ROOT}/1", given, "PATCH", If_Match="*")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field
    assert stored(runtime) == before


def test_programs_read_and_change_how_a_channel_hears(
    runtime: Runtime, program: Callable[..., Any]
) -> None:
    key = program("channel-manager")
    made = key.send(ROOT, {"name": "Acil", "url": SECRET, "urgent_only": True})
    assert (made.status_code, made.json["urgent_only"], made.json["frequency"]) == (
        *(201, True),
        "instant",
    )
    changed = key.send(
        f"{ROOT}/1", {"urgent_only": False, "frequency": "weekly"}, "PATCH", If_Match="*"
    )
    assert (changed.json["urgent_only"], changed.json["frequency"]) == (False, "weekly")
    assert stored(runtime) == ({("weekly", False)}, False, (None, None))
    twice = key.send(ROOT, {"name": "Yine", "url": SECRET})
    assert twice.status_code == 422
    assert "already" in twice.json["detail"]
    assert "very-secret" not in made.text + changed.text + twice.text


def test_an_address_is_used_once_its_test_has_come_in(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    one(runtime)
    manager = signed_in("channel-manager")
    assert manager.post(ADDRESS, ADDRESS, url="dbus://x").status_code == 422
    assert manager.post(ADDRESS, ADDRESS, url=SECRET).status_code == 303
    early = manager.post(f"{ADDRESS}/swap", ADDRESS)
    assert (early.status_code, "very-secret" in early.text) == (422, False)
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT))
    assert "Yeni adresi kullan" in manager.get(ADDRESS).text
    assert manager.post(f"{ADDRESS}/swap", ADDRESS).status_code == 303
    assert manager.post(f"{ADDRESS}/swap", ADDRESS).status_code == 422
    with runtime.db.read() as session:
        channel = session.scalars(select(Channel)).one()
        assert runtime.vault.decrypt(channel.sealed_url) == SECRET
        details = [str(one.detail) for one in session.scalars(select(AuditEntry))]
    assert not [detail for detail in details if "very-secret" in detail]


@pytest.mark.usefixtures("command_line")
def test_commands_give_a_channel_wishes_and_an_address(runtime: Runtime, tmp_path: Path) -> None:
    def tellal(*words: str) -> Result:
        return CliRunner().invoke(cli, ("channel", *words))

    first, second = "json://93.184.216.34/a", tmp_path / "url"
    second.write_text("json://93.184.216.34/b\n", encoding="utf-8")
    assert tellal("add", "Oda", first, "--urgent-only", "--quiet", "22:00-08:00").exit_code == 0
    assert "hears: instant, urgent news alone, quiet 22:00-08:00" in tellal("show", "Oda").output
    assert tellal("edit", "Oda", "--quiet", "22").exit_code == 2
    changed = tellal("edit", "Oda", "--quiet", "none", "--all-news").output
    assert changed == "Channel Oda: quiet hours, urgent only changed.\n"
    assert tellal("address", "Oda").exit_code == 2
    offered = tellal("address", "Oda", "--url-file", str(second), "--wait", "0")
    assert (offered.exit_code, offered.output) == (0, "queued\n")
    assert tellal("address", "Oda", "--swap").exit_code == 2
    assert "address to follow" in tellal("show", "Oda").output
    assert "is dropped" in tellal("address", "Oda", "--drop").output
    assert "no new address" in tellal("address", "Oda", "--drop").output
    assert "queued" in tellal("try-again", "Oda", "--wait", "0").output
