"""Webhooks by page, API and command line: the secret once, what was sent, sending again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from service.cli import cli
from service.db import utcnow
from service.models import (
    AuditEntry,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Notification,
    WebhookKey,
)
from service.runtime import Runtime
from service.subscriptions import webhook_keys
from service.subscriptions.channels import add_channel, destination_of
from service.subscriptions.webhook_replay import REPLAY
from tests.integration.admin.examples.webhooks import one, told

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def hook(runtime: Runtime) -> int:
    """A webhook that was sent one article, after a try that failed."""
    channel_id: int = told(runtime)["channel_id"]
    with runtime.db.write() as session:
        destination = destination_of(session, channel_id)
        assert destination is not None
        pair = {"notification_id": 1, "destination_id": destination.id}
        for state, code, took in (
            (DeliveryState.DEFERRED, "503", 4321),
            (DeliveryState.SENT, "204", 87),
        ):
            answer = DeliveryAnswer(**pair, state=state, code=code, at=utcnow(), took_ms=took)
            session.add(answer)
    return channel_id


def replays(runtime: Runtime) -> list[dict[str, Any]]:
    with runtime.db.read() as session:
        payloads = session.scalars(select(Notification.payload).order_by(Notification.id))
        return [one for one in payloads if one.get("template") == REPLAY]


def test_the_page_shows_each_try_and_sends_again(
    hook: int, runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    staff = signed_in("channel-manager")
    there = f"/staff/channels/{hook}/deliveries"
    page = staff.get(there).text
    for text in ("503", "204", "87 ms", "<code>1-1</code>", 'name="since"'):
        assert text in page

    assert staff.post(f"/staff/channels/{hook}/replay", there).status_code == 422
    for wrong in ({"since": "31.1."}, {"article": "x"}, {"since": "0001-01-01"}):
        assert staff.post(f"/staff/channels/{hook}/replay", there, **wrong).status_code == 422
    assert replays(runtime) == []
    done = staff.post(f"/staff/channels/{hook}/replay", there, article="1")
    assert done.status_code == 303
    after = staff.get(done.location).text
    assert 'role="status"' in after
    assert after.count("/staff/articles/1") == 2  # what is repeated has its article, too
    assert replays(runtime) == [{"template": REPLAY, "of": 1}]


def test_a_webhook_without_a_secret_says_that_it_waits(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    channel_id: int = one(runtime)["channel_id"]
    viewer = signed_in("viewer")
    for path in ("/en/staff/channels", f"/en/staff/channels/{channel_id}"):
        assert "Waits for its secret" in viewer.get(path).text
    with runtime.db.write() as session:
        channel = session.get_one(Channel, channel_id)
        webhook_keys.make(session, runtime.vault, None, channel, utcnow())
    for path in ("/en/staff/channels", f"/en/staff/channels/{channel_id}"):
        assert "Waits for its secret" not in viewer.get(path).text


def test_who_may_only_look_gets_no_form(hook: int, signed_in: Callable[[str], Any]) -> None:
    viewer = signed_in("viewer")
    page = viewer.get(f"/staff/channels/{hook}/deliveries")
    assert (page.status_code, 'name="since"' in page.text) == (200, False)
    assert viewer.get(f"/staff/channels/{hook}/secret").status_code == 403


def test_a_secret_is_on_one_page_once(
    hook: int, runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    staff = signed_in("channel-manager")
    there = f"/staff/channels/{hook}/secret"
    found = re.search(r'name="version" value="([^"]+)"', staff.get(there).text)
    assert found is not None
    made = staff.post(there, there, version=found[1])

    (secret,) = SECRET.findall(made.text)
    assert staff.post(there, there, version=found[1]).status_code == 422, "a second press"
    for path in (there, f"/staff/channels/{hook}", f"/staff/channels/{hook}/deliveries"):
        assert secret not in staff.get(path).text
    with runtime.db.read() as session:
        assert runtime.vault.decrypt(session.scalars(select(WebhookKey)).one().sealed) == secret
        assert secret not in str([one.detail for one in session.scalars(select(AuditEntry))])


def test_only_webhooks_have_a_secret(runtime: Runtime, signed_in: Callable[[str], Any]) -> None:
    with runtime.db.write() as session:
        room = add_channel(
            *(session, runtime.vault, runtime.settings),
            name="Oda",
            url="json://127.0.0.1:9/x",
            topic_slugs=[],
        )
    staff = signed_in("channel-manager")
    assert staff.get(f"/staff/channels/{room.id}/secret").status_code == 404
    assert "/secret" not in staff.get(f"/staff/channels/{room.id}").text


def test_programs_do_the_same(hook: int, runtime: Runtime, program: Callable[..., Any]) -> None:
    key, root = program("channel-manager"), f"/v1/admin/channels/{hook}"
    (item,) = key.get(f"{root}/deliveries").json["items"]
    assert (item["id"], item["state"], item["kind"]) == ("1-1", "sent", "new")
    assert [one["took_ms"] for one in item["tries"]] == [87, 4321]

    read = key.get(f"{root}/secret")
    assert read.json["before_until"] is None
    assert key.send(f"{root}/secret", {}).status_code == 428
    made = key.send(f"{root}/secret", {}, If_Match=read.headers["ETag"])
    assert made.status_code == 201
    assert SECRET.fullmatch(made.json["secret"])
    assert made.json["before_until"] is not None
    assert key.send(f"{root}/secret", {}, If_Match=read.headers["ETag"]).status_code == 412

    refused = key.send(f"{root}/replay", {})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "since")
    queued = key.send(f"{root}/replay", {"article": 1})
    assert (queued.status_code, queued.json) == (202, {"events": 1, "further": None})
    newest = key.get(f"{root}/deliveries").json["items"][0]
    assert (newest["id"], newest["is_replay"]) == ("1-1", True)
    assert key.get("/v1/admin/channels/99/deliveries").status_code == 404


def test_the_open_api_document_tells_what_webhooks_send(app: Any) -> None:
    spec = app.test_client().get("/openapi.json").json
    assert spec["x-webhooks"].keys() == {"ArticleEvent", "TestEvent"}
    assert "ArticleData" in spec["components"]["schemas"]


@pytest.mark.usefixtures("command_line")
def test_the_command_line_does_the_same(hook: int, runtime: Runtime) -> None:
    def invoke(*words: str) -> Any:
        return CliRunner().invoke(cli, ("channel", *words))

    listed = invoke("deliveries", "Kanca").stdout
    assert "1-1  new  article 1  sent" in listed
    assert "204  87 ms" in listed
    assert SECRET.search(invoke("secret", "Kanca").stdout)
    assert "1 event is on its way" in invoke("replay", "Kanca", "--since", "2026-01-31").stdout
    assert invoke("replay", "Kanca").exit_code == 2
    assert len(replays(runtime)) == 1
    with runtime.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
        assert acts == ["channel.secret", "channel.replay"]
        assert session.scalar(select(func.count()).select_from(WebhookKey)) == 1
    with runtime.db.write() as session:
        later = {"state": DeliveryState.DEFERRED, "due_at": datetime(2026, 1, 9, 8, tzinfo=UTC)}
        session.execute(update(Delivery).values(later))
    assert "deferred, again at 2026-01-09 08:00:00Z" in invoke("deliveries", "Kanca").stdout
