"""Channels in the hands of staff: added, tested, paused, resumed; their secrets never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from service.models import (
    AuditEntry,
    Batch,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Halt,
    Notification,
)
from service.runtime import Runtime

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

Browser = Any
SignIn = Callable[[str], Browser]
URL = "json://127.0.0.1:9/secret-path?+X-Token=very-secret"
NEW = "/staff/channels/new"


@pytest.fixture
def manager(signed_in: SignIn) -> Browser:
    browser = signed_in("channel-manager")
    answer = browser.post("/staff/channels", NEW, name="Genel oda", url=URL, topics="all")
    assert (answer.status_code, answer.location) == (303, "/staff/channels/1")
    return browser


def acts(runtime: Runtime) -> list[str]:
    with runtime.db.read() as session:
        rows = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    return [act for act in rows if act != "staff.sign-in"]


def test_a_stored_address_is_never_shown(runtime: Runtime, manager: Browser) -> None:
    for path in ("/staff/channels", "/staff/channels/1", "/en/staff/channels/1"):
        page = manager.get(path).text
        assert "json://127.0.0.1/***" in page
        assert "secret" not in page
    with runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "channel.add")).one()
    assert "secret" not in str(entry.detail)
    assert entry.object_id == 1


@pytest.mark.parametrize(
    ("name", "url", "topics", "says"),
    [
        ("", "json://127.0.0.1/x", "all", "en çok 100"),
        ("Oda", "", "all", "slack://…"),
        ("Oda", "dbus://x", "all", "hiçbir zaman"),
        ("Oda", "json://10.0.0.1/very-secret", "all", "iç ağ adresidir"),
        ("Oda", "json://127.0.0.1/x", [], "En az bir konu"),
        ("Genel oda", "json://127.0.0.1/x", "all", "zaten var"),
    ],
)
def test_a_refused_channel_is_explained_and_its_address_not_repeated(
    runtime: Runtime, manager: Browser, name: str, url: str, topics: str, says: str
) -> None:
    answer = manager.post("/staff/channels", NEW, name=name, url=url, topics=topics)
    assert answer.status_code == 422
    assert "<title>Hata: " in answer.text
    assert says in answer.text
    assert "very-secret" not in answer.text
    assert acts(runtime) == ["channel.add"]


def test_a_test_message_is_a_delivery_and_its_answer_is_shown(
    runtime: Runtime, manager: Browser
) -> None:
    answer = manager.post("/staff/channels/1/test")
    assert (answer.status_code, answer.location) == (303, "/staff/channels/1")
    assert "Sırada" in manager.get("/staff/channels/1").text
    with runtime.db.write() as session:
        notification = session.scalars(select(Notification)).one()
        assert notification.payload["template"] == "channel_test"
        assert session.scalars(select(Batch)).one().lane == "json"
        delivery = session.scalars(select(Delivery)).one()
        delivery.state = DeliveryState.REJECTED
        session.add(
            DeliveryAnswer(
                notification_id=delivery.notification_id,
                destination_id=delivery.destination_id,
                state=DeliveryState.REJECTED,
                code="404",
                detail="no_such_room",
            )
        )
    page = manager.get("/staff/channels/1").text
    assert "Reddedildi" in page
    assert "no_such_room" in page
    assert acts(runtime) == ["channel.add", "channel.test"]


def test_pausing_wants_a_reason_and_resuming_none(runtime: Runtime, manager: Browser) -> None:
    assert manager.post("/staff/channels/1/pause", reason=" ").status_code == 422
    manager.post("/staff/channels/1/pause", reason="Bakım <b>var")
    assert "Bakım &lt;b&gt;var" in manager.get("/staff/channels").text
    with runtime.db.read() as session:
        halt = session.scalars(select(Halt)).one()
        assert (halt.scope, halt.object_id, halt.reason) == ("channel", 1, "Bakım <b>var")
        assert halt.staff_id is not None
    manager.post("/staff/channels/1/resume")
    manager.post("/staff/channels/1/resume")
    assert "Bakım" not in manager.get("/staff/channels").text
    assert acts(runtime) == ["channel.add", "channel.pause", "channel.resume"]


@pytest.mark.parametrize("act", ["test", "pause", "resume"])
def test_there_is_nothing_to_do_with_a_channel_that_is_not(manager: Browser, act: str) -> None:
    assert manager.get("/staff/channels/99").status_code == 404
    assert manager.post(f"/staff/channels/99/{act}", reason="x").status_code == 404
