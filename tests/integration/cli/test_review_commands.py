"""`tellal review`: the staff's word is final, and followed to who is told."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import (
    Article,
    AuditEntry,
    DeliveryState,
    Destination,
    LabelOrigin,
    LabelState,
    MailboxMessage,
    Notification,
    Revision,
    Suppression,
    TopicLabel,
)
from tests.integration.town import EDITOR
from workers.classify import classify_revision

pytestmark = pytest.mark.usefixtures("command_line", "editor")

CLIMATE, SPORT = "iklim-cevre", "spor"


@pytest.fixture
def later(work, clock):
    def later(hours: float = 1) -> None:
        work()
        clock.advance(hours=hours)
        work()

    return later


def invoke(*words: str) -> Result:
    staff = () if words[0] == "list" else ("--staff", EDITOR)
    return CliRunner().invoke(cli, ("review", *words, *staff))


def recipients(town) -> list[str]:
    return sorted(mail.recipient for mail in town.all(MailboxMessage))


def labels(town) -> dict[int, tuple[str, str]]:
    (article,) = town.all(Article)
    return {
        label.topic_id: (label.state, label.origin)
        for label in town.all(TopicLabel)
        if label.revision_id == article.shown_revision_id
    }


def test_a_topic_added_after_release_tells_those_who_asked_for_it_once(
    cms, town, later, client, full_audit
):
    town.reader(CLIMATE, address="iklim@example.org")
    town.reader(SPORT, address="spor@example.org")
    both = town.reader(CLIMATE, address="ikisi@example.org")
    town.subscribe(both, SPORT)
    cms.post()
    later()
    assert recipients(town) == ["ikisi@example.org", "iklim@example.org"]
    assert cms.article()["title"] not in client.get(f"/feeds/{SPORT}.rss").text

    result = invoke("add", "1", SPORT)
    later()

    assert "will be told" in result.output
    assert recipients(town) == ["ikisi@example.org", "iklim@example.org", "spor@example.org"]
    assert cms.article()["title"] in client.get(f"/feeds/{SPORT}.rss").text
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.object_id, entry.detail) == ("review.add", 1, {"topic": SPORT})
    (notification,) = town.news()
    assert (notification.state, notification.planned) == ("done", 3)


def test_a_rejected_topic_leaves_its_feed_and_tells_nobody_more(cms, town, work, later, client):
    town.reader(CLIMATE)
    cms.post()
    work()  # classified, and held

    assert invoke("reject", "1", CLIMATE).exit_code == 0
    later(hours=3)

    assert recipients(town) == []
    assert cms.article()["title"] not in client.get(f"/feeds/{CLIMATE}.rss").text


def test_a_rejection_after_release_renews_the_feed_that_the_article_leaves(cms, later, client):
    cms.post()
    later()
    before = client.get(f"/feeds/{CLIMATE}.rss")
    assert cms.article()["title"] in before.text

    invoke("reject", "1", CLIMATE)

    after = client.get(f"/feeds/{CLIMATE}.rss", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert cms.article()["title"] not in after.text


def test_a_topic_rejected_by_mistake_and_accepted_again_tells_those_left_out(
    town, work, runtime, full_audit
):
    town.reader(CLIMATE, address="kalan@example.org")
    paused = town.reader(CLIMATE)
    bounced = town.reader(CLIMATE, address="dönen@example.org")
    left = town.reader(CLIMATE)
    before = town.reader(CLIMATE, is_paused=True)
    number = town.article()
    notification = town.planned(number)
    with runtime.db.write() as session:
        session.get_one(Destination, paused).is_paused = True
        hashed = session.get_one(Destination, bounced).address_hash
        session.add(Suppression(address_hash=hashed, reason="bounce"))
    town.unsubscribe(left)
    invoke("reject", str(number), CLIMATE)
    work()
    assert town.counts(notification) == {DeliveryState.SUPPRESSED: 5}

    result = invoke("accept", str(number), CLIMATE)
    work()

    assert "will be told" in result.output
    assert recipients(town) == ["kalan@example.org"]
    states = town.states(notification)
    assert {states[one] for one in (paused, bounced, left, before)} == {DeliveryState.SUPPRESSED}
    assert town.get(Notification, notification).planned == 5


def test_the_word_of_the_staff_stands_on_every_later_revision(cms, town, later):
    cms.post()
    later()
    invoke("reject", "1", CLIMATE)
    invoke("add", "1", SPORT)
    cms.post(summary="İklim, karbon, sera gazı, iklim krizi: yeni metin.")
    later()

    climate, sport = town.topic(CLIMATE), town.topic(SPORT)
    assert town.count(Revision) == 2
    assert labels(town)[climate] == (LabelState.DROPPED, LabelOrigin.STAFF)
    assert labels(town)[sport] == (LabelState.PUBLISHED, LabelOrigin.STAFF)


def test_a_decision_while_a_revision_is_classified_is_on_it(cms, town, later, runtime):
    cms.post()
    later()
    cms.post(summary="İklim için yeni metin.")
    invoke("reject", "1", CLIMATE)
    newest = max(row.id for row in town.all(Revision))

    classify_revision(runtime, newest)

    assert labels(town)[town.topic(CLIMATE)] == (LabelState.DROPPED, LabelOrigin.STAFF)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accept", "1", "iklim-cevr"), "did you mean 'iklim-cevre'?"),
        (("accept", "9", CLIMATE), "there is no article 9"),
        (("none", "9"), "there is no article 9"),
        (("accept", "1", SPORT), "add the topic instead"),
    ],
)
def test_what_cannot_be_decided_is_said_and_changes_nothing(cms, town, work, words, said):
    cms.post()
    work()
    before = labels(town)

    result = invoke(*words)

    assert result.exit_code == 2
    assert said in result.output
    assert labels(town) == before
    assert town.all(AuditEntry) == []


def test_a_topic_that_comes_after_a_day_goes_to_the_feed_alone(cms, town, later, client):
    town.reader(SPORT)
    cms.post()
    later()
    later(hours=30)

    result = invoke("add", "1", SPORT)
    later()

    assert "will be told" not in result.output
    assert recipients(town) == []
    assert cms.article()["title"] in client.get(f"/feeds/{SPORT}.rss").text
