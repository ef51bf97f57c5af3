"""Pull mode: baseline, what is new, what staff are asked, and what was missed by push."""

from __future__ import annotations

import json

import feedparser
import pytest
from sqlalchemy import update

from service.ingest.pulling import setting
from service.models import ArticleState, PullKind, PullState, Source
from tests.integration.ingest.pulled import RSS, item, page, rss
from tests.sites import recorded


def pages_of_feed(site) -> None:
    """The article pages that the recorded sitemap leads to."""
    for entry in feedparser.parse(recorded("feed.rss.xml")).entries:
        site.put(entry.link.partition("8081")[2], page(entry.title, date=entry.published))


def test_four_kinds_of_listing_give_five_articles_and_tell_nobody(pulled, work):
    site = pulled.site
    site.put("/feed/", recorded("feed.rss.xml"), RSS)
    site.put("/feed/atom/", recorded("feed.atom.xml"), "application/atom+xml")
    site.put("/wp-json/wp/v2/posts", recorded("rest-posts-list.json"), "application/json")
    site.put("/sitemap.xml", recorded("sitemap-posts.xml"), "application/xml")
    pages_of_feed(site)
    for kind, path in (
        (PullKind.FEED, "/feed/"),
        (PullKind.FEED, "/feed/atom/"),
        (PullKind.WORDPRESS, "/wp-json/wp/v2/posts"),
        (PullKind.SITEMAP, "/sitemap.xml"),
    ):
        pulled.configure(kind, path)
        pull = pulled.poll()
        assert (pull.reason, pull.last_count) == ("", 5)
        assert pull.baseline_at is not None

    work()
    assert len(pulled.articles) == 5
    assert all(article.state == ArticleState.PUBLISHED for article in pulled.articles)
    assert all(article.feed_seq is not None for article in pulled.articles)  # archive and feeds
    assert (pulled.told, pull.found, pull.missed) == (0, 0, 0)


def test_what_comes_after_the_baseline_is_news_once(pulled, town):
    pulled.feed(1, 2)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.feed(3, 1, 2)

    pulls = [pulled.poll() for _ in range(3)]

    assert len(pulled.articles) == 3
    assert [notification.kind for notification in town.news()] == ["new"]
    assert [(pull.found, pull.missed) for pull in pulls] == [(1, 0)] * 3


def test_an_old_article_that_turns_up_later_is_archive(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.site.put("/rss", rss(item(1), item(2, date="2025-06-06T10:00:00+03:00")), RSS)
    pulled.poll()

    assert (len(pulled.articles), pulled.told) == (2, 0)


def test_an_empty_first_listing_is_no_baseline(pulled):
    pulled.feed()
    pulled.configure(PullKind.FEED, "/rss")
    pull = pulled.poll()
    assert (pull.baseline_at, pull.reason) == (None, "the listing has no articles yet")

    pulled.feed(1, 2)
    pull = pulled.poll()

    assert pull.baseline_at is not None
    assert (len(pulled.articles), pulled.told) == (2, 0)


def test_after_a_change_of_settings_what_is_there_is_the_archive_again(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.feed(1, 2, 3)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()

    assert (len(pulled.articles), pulled.told) == (3, 0)


@pytest.mark.parametrize("is_news", [True, False])
def test_too_much_at_once_waits_for_staff(pulled, is_news, runtime, logged):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.feed(*range(1, 13))
    pull = pulled.poll()

    assert (pull.state, len(pulled.articles)) == (PullState.ASKING, 1)
    assert pull.reason == "11 new articles at once: say whether they are news"
    assert ("error", "too much at once") in logged
    assert pulled.poll().polled_at == pull.polled_at  # nobody asks the site meanwhile
    with runtime.db.write() as session:
        assert setting.accept(session, pulled.source_id, pulled.clock(), is_news=is_news) == 11
    pulled.feed(*range(1, 14))
    pull = pulled.poll()

    assert (pull.state, len(pulled.articles)) == (PullState.ACTIVE, 13)
    assert (pulled.told, pull.found) == ((12, 12) if is_news else (1, 1))


def test_ten_new_articles_are_news_without_a_question(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.feed(*range(1, 12))

    assert (pulled.poll().state, pulled.told) == (PullState.ACTIVE, 10)


def pushing(pulled, cms) -> None:
    """Let the CMS that pushes be the source that is pulled, its archive being one article.

    The site of the tests has no https, which only the preset `tellal` asks for.
    """
    with pulled.runtime.db.write() as session:
        session.execute(update(Source).values(preset="standard-webhooks"))
    pulled.slug = cms.slug
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()


def push(pulled, cms, number: int, **fields):
    url = pulled.site.url(f"/haber/{number}")
    article = cms.article(id=f"cms-{number}", url=url, title=f"Haber {number}", **fields)
    return cms.post_raw(json.dumps({"type": "article.published", "data": article}).encode())


def take_back(cms, article_id: str) -> None:
    event = {"type": "article.withdrawn", "data": {"id": article_id, "state": "withdrawn"}}
    cms.post_raw(json.dumps(event).encode())


def test_a_push_and_a_poll_of_one_article_meet_in_it_whichever_comes_first(pulled, cms, full_audit):
    pushing(pulled, cms)
    assert push(pulled, cms, 2).json["status"] == "accepted"
    pulled.feed(3, 2, 1)
    pull = pulled.poll()
    assert push(pulled, cms, 3, summary="Yeni özet").json["status"] == "accepted"
    assert push(pulled, cms, 3, summary="Yeni özet").json["status"] == "unchanged"
    pulled.poll()

    assert len(pulled.articles) == 3
    assert (pulled.told, pull.found, pull.missed) == (2, 1, 1)


def test_what_was_pushed_is_not_overwritten_by_a_feed_that_knows_less(pulled, cms, town):
    pushing(pulled, cms)
    push(pulled, cms, 2, sections=["İklim"], places=["konak"])
    pulled.feed(2, 1)
    pulled.poll()
    pulled.site.put("/rss", rss(item(2, "Başka başlık"), item(1)), RSS)
    pulled.poll()
    assert pulled.public == {"Haber 1", "Haber 2"}

    newer = (
        f"<a:updated xmlns:a='http://www.w3.org/2005/Atom'>{pulled.clock().isoformat()}</a:updated>"
    )
    pulled.site.put("/rss", rss(item(2, "Yeni başlık", more=newer), item(1)), RSS)
    pulled.poll()

    assert pulled.public == {"Haber 1", "Yeni başlık"}  # an edit that was not pushed
    assert pulled.told == 1


def test_a_listing_that_is_behind_does_not_bring_back_what_was_withdrawn(pulled, cms):
    pushing(pulled, cms)
    push(pulled, cms, 2)
    take_back(cms, "cms-2")
    pulled.feed(2, 1)  # of an hour ago
    pulled.poll()

    assert pulled.public == {"Haber 1"}
    assert len(pulled.articles) == 2


def test_a_draft_whose_publication_was_never_pushed_is_found(pulled, cms):
    pushing(pulled, cms)
    take_back(cms, pulled.site.url("/haber/2"))
    pulled.feed(2, 1)

    pull = pulled.poll()

    assert (pulled.public, len(pulled.articles)) == ({"Haber 1", "Haber 2"}, 2)
    assert (pulled.told, pull.found, pull.missed) == (1, 1, 1)
