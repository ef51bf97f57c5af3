"""What vanished from a listing: an alarm, two answers of 404, and nothing on suspicion alone."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.models import ArticleState, NotificationState, Pull, PullKind
from tests.integration.ingest.pulled import RSS, item, page, rss
from tests.sites import Page


@pytest.fixture
def listed(pulled, work):
    """Five articles; the fifth is news and out."""
    pulled.feed(1, 2, 3, 4)
    pulled.configure(PullKind.FEED, "/rss", hold_s=0)
    pulled.poll()
    pulled.feed(1, 2, 3, 4, 5)
    pulled.poll()
    work()
    pulled.site.paths()
    return pulled


def article_of(pulled, number: int):
    return next(a for a in pulled.articles if a.external_id == f"guid-{number}")


def test_missing_from_the_listing_is_no_withdrawal(listed):
    listed.feed(1, 2, 3, 4)
    for _ in range(3):
        listed.poll(hours=2)

    assert len(listed.public) == 5
    assert listed.site.paths().count("/haber/5") == 3
    assert article_of(listed, 5).missing_at is None


@pytest.mark.parametrize("status", [404, 410])
def test_two_answers_that_it_is_gone_ten_minutes_apart_withdraw(listed, town, work, status):
    listed.feed(1, 2, 3, 4)
    listed.site.pages["/haber/5"] = Page(b"", status=status)
    before = article_of(listed, 5).feed_seq

    listed.poll(hours=2)
    assert article_of(listed, 5).missing_at is not None
    assert len(listed.public) == 5
    with_due = listed.clock().isoformat()
    listed.poll(minutes=13)

    gone = article_of(listed, 5)
    assert (gone.state, gone.missing_at) == (ArticleState.WITHDRAWN, None)
    assert gone.withdrawn_at.isoformat() > with_due
    assert gone.feed_seq > before  # its tombstone
    assert listed.site.paths().count("/haber/5") == 2


def test_the_second_answer_counts_only_ten_minutes_after_the_first(listed, runtime):
    listed.feed(1, 2, 3, 4)
    listed.site.pages["/haber/5"] = Page(b"", status=404)
    listed.poll(hours=2)
    for _ in range(3):
        with runtime.db.write() as session:
            session.execute(update(Pull).values(due_at=listed.clock()))
        listed.poll(minutes=3)

    assert len(listed.public) == 5
    assert listed.site.paths().count("/haber/5") == 1


def test_two_readings_of_a_listed_page_within_ten_minutes_are_one_answer(pulled, runtime):
    def sitemap(day: int) -> None:
        urls = f"<url><loc>/haber/1</loc><lastmod>2025-06-{day:02}</lastmod></url>"
        pulled.site.put("/s.xml", f"<urlset>{urls}</urlset>", "text/xml")

    sitemap(1)
    pulled.site.put("/haber/1", page("Haber 1"))
    pulled.configure(PullKind.SITEMAP, "/s.xml")
    pulled.poll()
    sitemap(2)
    pulled.site.pages["/haber/1"] = Page(b"", status=410)
    pulled.poll()
    with runtime.db.write() as session:
        session.execute(update(Pull).values(due_at=pulled.clock()))
    pulled.poll(minutes=3)
    assert pulled.public == {"Haber 1"}
    assert pulled.site.paths().count("/haber/1") == 3

    pulled.poll()
    assert pulled.public == set()


def test_a_page_that_answers_again_is_not_missing(listed):
    listed.feed(1, 2, 3, 4)
    listed.site.pages["/haber/5"] = Page(b"", status=404)
    listed.poll(hours=2)
    for answer in (Page(b"", status=500), Page(b"", status=403)):
        listed.site.pages["/haber/5"] = answer
        listed.poll()
        assert article_of(listed, 5).missing_at is not None
    listed.site.put("/haber/5", page("Haber 5"))
    listed.poll()
    assert article_of(listed, 5).missing_at is None

    listed.site.pages["/haber/5"] = Page(b"", status=404)
    listed.poll(hours=2)
    assert len(listed.public) == 5


def test_a_listed_article_is_not_missing(listed):
    listed.feed(1, 2, 3, 4)
    listed.site.pages["/haber/5"] = Page(b"", status=404)
    listed.poll(hours=2)
    listed.site.put("/rss", rss(*map(item, (1, 2, 3, 4, 5))), RSS)
    listed.poll()

    assert article_of(listed, 5).missing_at is None


def test_a_withdrawal_stops_what_is_not_sent(pulled, town):
    pulled.feed(1, 2, 3, 4)
    pulled.configure(PullKind.FEED, "/rss", hold_s=1800)
    pulled.poll()
    pulled.feed(1, 2, 3, 4, 5)
    pulled.poll()
    pulled.feed(1, 2, 3, 4)
    pulled.site.pages["/haber/5"] = Page(b"", status=404)
    pulled.poll(minutes=61)
    pulled.poll()

    (notification,) = town.news()
    assert notification.state == NotificationState.CANCELLED


def test_what_comes_back_after_it_was_withdrawn_is_public_again_and_told_once(listed, work):
    told = listed.told
    listed.feed(1, 2, 3, 4)
    listed.site.pages["/haber/5"] = Page(b"", status=404)
    listed.poll(hours=2)
    listed.poll()
    assert "Haber 5" not in listed.public
    listed.feed(1, 2, 3, 4, 5)
    listed.poll()
    work()

    assert "Haber 5" in listed.public
    assert listed.told == told


def test_an_unchanged_listing_still_asks_for_the_second_answer(listed):
    listed.feed(1, 2, 3, 4, headers={"ETag": '"1"'})
    listed.site.pages["/haber/5"] = Page(b"", status=404)
    listed.poll(hours=2)
    listed.poll()

    assert "Haber 5" not in listed.public


def test_at_most_five_pages_are_asked_for_and_each_in_its_turn(pulled):
    pulled.feed(*range(1, 13))
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.feed(1, 2, 3)
    pulled.site.paths()
    pulled.poll(hours=2)
    first = set(pulled.site.paths()) - {"/rss"}
    pulled.poll()
    second = set(pulled.site.paths()) - {"/rss"}

    assert (len(first), len(second)) == (5, 4)
    assert first | second == {f"/haber/{number}" for number in range(4, 13)}


def test_after_seven_days_an_article_may_leave_the_listing_in_peace(listed):
    listed.feed(1, 2, 3, 4)
    listed.poll(days=8)

    assert listed.site.paths() == ["/rss"]


@pytest.mark.parametrize("left", [0, 1])
def test_an_emptied_listing_alarms_and_withdraws_nothing(pulled, logged, left):
    pulled.feed(*range(1, 11))
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    for number in range(1, 11):
        pulled.site.pages[f"/haber/{number}"] = Page(b"", status=404)
    pulled.site.put("/rss", rss(*map(item, range(1, 1 + left))), RSS)
    pulled.site.paths()
    pull = pulled.poll(hours=2)

    said = (pull.alarm, pull.alarm_text)
    assert said == ("emptied", f"the listing shrank from 10 articles to {left}")
    assert ("error", "pull alarm") in logged
    assert pulled.site.paths() == ["/rss"]
    assert all(article.missing_at is None for article in pulled.articles)

    pulled.feed(*range(1, 11))
    pull = pulled.poll()
    assert (pull.alarm, len(pulled.articles), pulled.told) == (None, 10, 0)


def test_a_page_of_a_list_that_is_gone_twice_withdraws_although_it_is_listed(pulled):
    pulled.site.put("/haberler", "<a href='/haber/1'>1</a><a href='/haber/2'>2</a>")
    for number in (1, 2):
        pulled.site.put(f"/haber/{number}", page(f"Haber {number}"))
    pulled.configure(PullKind.HTML, "/haberler", {"article_path": "/haber/*"})
    pulled.poll()
    pulled.site.pages["/haber/2"] = Page(b"", status=410)
    pulled.poll(minutes=61)
    assert pulled.public == {"Haber 1", "Haber 2"}
    pulled.poll()

    assert pulled.public == {"Haber 1"}
