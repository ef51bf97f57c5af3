"""The state machine of an article: older, later, early and late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.db import utcnow
from service.models import Article, ArticleState, Revision
from tests.integration.ingest.lifecycle import feed, one
from workers.retain import forget_expired

pytestmark = pytest.mark.usefixtures("full_audit")


def test_an_edit_keeps_the_time_of_publishing(cms, town, clock, mail_count):
    cms.post()
    first = one(town, Article).published_at
    clock.advance(hours=2)

    cms.post(title="Körfez için iklim eylem planı düzeltildi")

    assert one(town, Article).published_at == first


def test_an_older_update_is_ignored(cms, town):
    cms.post(updated_at="2025-06-06T12:00:00+03:00")

    answer = cms.post(title="Eski", updated_at="2025-06-06T08:59:00Z")

    assert answer.json["status"] == "ignored"
    assert town.count(Revision) == 1
    assert cms.withdraw(updated_at="2025-06-06T11:59:00+03:00").json["status"] == "ignored"
    assert one(town, Article).state == ArticleState.PUBLISHED


def test_of_equal_times_the_later_arrival_wins(cms, town):
    cms.post(updated_at="2025-06-06T12:00:00+03:00")

    answer = cms.post(title="Yeni", updated_at="2025-06-06T09:00:00Z")

    assert answer.json["status"] == "accepted"
    assert town.get(Revision, answer.json["revision"]).title == "Yeni"


def test_a_naive_time_is_read_in_the_zone_of_the_source(cms, town):
    cms.post(updated_at="2025-06-06T12:00:00")

    assert cms.post(title="Eski", updated_at="2025-06-06T08:59:00Z").json["status"] == "ignored"


def test_a_withdrawal_that_comes_first_is_remembered_against_an_older_publication(
    cms, town, mail_count
):
    assert cms.withdraw(updated_at="2025-06-06T12:00:00Z").status_code == 202

    assert cms.post(updated_at="2025-06-06T11:00:00Z").json["status"] == "ignored"
    assert mail_count() == 0
    assert cms.article()["url"] not in feed(cms.client)


def test_a_newer_publication_after_an_early_withdrawal_is_told(cms, town, mail_count):
    cms.withdraw(updated_at="2025-06-06T12:00:00Z")

    assert cms.post(updated_at="2025-06-06T13:00:00Z").json["status"] == "accepted"
    assert mail_count() == 1


def test_old_news_goes_to_the_feeds_only(cms, town, mail_count):
    cms.post(published_at=(utcnow() - timedelta(hours=49)).isoformat())

    assert len(town.news()) == 0
    assert mail_count() == 0
    assert cms.article()["url"] in feed(cms.client)


def test_a_future_publication_is_held_until_then(cms, town, clock, work):
    town.reader()
    cms.post(published_at=(utcnow() + timedelta(hours=5)).isoformat())
    work()
    clock.advance(hours=4)
    work()
    early = (town.mails().total(), cms.article()["url"] in feed(cms.client))
    clock.advance(hours=2)
    work()

    assert early == (0, False)
    assert town.mails().total() == 1
    assert cms.article()["url"] in feed(cms.client)


def test_a_time_in_the_far_future_does_not_hold_up_later_edits(cms, town, mail_count):
    cms.post(updated_at="2199-01-01T00:00:00Z")
    assert mail_count() == 1

    answer = cms.post(title="Düzeltilmiş başlık", updated_at=utcnow().isoformat())

    assert answer.json["status"] == "accepted"
    assert town.count(Revision) == 2


def test_a_withdrawal_without_an_article_is_remembered_for_a_week(
    cms, town, mail_count, clock, runtime
):
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
    assert mail_count() == 1
