"""Digests in the long run: commands that show them, rows that go, letters that wait too long."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from service.cli import cli
from service.ledger import cancel
from service.ledger.retention import Retention
from service.models import (
    Article,
    DeliveryState,
    DigestArticle,
    DigestItem,
    Frequency,
    HaltScope,
    Notification,
    Subscription,
)
from tests.integration.ledger.cancelling import settle_cancelled
from tests.integration.ledger.recorder import Recorder
from workers.deliver import deliver_batch
from workers.recover import sweep_once

pytestmark = pytest.mark.usefixtures("full_audit")
CANCELLED = DeliveryState.CANCELLED


def invoke(*words):
    return CliRunner().invoke(cli, words)


def test_the_list_says_what_became_of_each_run(press, town, daily, yesterday, command_line):
    daily()
    press.release(yesterday)
    press.plan()
    press.send()

    shown = invoke("digest", "list").output.splitlines()

    assert shown[0].split("\t") == [
        "2031-06-03",
        "daily",
        "2031-06-02 08:00 to 2031-06-03 08:00",
        "1 articles",
        "done",
        "1 sent",
    ]
    assert shown[1].endswith("no news")


def test_a_city_without_digests_says_so(command_line):
    assert invoke("digest", "list").output.startswith("No digest has been made yet")


@pytest.mark.parametrize(("more", "subject"), [((), "Bugünün"), (("--weekly",), "Haftanın")])
def test_a_preview_shows_the_newest_articles(press, yesterday, command_line, more, subject):
    for n in range(23):
        press.release(yesterday, title=f"Haber {n}", is_planned=False)

    shown = invoke("mail", "preview", "digest", *more)

    assert shown.exit_code == 0, shown.output
    assert f"Subject: {subject} haberleri: Haber 22 ve 22 haber daha" in shown.output
    assert shown.output.count("* Haber ") == 20
    assert "/haberler" in shown.output


def test_a_preview_of_nothing_is_refused(command_line):
    assert "there is no article yet" in invoke("mail", "preview", "digest").output


def test_items_go_with_their_deliveries_and_counts_stay(
    press, town, daily, yesterday, runtime, clock
):
    daily()
    press.release(yesterday)
    (digest,) = press.plan()
    press.send()
    sweep_once(runtime)

    for days in (200, 10):  # what lies beside something younger waits for its partition
        clock.advance(days=days)
        list(Retention.of(runtime.db, runtime.settings).steps(clock()))

    assert town.count(DigestItem) == 0
    assert town.count(DigestArticle) == 0
    assert town.get(Notification, digest).final_counts == {"sent": 1}


def test_a_letter_that_waited_is_looked_at_again_and_written_anew(
    press, town, daily, yesterday, runtime, monkeypatch
):
    reader = daily()
    town.subscribe(reader, "spor", None, Frequency.DAILY)
    press.release(yesterday)
    sport = press.release(yesterday, ("spor",))
    (digest,) = press.plan()
    monkeypatch.setattr("workers.parcel.FRESH_S", -1.0)
    seen = []

    def leave_then_send(_destination, on_wire):
        if not seen:
            with runtime.db.write() as session:
                session.execute(
                    update(Subscription)
                    .where(Subscription.topic_id == town.topic())
                    .values(ended_at=press.clock())
                )
        seen.append(True)
        on_wire()

    for batch in town.batches(digest):
        deliver_batch(runtime, batch, Recorder(leave_then_send))

    assert len(seen) == 2
    assert press.told(digest) == {reader: [sport]}


def test_a_cancel_of_all_stops_digests_too(press, town, daily, yesterday, runtime, clock):
    reader = daily()
    press.release(yesterday)
    (digest,) = press.plan()
    clock.advance(seconds=1)

    with runtime.db.write() as session:
        cancel.cancel(session, HaltScope.ALL, 0, "", None, clock())
    settle_cancelled(runtime, HaltScope.ALL, 0, clock())
    press.send()

    assert press.states(digest) == {reader: CANCELLED}
    assert press.letters() == []


def test_advertising_goes_to_no_digest(press, town, daily, yesterday, runtime):
    daily()
    article = press.release(yesterday)
    with runtime.db.write() as session:
        session.execute(update(Article).where(Article.id == article).values(is_commercial=True))

    (digest,) = press.plan()

    assert press.states(digest) == {}
