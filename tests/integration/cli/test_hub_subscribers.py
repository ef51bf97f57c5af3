"""`tellal feeds subscribers`: who is pushed our feeds, and an end to it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from service.cli import cli
from service.db import utcnow
from service.feeds.hub_subscriptions import confirm
from service.models import AuditEntry, WebsubList, WebsubRequest, WebsubSubscription
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")


def told(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["feeds", "subscribers", *words])
    return result.exit_code, result.output


@pytest.fixture
def number(client, runtime) -> int:
    """A subscription whose callback has confirmed it."""
    asked = {
        "hub.mode": "subscribe",
        "hub.topic": "http://localhost:8080/feeds/spor.atom",
        "hub.callback": "https://reader.example.com/gizli-yol",
    }
    assert client.post("/hub", data=asked).status_code == 202
    with runtime.db.write() as session:
        request = session.scalars(select(WebsubRequest)).one()
        confirm(session, request.id, [(1, 0)], utcnow())
    return request.destination_id


def test_staff_see_who_is_subscribed_and_no_callback(number, runtime):
    code, said = told()
    assert code == 0
    assert said.startswith(f"{number}\tspor.atom\treader.example.com\tuntil ")
    assert "never pushed to" in said
    assert "gizli" not in said
    assert told("--topic", "ulasim") == (0, "Nobody is subscribed.\n")


def test_staff_end_a_subscription_and_its_callback_hears_why(number, runtime, town):
    code, said = told("end", str(number), "--reason", "too slow", "--staff", EDITOR)
    assert (code, said) == (0, f"Subscription {number} has ended.\n")

    row = town.get(WebsubSubscription, number)
    assert (row.end_reason, town.count(WebsubList)) == ("ended by staff", 0)
    (entry,) = [one for one in town.all(AuditEntry) if one.act == "hub.end"]
    assert entry.detail == {"topic": "spor", "host": "reader.example.com", "reason": "too slow"}
    told_why = [one.payload for one in town.news() if "reason" in one.payload]
    assert told_why == [{"template": "websub_denied", "reason": "too slow"}]
    code, said = told("--all")
    assert "ended by staff" in said
    code, said = told("end", str(number), "--reason", "again", "--staff", EDITOR)
    assert code == 2
    assert "is no live subscription" in said
    assert town.findings() == []
