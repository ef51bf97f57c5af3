"""The state machine of an article: damaged words, topics, places, and waiting for them."""

from __future__ import annotations

import pytest

from service.models import (
    InboxEvent,
    LabelOrigin,
    PlaceLabel,
    Revision,
    RevisionState,
    Verdict,
)
from tests.integration.ingest.lifecycle import feed, one
from workers.classify import classify_revision

pytestmark = pytest.mark.usefixtures("full_audit")


@pytest.mark.parametrize(
    "title", ["?zmir Büyük?ehir Belediyesi", "Su kesintisi \ufffd duyurusu"], ids=["?", "U+FFFD"]
)
def test_damaged_text_is_quarantined_and_told_to_nobody(cms, town, mail_count, title):
    answer = cms.post(title=title)

    assert answer.status_code == 202
    assert answer.json["status"] == "quarantined"
    assert one(town, Revision).state == RevisionState.QUARANTINED
    assert one(town, InboxEvent).verdict == Verdict.QUARANTINED
    assert mail_count() == 0
    assert cms.article()["url"] not in feed(cms.client)


def test_a_damaged_article_that_comes_again_whole_is_told(cms, town, mail_count):
    cms.post(title="?zmir Büyük?ehir Belediyesi")
    assert mail_count() == 0

    assert cms.post().json["status"] == "accepted"

    assert mail_count() == 1


def test_a_question_is_no_damage(cms, town):
    answer = cms.post(title="Körfez nasıl temizlenecek? İzmir ne yapıyor?")

    assert answer.json["status"] == "accepted"


def test_places_that_the_cms_names_twice_are_taken_once(cms, town, mail_count):
    cms.post(places=["beydag", "beydag", "atlantis"])

    assert mail_count() == 1
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
    (notification,) = town.news()
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
