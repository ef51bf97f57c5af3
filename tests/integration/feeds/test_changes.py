"""What readers are told of an edit, of an edit undone, of new topics, a withdrawal, a return."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import feedparser
import pytest
from lxml import etree
from sqlalchemy import update

from service.db import utcnow
from service.feeds.entries import MAX_WITHDRAWN
from service.ledger.labels import decide
from service.ledger.publish import stamp_feeds
from service.models import Article, ArticleState, FeedDeparture, FeedStamp, LabelState
from workers.retain import forget_expired

STONE = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"


@pytest.fixture
def seen(client):
    """What readers of one feed see in each format."""

    def seen(key: str = "all") -> SimpleNamespace:
        got = {one: client.get(f"/feeds/{key}.{one}").data for one in ("rss", "atom")}
        return SimpleNamespace(
            rss=feedparser.parse(got["rss"]).entries,
            atom=feedparser.parse(got["atom"]).entries,
            stones=etree.fromstring(got["atom"]).findall(STONE),
            json=client.get(f"/feeds/{key}.json").get_json(True)["items"],
        )

    return seen


@pytest.fixture
def bring_back(runtime):
    def bring_back(article_id: int) -> None:
        with runtime.db.write() as session:
            session.get_one(Article, article_id).state = ArticleState.PUBLISHED
            stamp_feeds(session, article_id, utcnow())

    return bring_back


def test_what_was_withdrawn_stands_where_it_stood(publish, withdraw, seen):
    publish(title="Yeni", age_h=1)
    gone = publish(title="Geri çekilen", age_h=2)
    publish(title="Eski", age_h=3)
    before = seen()

    withdraw(gone)

    after = seen()
    for old, new in ((before.rss, after.rss), (before.json, after.json)):
        assert [entry["title"] for entry in new] == ["Yeni", "Geri çekildi", "Eski"]
        assert [entry["id"] for entry in new] == [entry["id"] for entry in old]
    assert after.rss[1].link == f"http://localhost:8080/haber/{gone}"
    assert after.rss[1].published == before.rss[1].published
    assert [entry.title for entry in after.atom] == ["Yeni", "Eski"]
    (stone,) = after.stones
    assert stone.get("ref") == before.atom[1].id


def test_an_article_that_came_back_is_no_longer_said_to_be_gone(
    publish, withdraw, bring_back, seen
):
    article_id = publish(title="Yine burada")
    withdraw(article_id)

    bring_back(article_id)

    found = seen()
    assert [entry.title for entry in found.rss] == ["Yine burada"]
    assert found.stones == []


def test_a_feed_tells_of_the_latest_withdrawals_and_of_few(publish, withdraw, seen):
    withdrawn = [publish(age_h=number) for number in range(MAX_WITHDRAWN + 2)]
    for article_id in withdrawn:
        withdraw(article_id)

    told = [item["url"].rpartition("/")[2] for item in seen().json]

    assert told == [str(article_id) for article_id in withdrawn[2:]]


def test_a_withdrawal_is_told_for_two_weeks_of_the_feed(publish, withdraw, seen, runtime):
    withdraw(publish())
    publish(("spor",))
    with runtime.db.write() as session:
        for row in (FeedDeparture, FeedStamp):
            session.execute(update(row).values(at=utcnow() - timedelta(days=15)))
    assert len(seen().stones) == 1  # nothing has changed since: the bytes are the same

    publish(("spor",))

    assert seen().stones == []
    assert len(seen("iklim-cevre").stones) == 1


def test_old_departures_are_forgotten(publish, withdraw, runtime, town):
    old, young = publish(), publish()
    for article_id, days in ((old, 61), (young, 59)):
        withdraw(article_id)
        with runtime.db.write() as session:
            departed = update(FeedDeparture).where(FeedDeparture.article_id == article_id)
            session.execute(departed.values(at=utcnow() - timedelta(days=days)))

    forget_expired(runtime)

    assert {row.article_id for row in town.all(FeedDeparture)} == {young}


def test_new_topics_are_no_edit(publish, runtime, seen, clock, town):
    article_id = publish()
    before = seen()
    clock.advance(hours=1)
    with runtime.db.write() as session:
        decide(session, article_id, town.topic("spor"), LabelState.PUBLISHED, clock())

    after = seen()

    assert {tag.term for tag in after.atom[0].tags} == {"iklim-cevre", "spor"}
    assert after.atom[0].updated == before.atom[0].updated
    assert after.json[0]["date_modified"] == before.json[0]["date_modified"]


def test_an_edit_that_is_undone_is_newer_than_the_edit(cms, work, clock, seen):
    def posted(**fields: str) -> SimpleNamespace:
        clock.advance(hours=1)
        assert cms.post(**fields).json["status"] == "accepted"
        work()
        clock.advance(hours=1)
        work()
        return seen()

    first = posted()
    edited = posted(title="Körfez için iklim eylem planı düzeltildi")
    clock.advance(hours=1)
    undone = posted()

    assert undone.atom[0].title == first.atom[0].title != edited.atom[0].title
    assert undone.atom[0].id == first.atom[0].id
    assert undone.atom[0].published == first.atom[0].published
    assert undone.atom[0].updated > edited.atom[0].updated
    assert undone.json[0]["date_modified"] > edited.json[0]["date_modified"]


def test_what_is_published_again_is_newer_than_its_withdrawal(cms, work, clock, seen):
    cms.post()
    clock.advance(hours=1)
    work()
    assert len(seen().atom) == 1
    cms.withdraw()
    (stone,) = seen().stones
    clock.advance(hours=1)

    cms.post()
    work()

    found = seen()
    assert found.stones == []
    assert found.atom[0].id == stone.get("ref")
    assert found.atom[0].updated > stone.get("when")
