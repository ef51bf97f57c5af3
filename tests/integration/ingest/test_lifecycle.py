"""The state machine of an article: what is stored, and who is told (ingest guide, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from service.db import utcnow
from service.models import (
    Article,
    ArticleState,
    DeliveryState,
    InboxEvent,
    LabelOrigin,
    Notification,
    NotificationState,
    PlaceLabel,
    Revision,
    RevisionState,
    Verdict,
)
from workers.classify import classify_revision
from workers.plan import plan_notification
from workers.retain import forget_expired

pytestmark = pytest.mark.usefixtures("full_audit")


@pytest.fixture
def told(work, town, clock) -> Callable[[], int]:
    """How many mails the town's one reader has got, an hour from now."""
    town.reader()

    def told() -> int:
        work()
        clock.advance(hours=1)
        work()
        return town.mails().total()

    return told


def _one(town, model):
    (row,) = town.all(model)
    return row


def _feed(client) -> str:
    return client.get("/feeds/all.rss").text


def test_a_published_article_is_held_then_told_once(cms, town, clock, work, told):
    cms.post()
    work()
    held = _one(town, Notification)
    assert held.state == NotificationState.HELD
    assert timedelta(minutes=2) < held.release_at - utcnow() <= timedelta(minutes=3)
    assert town.mails().total() == 0

    assert told() == 1
    assert _one(town, Notification).state == NotificationState.DONE


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


def test_a_change_during_the_hold_keeps_the_time_and_tells_the_newest_text_once(cms, town, told):
    cms.post()
    release_at = _one(town, Notification).release_at

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert _one(town, Notification).release_at == release_at
    assert told() == 1
    from service.models import MailboxMessage

    assert _one(town, MailboxMessage).subject == "Körfez için iklim eylem planı düzeltildi"


def test_a_withdrawal_during_the_hold_tells_nobody(cms, town, told):
    cms.post()

    assert cms.withdraw().status_code == 202

    assert told() == 0
    assert _one(town, Notification).state == NotificationState.CANCELLED
    assert _one(town, Article).state == ArticleState.WITHDRAWN


def test_publishing_again_after_a_withdrawal_during_the_hold_starts_afresh(cms, town, clock, told):
    cms.post()
    cms.withdraw()
    clock.advance(minutes=10)

    assert cms.post().json["status"] == "accepted"

    states = sorted(row.state for row in town.all(Notification))
    assert states == [NotificationState.CANCELLED, NotificationState.HELD]
    (held,) = [row for row in town.all(Notification) if row.state == NotificationState.HELD]
    assert held.release_at > clock() + timedelta(minutes=2)
    assert town.count(Revision) == 1
    assert told() == 1


def test_the_same_content_again_is_unchanged_whatever_its_times_and_markup(cms, town, told):
    cms.post()
    assert told() == 1

    answer = cms.post(
        body_html="<p class='x'>Sera gazı ve  <b>karbon</b> salımı azalacak.</p><!-- v2 -->",
        updated_at="2199-01-01T00:00:00Z",
        image={"url": "https://www.example.bel.tr/a.jpg"},
    )

    assert answer.json["status"] == "unchanged"
    assert town.count(Revision) == town.count(Notification) == 1
    assert told() == 1


def test_an_edit_after_release_renews_the_feed_and_tells_nobody(cms, town, told):
    cms.post()
    assert told() == 1

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert told() == 1
    assert "düzeltildi" in _feed(cms.client)
    assert town.count(Revision) == 2


def test_an_edit_keeps_the_time_of_publishing(cms, town, clock, told):
    cms.post()
    first = _one(town, Article).published_at
    clock.advance(hours=2)

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert _one(town, Article).published_at == first


def test_an_article_stays_in_its_feed_while_an_edit_waits_for_its_classification(cms, town, told):
    cms.post()
    told()

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert cms.article()["title"] in _feed(cms.client)


def test_a_damaged_edit_leaves_the_good_text_in_the_feed(cms, town, told):
    cms.post()
    told()

    assert cms.post(title="?zmir Büyük?ehir").json["status"] == "quarantined"

    assert told() == 1
    assert cms.article()["title"] in _feed(cms.client)


def test_an_edit_back_to_an_older_text_is_shown_again(cms, town, told):
    cms.post()
    told()
    cms.post(title="Körfez için iklim eylem planı düzeltildi")
    told()

    assert cms.post().json["status"] == "accepted"

    assert told() == 1
    assert "düzeltildi" not in _feed(cms.client)
    assert town.count(Revision) == 2


def test_withdrawn_after_release_then_published_again_is_in_the_feeds_only(cms, town, told):
    cms.post()
    assert told() == 1
    cms.withdraw()
    assert cms.article()["url"] not in _feed(cms.client)

    cms.post(title="Körfez için iklim eylem planı yeniden yayında")

    assert told() == 1
    assert "yeniden yayında" in _feed(cms.client)
    assert town.count(Notification) == 1


def test_a_second_withdrawal_changes_nothing(cms, town):
    cms.post()
    cms.withdraw()
    at = _one(town, Article).withdrawn_at

    assert cms.withdraw().json["status"] == "unchanged"
    assert _one(town, Article).withdrawn_at == at


def test_an_older_update_is_ignored(cms, town):
    cms.post(updated_at="2025-06-06T12:00:00+03:00")

    answer = cms.post(title="Eski", updated_at="2025-06-06T08:59:00Z")

    assert answer.json["status"] == "ignored"
    assert town.count(Revision) == 1
    assert cms.withdraw(updated_at="2025-06-06T11:59:00+03:00").json["status"] == "ignored"
    assert _one(town, Article).state == ArticleState.PUBLISHED


def test_of_equal_times_the_later_arrival_wins(cms, town):
    cms.post(updated_at="2025-06-06T12:00:00+03:00")

    answer = cms.post(title="Yeni", updated_at="2025-06-06T09:00:00Z")

    assert answer.json["status"] == "accepted"
    assert town.get(Revision, answer.json["revision"]).title == "Yeni"


def test_a_naive_time_is_read_in_the_zone_of_the_source(cms, town):
    cms.post(updated_at="2025-06-06T12:00:00")

    assert cms.post(title="Eski", updated_at="2025-06-06T08:59:00Z").json["status"] == "ignored"


def test_a_withdrawal_that_comes_first_is_remembered_against_an_older_publication(cms, town, told):
    assert cms.withdraw(updated_at="2025-06-06T12:00:00Z").status_code == 202

    assert cms.post(updated_at="2025-06-06T11:00:00Z").json["status"] == "ignored"
    assert told() == 0
    assert cms.article()["url"] not in _feed(cms.client)


def test_a_newer_publication_after_an_early_withdrawal_is_told(cms, town, told):
    cms.withdraw(updated_at="2025-06-06T12:00:00Z")

    assert cms.post(updated_at="2025-06-06T13:00:00Z").json["status"] == "accepted"
    assert told() == 1


def test_old_news_goes_to_the_feeds_only(cms, town, told):
    cms.post(published_at=(utcnow() - timedelta(hours=49)).isoformat())

    assert town.count(Notification) == 0
    assert told() == 0
    assert cms.article()["url"] in _feed(cms.client)


def test_a_future_publication_is_held_until_then(cms, town, clock, work):
    town.reader()
    cms.post(published_at=(utcnow() + timedelta(hours=5)).isoformat())
    work()
    clock.advance(hours=4)
    work()
    early = (town.mails().total(), cms.article()["url"] in _feed(cms.client))
    clock.advance(hours=2)
    work()

    assert early == (0, False)
    assert town.mails().total() == 1
    assert cms.article()["url"] in _feed(cms.client)


def test_advertising_goes_to_the_feeds_only(cms, town, told):
    cms.post(commercial=True)

    assert town.count(Notification) == 0
    assert told() == 0
    assert cms.article()["url"] in _feed(cms.client)


@pytest.mark.parametrize(
    "title", ["?zmir Büyük?ehir Belediyesi", "Su kesintisi \ufffd duyurusu"], ids=["?", "U+FFFD"]
)
def test_damaged_text_is_quarantined_and_told_to_nobody(cms, town, told, title):
    answer = cms.post(title=title)

    assert answer.status_code == 202
    assert answer.json["status"] == "quarantined"
    assert _one(town, Revision).state == RevisionState.QUARANTINED
    assert _one(town, InboxEvent).verdict == Verdict.QUARANTINED
    assert told() == 0
    assert cms.article()["url"] not in _feed(cms.client)


def test_a_damaged_article_that_comes_again_whole_is_told(cms, town, told):
    cms.post(title="?zmir Büyük?ehir Belediyesi")
    assert told() == 0

    assert cms.post().json["status"] == "accepted"

    assert told() == 1


def test_a_question_is_no_damage(cms, town):
    answer = cms.post(title="Körfez nasıl temizlenecek? İzmir ne yapıyor?")

    assert answer.json["status"] == "accepted"


def test_places_that_the_cms_names_twice_are_taken_once(cms, town, told):
    cms.post(places=["beydag", "beydag", "atlantis"])

    assert told() == 1
    assert [row.origin for row in town.all(PlaceLabel)] == [LabelOrigin.SOURCE]


def test_an_article_without_a_topic_waits_for_review_then_goes_to_those_who_want_everything(
    cms, town, clock, work
):
    all_news, one_topic = town.reader(None), town.reader()
    cms.post(title="Duyuru", summary="Metin.", body_html="<p>Metin.</p>")
    work()
    clock.advance(minutes=110)
    work()
    early = town.mails().total()
    clock.advance(minutes=20)
    work()

    assert early == 0
    (notification,) = town.all(Notification)
    assert set(town.states(notification.id)) == {all_news}
    assert one_topic not in town.states(notification.id)


def test_many_articles_that_wait_for_review_hold_up_no_other(cms, town, clock, work, monkeypatch):
    monkeypatch.setattr("service.ledger.sweep.LIMIT", 3)
    town.reader()
    for number in range(4):
        cms.post(id=f"n{number}", title="Duyuru", summary="Metin.", body_html="<p>Metin.</p>")
    cms.post()
    work()
    clock.advance(minutes=10)
    work()

    assert town.mails().total() == 1


def test_classifying_twice_changes_nothing(cms, town, runtime, work):
    revision_id = cms.post().json["revision"]
    classify_revision(runtime, revision_id)
    at = town.get(Revision, revision_id).classified_at

    classify_revision(runtime, revision_id)
    classify_revision(runtime, 10**12)

    assert town.get(Revision, revision_id).classified_at == at


def test_turkish_letters_survive_the_way_in(cms, town):
    title = "IĞDIR’dan İSTANBUL’a: ığüşöç İĞÜŞÖÇ 🌊"
    decomposed = title.replace("Ğ", "G\u0306").replace("ö", "o\u0308")

    revision = town.get(Revision, cms.post(title=decomposed).json["revision"])

    assert revision.title == title


@pytest.mark.parametrize("title", ["İklim planı yeniden yazıldı", "?klim plan? de?i?ti"])
def test_an_edit_between_release_and_planning_loses_nobody(cms, town, runtime, title):
    """Until it is classified, and for ever where it is damaged, the text before it decides."""
    reader = town.reader()
    town.runtime = runtime
    cms.post(urgent=True)
    classify_revision(runtime, _one(town, Revision).id)
    notification = _one(town, Notification).id
    cms.post(urgent=True, title=title)
    plan_notification(runtime, notification)

    assert town.states(notification) == {reader: DeliveryState.QUEUED}


def test_an_edit_that_makes_it_advertising_during_the_hold_tells_nobody(cms, town, told):
    cms.post()
    cms.post(commercial=True)

    assert told() == 0
    assert _one(town, Notification).state == NotificationState.CANCELLED
    assert cms.article()["url"] in _feed(cms.client)


def test_old_news_withdrawn_before_its_classification_comes_back_to_the_feed(cms, town, work):
    old = (utcnow() - timedelta(hours=49)).isoformat()
    cms.post(published_at=old)
    cms.withdraw()
    work()
    cms.post(published_at=old)
    work()

    assert cms.article()["url"] in _feed(cms.client)


def test_a_time_in_the_far_future_does_not_hold_up_later_edits(cms, town, told):
    cms.post(updated_at="2199-01-01T00:00:00Z")
    assert told() == 1

    answer = cms.post(title="Düzeltilmiş başlık", updated_at=utcnow().isoformat())

    assert answer.json["status"] == "accepted"
    assert town.count(Revision) == 2


def test_a_withdrawal_without_an_article_is_remembered_for_a_week(cms, town, told, clock, runtime):
    early = (clock() - timedelta(hours=1)).isoformat()
    cms.withdraw(updated_at=clock().isoformat())
    assert cms.post(updated_at=early).json["status"] == "ignored"

    clock.advance(days=6)
    forget_expired(runtime)
    assert cms.post(updated_at=early).json["status"] == "ignored"
    clock.advance(days=2)
    forget_expired(runtime)

    fresh = clock().isoformat()
    assert cms.post(updated_at=early, published_at=fresh).json["status"] == "accepted"
    assert told() == 1
