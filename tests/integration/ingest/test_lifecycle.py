"""The state machine of an article: what is stored, and who is told (ingest guide, section 4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.db import utcnow
from service.models import (
    Article,
    ArticleState,
    DeliveryState,
    Notification,
    NotificationState,
    Revision,
)
from tests.integration.ingest.lifecycle import feed, one
from workers.classify import classify_revision
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")


def test_a_published_article_is_held_then_told_once(cms, town, clock, work, mail_count):
    cms.post()
    work()
    held = one(town, Notification)
    assert held.state == NotificationState.HELD
    assert timedelta(minutes=2) < held.release_at - utcnow() <= timedelta(minutes=3)
    assert town.mails().total() == 0

    assert mail_count() == 1
    assert one(town, Notification).state == NotificationState.DONE


def test_nothing_leaves_before_the_hold_is_over(cms, town, clock, work):
    town.reader()
    cms.post()
    work()

    clock.advance(seconds=170)
    work()
    early = town.mails().total()
    clock.advance(seconds=20)
    work()

    assert (early, town.mails().total()) == (0, 1)


def test_an_urgent_article_is_not_held(cms, town, work):
    town.reader()
    cms.post(urgent=True)
    work()

    assert town.mails().total() == 1


def test_a_change_during_the_hold_keeps_the_time_and_tells_the_newest_text_once(
    cms, town, mail_count
):
    cms.post()
    release_at = one(town, Notification).release_at

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert one(town, Notification).release_at == release_at
    assert mail_count() == 1
    from service.models import MailboxMessage

    assert one(town, MailboxMessage).subject == "Körfez için iklim eylem planı düzeltildi"


def test_a_withdrawal_during_the_hold_tells_nobody(cms, town, mail_count):
    cms.post()

    assert cms.withdraw().status_code == 202

    assert mail_count() == 0
    assert one(town, Notification).state == NotificationState.CANCELLED
    assert one(town, Article).state == ArticleState.WITHDRAWN


def test_publishing_again_after_a_withdrawal_during_the_hold_starts_afresh(
    cms, town, clock, mail_count
):
    cms.post()
    cms.withdraw()
    clock.advance(minutes=10)

    assert cms.post().json["status"] == "accepted"

    states = sorted(row.state for row in town.news())
    assert states == [NotificationState.CANCELLED, NotificationState.HELD]
    (held,) = [row for row in town.news() if row.state == NotificationState.HELD]
    assert held.release_at > clock() + timedelta(minutes=2)
    assert town.count(Revision) == 1
    assert mail_count() == 1


def test_the_same_content_again_is_unchanged_whatever_its_times_and_markup(cms, town, mail_count):
    cms.post()
    assert mail_count() == 1

    answer = cms.post(
        body_html="<p class='x'>Sera gazı ve  <b>karbon</b> salımı azalacak.</p><!-- v2 -->",
        updated_at="2199-01-01T00:00:00Z",
        image={"url": "https://www.example.bel.tr/a.jpg"},
    )

    assert answer.json["status"] == "unchanged"
    assert town.count(Revision) == len(town.news()) == 1
    assert mail_count() == 1


def test_an_edit_after_release_renews_the_feed_and_tells_nobody(cms, town, mail_count):
    cms.post()
    assert mail_count() == 1

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert mail_count() == 1
    assert "düzeltildi" in feed(cms.client)
    assert town.count(Revision) == 2


def test_an_article_stays_in_its_feed_while_an_edit_waits_for_its_classification(
    cms, town, mail_count
):
    cms.post()
    mail_count()

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert cms.article()["title"] in feed(cms.client)


def test_a_damaged_edit_leaves_the_good_text_in_the_feed(cms, town, mail_count):
    cms.post()
    mail_count()

    assert cms.post(title="?zmir Büyük?ehir").json["status"] == "quarantined"

    assert mail_count() == 1
    assert cms.article()["title"] in feed(cms.client)


def test_an_edit_back_to_an_older_text_is_shown_again(cms, town, mail_count):
    cms.post()
    mail_count()
    cms.post(title="Körfez için iklim eylem planı düzeltildi")
    mail_count()

    assert cms.post().json["status"] == "accepted"

    assert mail_count() == 1
    assert "düzeltildi" not in feed(cms.client)
    assert town.count(Revision) == 2


def test_withdrawn_after_release_then_published_again_is_in_the_feeds_only(cms, town, mail_count):
    cms.post()
    assert mail_count() == 1
    cms.withdraw()
    assert cms.article()["url"] not in feed(cms.client)

    cms.post(title="Körfez için iklim eylem planı yeniden yayında")

    assert mail_count() == 1
    assert "yeniden yayında" in feed(cms.client)
    assert len(town.news()) == 1


def test_a_second_withdrawal_changes_nothing(cms, town):
    cms.post()
    cms.withdraw()
    at = one(town, Article).withdrawn_at

    assert cms.withdraw().json["status"] == "unchanged"
    assert one(town, Article).withdrawn_at == at


def test_advertising_goes_to_the_feeds_only(cms, town, mail_count):
    cms.post(commercial=True)

    assert len(town.news()) == 0
    assert mail_count() == 0
    assert cms.article()["url"] in feed(cms.client)


@pytest.mark.parametrize("title", ["İklim planı yeniden yazıldı", "?klim plan? de?i?ti"])
def test_an_edit_between_release_and_planning_loses_nobody(cms, town, runtime, title):
    """Until it is classified, and for ever where it is damaged, the text before it decides."""
    reader = town.reader()
    town.runtime = runtime
    cms.post(urgent=True)
    classify_revision(runtime, one(town, Revision).id)
    notification = one(town, Notification).id
    cms.post(urgent=True, title=title)
    plan_notification(runtime, notification)

    assert town.states(notification) == {reader: DeliveryState.QUEUED}


def test_an_edit_that_makes_it_advertising_during_the_hold_tells_nobody(cms, town, mail_count):
    cms.post()
    cms.post(commercial=True)

    assert mail_count() == 0
    assert one(town, Notification).state == NotificationState.CANCELLED
    assert cms.article()["url"] in feed(cms.client)


def test_old_news_withdrawn_before_its_classification_comes_back_to_the_feed(cms, town, work):
    old = (utcnow() - timedelta(hours=49)).isoformat()
    cms.post(published_at=old)
    cms.withdraw()
    work()
    cms.post(published_at=old)
    work()

    assert cms.article()["url"] in feed(cms.client)
