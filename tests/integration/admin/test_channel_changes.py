"""Channels in the hands of staff: changed and removed, by page, program and command."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from service.cli import cli
from service.ledger import match
from service.models import (
    AuditEntry,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    Place,
    Subscription,
    Topic,
)
from service.runtime import Runtime
from service.subscriptions.channels import public_channels
from tests.integration.admin.examples.channels import one

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
Browser = Any
SignIn = Callable[[str], Browser]
EDIT = "/staff/channels/1/edit"
REMOVE = "/staff/channels/1/remove"


def told(runtime: Runtime, topic: str, place: str | None) -> int:
    """How many the planner would tell of news about this topic and place."""
    with runtime.db.read() as session:
        topic_id = session.scalars(select(Topic.id).where(Topic.slug == topic)).one()
        places = session.scalars(select(Place.id).where(Place.slug == place)).all()
        return match.count_told(session, [topic_id], list(places), 0, 0)


def test_what_a_channel_hears_of_is_what_the_planner_matches(
    runtime: Runtime, signed_in: SignIn
) -> None:
    one(runtime)
    manager = signed_in("channel-manager")
    assert told(runtime, "ulasim", "konak") == 1
    found = re.search(r'name="version" value="([^"]+)"', manager.get(EDIT).text)
    assert found
    wanted = {"topics": ["ulasim", "spor"], "places": "konak", "language": "en"}
    link = {"public_url": "https://t.me/ornek"}
    done = manager.post(EDIT, EDIT, version=found[1], name="Konak odası", **wanted, **link)
    assert (done.status_code, done.location) == (303, "/staff/channels/1")
    assert told(runtime, "ulasim", "konak") == told(runtime, "spor", "konak") == 1
    assert told(runtime, "ulasim", "bornova") == told(runtime, "iklim-cevre", "konak") == 0
    with runtime.db.read() as session:
        assert session.scalars(select(Destination.language)).one() == "en"
        ended = select(Subscription.end_reason).where(Subscription.ended_at.is_not(None))
        assert session.scalars(ended).all() == ["staff"]
        assert [row.name for row in public_channels(session)] == ["Konak odası"]
    late = manager.post(EDIT, EDIT, version=found[1], name="Eski", topics="all")
    assert late.status_code == 422
    assert "biri onu değiştirdi" in late.text
    assert "Konak odası" in manager.get("/staff/channels/1").text


@pytest.mark.parametrize(
    "url",
    [
        "json://10.0.0.1/x",
        "json://169.254.169.254/latest",
        "json://2130706433/x",
        "json://0x7f.1/x",
        "json://[::1]/x",
        "json://[::ffff:10.0.0.1]/x",
        "json://[fd00::1]/x",
        "json://[64:ff9b::a00:1]/x",
        "json://224.0.0.1/x",
        "json://metadata.google.internal/x",
    ],
)
def test_an_internal_address_is_refused(
    runtime: Runtime, program: Callable[..., Any], url: str
) -> None:
    one(runtime)
    key, path = program("channel-manager"), "/v1/admin/channels/1"
    for answer in (
        key.send("/v1/admin/channels", {"name": "İç", "url": url}),
        key.send(path, {"url": url}, "PATCH", If_Match="*"),
    ):
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "url"
    with runtime.db.read() as session:
        assert session.scalars(select(Channel.masked_url)).all() == ["json://127.0.0.1/***"]


def test_a_removed_channel_hears_nothing_and_its_name_is_free(
    runtime: Runtime, signed_in: SignIn, program: Callable[..., Any]
) -> None:
    one(runtime)
    with runtime.db.write() as session:
        destination_id = session.scalars(select(Destination.id)).one()
        for number, state in ((1, DeliveryState.SENT), (2, DeliveryState.QUEUED)):
            row = Delivery(notification_id=number, destination_id=destination_id, state=state)
            session.add(row)
    manager = signed_in("channel-manager")
    page = manager.get(REMOVE).text
    assert "<dd>1</dd>" in page  # its one subscription
    assert "<dd>1<br>" in page  # the one that is not sent
    for wrong in ({"confirmed": "oda", "reason": "Kapandı"}, {"confirmed": "Oda"}):
        assert manager.post(REMOVE, REMOVE, **wrong).status_code == 422
    assert manager.post(REMOVE, REMOVE, confirmed="Oda", reason="Kapandı").status_code == 303
    assert told(runtime, "ulasim", None) == 0
    assert "Oda" not in manager.get("/staff/channels").text
    assert manager.get("/staff/channels/1").status_code == 404
    assert manager.post(REMOVE, confirmed="Oda", reason="Kapandı").status_code == 404
    with runtime.db.read() as session:
        row = session.scalars(select(Channel)).one()
        assert (row.sealed_url, row.is_paused, row.name) == ("", True, "Oda #1")
        assert len(session.scalars(select(Delivery)).all()) == 2
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "channel.remove")).one()
    assert entry.detail == {"name": "Oda", "reason": "Kapandı", "subscriptions": 1}
    again = {"name": "Oda", "url": "json://127.0.0.1:9/room", "topics": ["ulasim"]}
    made = program("channel-manager").send("/v1/admin/channels", again)
    assert (made.status_code, made.json["id"]) == (201, 2)


def test_why_a_channel_paused_itself_is_said(runtime: Runtime, signed_in: SignIn) -> None:
    one(runtime)
    reason = "the service answered 404"
    with runtime.db.write() as session:
        stored = f"paused by itself: {reason}"
        session.execute(update(Channel).values(is_paused=True, pause_reason=stored))
    manager = signed_in("channel-manager")
    page = manager.get("/staff/channels/1").text
    assert reason in page
    assert "paused by itself" not in page  # its state says so, in the reader's language
    assert manager.post("/staff/channels/1/resume").status_code == 303
    assert reason not in manager.get("/staff/channels/1").text


@pytest.mark.usefixtures("command_line")
def test_commands_do_what_the_pages_do(runtime: Runtime, tmp_path: Any) -> None:
    def tellal(*words: str) -> Result:
        return CliRunner().invoke(cli, ("channel", *words))

    assert tellal("add", "Oda", "json://93.184.216.34/a", "--language", "en").exit_code == 0
    secret = tmp_path / "url"
    secret.write_text("json://93.184.216.34/b\n", encoding="utf-8")
    words = ["--topic", "spor", "--place", "konak", "--url-file", str(secret), "--name", "Spor"]
    assert "topics and districts, name, address changed" in tellal("edit", "Oda", *words).output
    assert "is paused" in tellal("pause", "Spor", "--reason", "Bakım").output
    assert "was paused already" in tellal("pause", "Spor", "--reason", "Bakım").output
    shown = tellal("show", "Spor").output
    for line in ("topics: spor", "districts: konak", "language: en", "paused: Bakım"):
        assert line in shown
    assert "is resumed" in tellal("resume", "Spor").output
    assert "queued" in tellal("test", "Spor", "--wait", "0").output
    assert "last test: queued" in tellal("show", "Spor").output
    with runtime.db.write() as session:
        stored = "paused by itself: the service answered 404"
        session.execute(update(Channel).values(is_paused=True, pause_reason=stored))
    assert "  paused: by itself: the service answered 404\n" in tellal("list").output
    assert "\npaused: by itself: the service answered 404\n" in tellal("show", "Spor").output
    assert "Nothing was done" in tellal("remove", "Spor").output
    refused = tellal("remove", "Spor", "--yes", "Oda", "--reason", "x")
    assert (refused.exit_code, "name as it stands" in refused.output) == (2, True)
    assert "is removed" in tellal("remove", "Spor", "--yes", "Spor", "--reason", "x").output
    assert tellal("show", "Spor").exit_code == 2
    with runtime.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    done = ("add", "change", "pause", "resume", "test", "remove")
    assert acts == [f"channel.{act}" for act in done]
