"""`tellal deliveries`: what staff say is counted first, done once and written down."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from service.cli import cli
from service.ledger.outcome import Outcome
from service.models import AuditEntry, Delivery, DeliveryState, Destination, Halt, Notification
from tests.integration.ledger.recorder import Recorder
from tests.integration.town import EDITOR
from workers.deliver import deliver_batch

pytestmark = pytest.mark.usefixtures("command_line", "editor", "full_audit")

SENT, QUEUED, CANCELLED = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.CANCELLED
REJECTED, UNKNOWN = DeliveryState.REJECTED, DeliveryState.UNKNOWN


def run(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ("deliveries", *words), input=answer)


def act(*words: str, answer: str = "") -> Result:
    return run(*words, "--staff", EDITOR, answer=answer)


def test_a_pause_holds_everything_until_it_is_resumed(town, work):
    town.readers(3)
    notification = town.planned()
    paused = act("pause", "--all", "--reason", "arıza")
    work()

    assert paused.output == "Paused: everything.\n"
    assert town.counts(notification) == {QUEUED: 3}
    shown = run("status").output
    assert shown.startswith("paused: everything, since ")
    assert shown.endswith(": arıza\n1 batches wait for a pause to end.\n")

    assert act("resume", "--all").output == "Resumed: everything. 1 batches go on.\n"
    work()
    assert town.counts(notification) == {SENT: 3}
    assert set(town.mails().values()) == {1}
    assert [(one.act, one.detail["scope"]) for one in town.all(AuditEntry)] == [
        ("deliveries.pause", "all"),
        ("deliveries.resume", "all"),
    ]


def test_each_target_is_found_by_its_name(town):
    article = town.article()
    town.channel("json://127.0.0.1:1/")
    (channel,) = (row for row in town.all(Destination) if row.channel_id)
    targets = {
        ("--article", str(article)): ("article", article),
        ("--topic", "spor"): ("topic", town.topic("spor")),
        ("--channel", channel_name(town)): ("channel", channel.channel_id),
    }
    for words in targets:
        assert act("pause", *words, "--reason", "x").exit_code == 0

    assert [(one.scope, one.object_id) for one in town.all(Halt)] == list(targets.values())
    shown = run("status").output
    assert all(f"paused: {words[0][2:]} {words[1]}, since" in shown for words in targets)
    assert "paused: x" in CliRunner().invoke(cli, ("channel", "list")).output


def channel_name(town) -> str:
    from service.models import Channel

    return town.all(Channel)[0].name


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "say one of --all, --article, --topic, --channel or --lane"),
        (("--all", "--topic", "spor"), "say one of --all"),
        (("--article", "99"), "there is no article 99"),
        (("--topic", "spot"), "there is no topic 'spot'; did you mean 'spor'?"),
        (("--channel", "Oda"), "there is no channel 'Oda'"),
        (("--lane", "othr"), "there is no lane 'othr'; did you mean 'other'?"),
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(town, words, says):
    result = act("pause", *words, "--reason", "x")

    assert result.exit_code == 2
    assert says in result.output
    assert town.all(AuditEntry) == []


def test_pausing_twice_and_resuming_what_goes_on_are_refused(town):
    act("pause", "--all", "--reason", "x")
    again = act("pause", "--all", "--reason", "y")
    act("resume", "--all")
    over = act("resume", "--all")

    assert "everything is paused already" in again.output
    assert "everything is not paused" in over.output
    assert [one.act for one in town.all(AuditEntry)] == ["deliveries.pause", "deliveries.resume"]


def test_a_mail_lane_is_paused_and_resumed_by_its_name_and_never_cancelled(town, work):
    town.reader(lane="other")
    notification = town.planned()
    paused = act("pause", "--lane", "other", "--reason", "yavaş")
    assert paused.output.endswith("Paused: lane other.\n")
    work()
    assert town.counts(notification) == {QUEUED: 1}
    assert run("status").output.startswith("paused: lane other, since ")
    refused = act("cancel", "--lane", "other", "--reason", "x", "--yes")
    assert "lane other can be paused, not cancelled" in refused.output

    resumed = act("resume", "--lane", "other")
    assert resumed.output.endswith("Resumed: lane other. 1 batches go on.\n")
    work()
    assert town.counts(notification) == {SENT: 1}
    assert [one.detail["lane"] for one in town.all(AuditEntry)] == ["other", "other"]


def test_a_cancel_counts_first_and_does_nothing_without_a_yes(town, work):
    town.readers(3)
    notification = town.planned()
    article = str(town.get(Notification, notification).article_id)
    refused = act("cancel", "--article", article, "--reason", "yanlış", answer="n\n")

    assert f"article {article}: 3 planned deliveries are not sent yet." in refused.output
    assert refused.exit_code == 2
    assert town.all(AuditEntry) == []

    done = act("cancel", "--article", article, "--reason", "yanlış", answer="y\n")
    work()
    assert f"Cancelled: article {article}. Job 1 settles" in done.output
    assert town.counts(notification) == {CANCELLED: 3}
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.object_id) == ("deliveries.cancel", int(article))
    assert entry.detail == {"scope": "article", "reason": "yanlış"}
    assert "cancelled 3" in run("status", "--article", article).output


@pytest.fixture
def half_told(town, runtime) -> tuple[str, int, list[int]]:
    """An article that one got, one did not, and one may have got."""
    readers = town.readers(3)
    notification = town.planned()
    answers = {readers[1]: Outcome(REJECTED, "550"), readers[2]: Outcome(UNKNOWN)}
    deliver_batch(runtime, town.batches()[0], Recorder(lambda one, _: answers.get(one)))
    with runtime.db.write() as session:
        in_doubt = update(Delivery).where(Delivery.destination_id == readers[2])
        session.execute(in_doubt.values(state=UNKNOWN, due_at=None))
    return str(town.get(Notification, notification).article_id), notification, readers


def test_a_resend_says_what_is_missing_and_sends_it_to_those_alone(town, work, half_told):
    article, notification, (told, refused, lost) = half_told
    counted = (
        "rejected: 1\ncancelled: 0\nsuppressed: 0\nunplanned: 0\n"
        "unknown: 1, left alone without --unknown; may have got it:"
        f" destinations {lost}\n"
    )

    assert act("resend-missing", article, "--dry-run").output == counted
    assert town.all(AuditEntry) == []
    done = act("resend-missing", article, answer="y\n")
    work()

    assert done.output.startswith(f"{counted}Send it to 1? [y/N]: y\n")
    assert town.states(notification) == {told: SENT, refused: SENT, lost: UNKNOWN}
    assert town.mails().total() == 1
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.object_id) == ("deliveries.resend-missing", int(article))
    assert entry.detail == {"unknown": False}


def test_the_unknown_are_resent_for_a_reason_alone(town, work, half_told):
    article, notification, _ = half_told
    refused = act("resend-missing", article, "--unknown", "--yes")
    done = act("resend-missing", article, "--unknown", "--reason", "aktarıcı çöktü", "--yes")
    work()

    assert "may bring a second copy; say why by --reason" in refused.output
    assert "may get a second copy" in done.output
    assert town.counts(notification) == {SENT: 3}


def test_what_nobody_may_be_told_of_is_not_resent(town):
    result = act("resend-missing", str(town.article()), "--yes")

    assert result.exit_code == 2
    assert "was never news: it went to the feeds alone" in result.output
