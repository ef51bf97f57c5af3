"""`tellal retention` and `tellal stats`: what goes is said before, and what stays is shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import Article, Delivery, DeliveryDay, Staff
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "full_audit")


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def told(cms, town, work, clock) -> int:
    """An article that three readers were told, and all is over."""
    town.readers(3)
    cms.post()
    clock.advance(hours=1)
    work()
    assert town.mails().total() == 3
    return town.all(Article)[0].id


def test_a_dry_run_says_what_would_go_and_changes_nothing(told, town, clock):
    assert "0 deliveries of 0 notifications" in invoke("retention", "run", "--dry-run").output
    clock.advance(days=91)
    result = invoke("retention", "run", "--dry-run")

    assert "To be turned into counts: 3 deliveries of 1 notifications." in result.output
    assert town.count(Delivery) == 3
    assert town.count(DeliveryDay) == 0


def test_a_run_counts_and_a_later_one_deletes_what_had_no_partition_to_go_with(
    told, town, clock, client
):
    clock.advance(days=91)
    first = invoke("retention", "run")
    clock.advance(days=9)
    second = invoke("retention", "run")

    assert "3 deliveries counted, 0 partitions dropped" in first.output
    assert "0 deliveries counted" in second.output
    assert town.count(Delivery) == 0
    assert town.news()[0].final_counts == {"sent": 3}


def test_the_days_show_the_same_before_and_after(told, town, clock):
    before = invoke("stats", "days", "--days", "200", "--lanes").output
    clock.advance(days=91)
    invoke("retention", "run")
    line = next(one for one in before.splitlines() if "email" in one).split()

    assert line[1:6] == ["new", "email", "other", "3", "0"]
    assert invoke("stats", "days", "--days", "200", "--lanes").output == before
    assert "email" not in invoke("stats", "days").output


def test_a_follow_up_of_what_is_forgotten_says_so(told, town, clock, runtime):
    with runtime.db.write() as session:
        session.add(Staff(email=EDITOR, fs_uniquifier=EDITOR))
    clock.advance(days=91)
    invoke("retention", "run")
    words = (str(told), "--staff", EDITOR)
    corrected = invoke("article", "correct", *words)
    withdrawn = invoke("article", "withdraw", "--tell", *words)
    back = invoke("article", "republish", "--tell", *words)

    for result in (corrected, withdrawn, back):
        assert "the ledger no longer knows who was told of it" in result.output
    assert len(town.news()) == 1


def test_a_shorter_time_is_a_setting(told, town, clock, monkeypatch):
    monkeypatch.setenv("TELLAL_LEDGER_DAYS", "7")
    clock.advance(days=8)
    invoke("retention", "run")

    assert town.news()[0].archived_at - clock() < timedelta(minutes=1)


def test_the_status_of_an_article_is_the_same_when_its_rows_are_gone(cms, told, client, clock):
    page = cms.post().json["status_url"]
    before = client.get(page).json["deliveries"]
    clock.advance(days=91)
    invoke("retention", "run")
    clock.advance(days=9)
    invoke("retention", "run")

    assert before["sent"] == 3
    assert client.get(page).json["deliveries"] == before
