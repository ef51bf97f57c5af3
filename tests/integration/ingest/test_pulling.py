"""Pull mode: baseline, what is new, what staff are asked, and what was missed by push."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import feedparser
import pytest

from service.ingest.pulling import leasing, setting
from service.models import (
    Article,
    ArticleState,
    Notification,
    Pull,
    PullKind,
    PullState,
    Revision,
)
from service.settings import Settings
from tests.integration.ingest.pulled import TEXT, item, page, rss
from tests.sites import SEED_PATH, SEED_TITLE, Page, seed_page
from workers.pull import poll_source, task
from workers.pull.entries import EntryReader
from workers.pull.site import user_agent

WEBHOOKS = Path(__file__).parents[2] / "data" / "webhooks"
RSS = "application/rss+xml"


def recorded(name: str) -> bytes:
    return (WEBHOOKS / f"wordpress-6.1.9-{name}").read_bytes()


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
    assert [notification.kind for notification in town.all(Notification)] == ["new"]
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
    """Let the CMS that pushes be the source that is pulled, its archive being one article."""
    pulled.slug = cms.slug
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()


def push(pulled, cms, number: int, **fields):
    url = pulled.site.url(f"/haber/{number}")
    return cms.post(id=f"cms-{number}", url=url, title=f"Haber {number}", **fields)


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
    cms.withdraw(id="cms-2")
    pulled.feed(2, 1)  # of an hour ago
    pulled.poll()

    assert pulled.public == {"Haber 1"}
    assert len(pulled.articles) == 2


def test_a_draft_whose_publication_was_never_pushed_is_found(pulled, cms):
    pushing(pulled, cms)
    cms.withdraw(id=pulled.site.url("/haber/2"))
    pulled.feed(2, 1)

    pull = pulled.poll()

    assert (pulled.public, len(pulled.articles)) == ({"Haber 1", "Haber 2"}, 2)
    assert (pulled.told, pull.found, pull.missed) == (1, 1, 1)


def test_the_seed_page_by_its_list(pulled, town, work):
    site = pulled.site
    site.put("/tr/Haberler", f"<a href='{SEED_PATH}'>Haber</a><a href='/tr/Iletisim'>İletişim</a>")
    site.put(SEED_PATH, seed_page())
    rules = {"article_path": "/tr/Haberler/{slug}/{number}/{category}"}
    pulled.configure(PullKind.HTML, "/tr/Haberler", rules)
    pull = pulled.poll()
    work()

    (article,) = pulled.articles
    assert (article.external_id, pulled.public, pull.last_count) == ("55000", {SEED_TITLE}, 1)
    assert article.published_at.isoformat() == "2025-06-05T21:00:00+00:00"
    assert site.paths() == ["/tr/Haberler", SEED_PATH]
    assert pulled.told == 0


def html_list(pulled, *numbers: int) -> None:
    links = "".join(f"<a href='/haber/{number}'>{number}</a>" for number in numbers)
    pulled.site.put("/haberler", f"<main>{links}</main>")
    for number in numbers:
        pulled.site.pages.setdefault(f"/haber/{number}", Page(page(f"Haber {number}").encode()))


def test_a_page_is_read_once_and_again_after_an_hour_while_it_is_news(pulled):
    html_list(pulled, 1)
    pulled.configure(PullKind.HTML, "/haberler", {"article_path": "/haber/*"})
    pulled.poll()
    html_list(pulled, 2, 1)
    pulled.poll()
    pulled.site.paths()

    pulled.poll()
    assert pulled.site.paths() == ["/haberler"]
    pulled.site.put("/haber/2", page("Haber 2, düzeltildi"))
    pulled.poll(minutes=61)
    assert sorted(pulled.site.paths()) == ["/haber/1", "/haber/2", "/haberler"]
    assert pulled.public == {"Haber 1", "Haber 2, düzeltildi"}
    pulled.poll(hours=72)
    assert pulled.site.paths() == ["/haberler"]
    assert (len(pulled.articles), pulled.told) == (2, 1)


def test_at_most_thirty_pages_a_poll_and_of_the_archive_no_more(pulled):
    html_list(pulled, *range(100))
    pulled.configure(PullKind.HTML, "/haberler", {"article_path": "/haber/*"})
    pulled.poll()
    assert len(pulled.site.paths()) == 31
    pulled.poll()

    assert pulled.site.paths() == ["/haberler"]
    assert (len(pulled.articles), len(pulled.items), pulled.told) == (30, 100, 0)


def test_a_sitemap_s_page_is_read_again_when_its_date_says_so(pulled):
    def sitemap(day: int) -> None:
        entry = f"<url><loc>/haber/1</loc><lastmod>2025-06-{day:02}</lastmod></url>"
        pulled.site.put("/s.xml", f"<urlset>{entry}</urlset>", "application/xml")

    index = "<sitemapindex><sitemap><loc>/s.xml</loc></sitemap></sitemapindex>"
    pulled.site.put("/sitemap.xml", index, "application/xml")
    pulled.site.put("/haber/1", page("Haber 1"))
    sitemap(1)
    pulled.configure(PullKind.SITEMAP, "/sitemap.xml")
    pulled.poll()
    pulled.poll(hours=3)
    assert pulled.site.paths() == ["/sitemap.xml", "/s.xml", "/haber/1", "/sitemap.xml", "/s.xml"]
    sitemap(2)
    pulled.site.put("/haber/1", page("Haber 1, yeni"))
    pulled.poll()

    assert pulled.public == {"Haber 1, yeni"}


def test_what_is_left_of_a_changed_sitemap_is_read_by_the_next_poll_without_another_change(pulled):
    def sitemap(day: int) -> None:
        urls = "".join(
            f"<url><loc>/haber/{n}</loc><lastmod>2025-06-{day:02}</lastmod></url>"
            for n in range(40)
        )
        pulled.site.put(
            "/s.xml", f"<urlset>{urls}</urlset>", "text/xml", headers={"ETag": f'"{day}"'}
        )

    html_list(pulled, *range(40))
    sitemap(1)
    pulled.configure(PullKind.SITEMAP, "/s.xml")
    pulled.poll()
    sitemap(2)
    pulled.site.paths()
    pulled.poll()
    assert len(pulled.site.paths()) == 31
    pulled.poll()
    assert len(pulled.site.paths()) == 11
    pulled.poll()

    assert pulled.site.paths() == ["/s.xml"]


def test_a_teaser_leads_to_its_page_and_stands_for_it_only_where_that_is_never_read(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.site.put("/rss", rss(item(1), item(2, body=""), item(3, body="")), RSS)
    pulled.site.put("/haber/2", page("Sayfadaki başlık"))
    pulled.poll()
    assert pulled.public == {"Haber 1", "Sayfadaki başlık"}
    for _ in range(4):
        pulled.poll(hours=7)

    assert pulled.public == {"Haber 1", "Sayfadaki başlık", "Haber 3"}
    asked = pulled.site.paths().count("/haber/3")
    pulled.poll(hours=7)
    assert (asked, pulled.site.paths().count("/haber/3")) == (5, 0)


def test_links_to_foreign_hosts_are_left_out(pulled, logged):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    foreign = item(2).replace("/haber/2", "https://baska.example/haber/2")
    pulled.site.put("/rss", rss(item(1), foreign), RSS)
    pulled.poll()

    assert len(pulled.articles) == 1
    assert ("warning", "links to foreign hosts") in logged


def test_the_host_rule_of_the_source_holds(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss", hosts=["www.example.bel.tr"])
    pull = pulled.poll()

    assert (len(pulled.articles), pull.baseline_at) == (0, None)


def test_wordpress_is_asked_for_what_changed_and_once_an_hour_for_all(pulled):
    pulled.site.put("/posts", recorded("rest-posts-list.json"), "application/json")
    pulled.configure(PullKind.WORDPRESS, "/posts")
    now = pulled.clock()
    pulled.poll(seconds=(timedelta(hours=1) - timedelta(minutes=now.minute)).total_seconds())
    pulled.poll()
    pulled.poll(hours=1)

    asked = pulled.site.paths()
    assert ["modified_after=2025-11-25T13%3A15%3A00Z" in path for path in asked] == [
        *(False, True, False)
    ]
    assert all("_embed=1" in path for path in asked)


def test_two_at_once_ask_the_site_once(pulled, runtime):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    barrier = threading.Barrier(6)

    def poll() -> None:
        barrier.wait()
        poll_source(runtime, pulled.source_id)

    pulled.clock.advance(minutes=13)
    threads = [threading.Thread(target=poll) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert pulled.site.paths() == ["/rss"]


def test_a_poll_that_is_overtaken_by_new_settings_stores_nothing_more(pulled, monkeypatch):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")

    real = task.ask_listing

    def slow(*args, **options):
        found = real(*args, **options)
        pulled.configure(PullKind.FEED, "/baska")
        return found

    monkeypatch.setattr(task, "ask_listing", slow)
    pull = pulled.poll()

    assert (len(pulled.articles), len(pulled.items)) == (0, 0)
    assert (pull.url, pull.polled_at, pull.leased_until) == (pulled.site.url("/baska"), None, None)


def test_new_settings_stop_a_poll_between_two_articles(pulled, monkeypatch):
    pulled.feed(1, 2, 3)
    pulled.configure(PullKind.FEED, "/rss")
    real, seen = EntryReader.read, []

    def read(self, entry):
        seen.append(entry)
        if len(seen) == 2:
            pulled.configure(PullKind.FEED, "/baska")
        return real(self, entry)

    monkeypatch.setattr(EntryReader, "read", read)
    pulled.poll()

    assert (len(seen), len(pulled.articles)) == (2, 1)


def test_the_next_poll_is_due_in_ten_minutes_or_so(pulled):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    waits = []
    for _ in range(8):
        pull = pulled.poll()
        waits.append(pull.due_at - pull.polled_at)

    assert all(timedelta(minutes=8) <= wait <= timedelta(minutes=12) for wait in waits)
    assert len(set(waits)) > 1
    asked = len(pulled.site.paths())
    pulled.poll(seconds=1)
    assert (asked, pulled.site.paths()) == (8, [])


def test_each_failure_doubles_the_wait_to_six_hours_and_success_ends_that(pulled):
    pulled.configure(PullKind.FEED, "/rss")
    waits = []
    for _ in range(7):
        pull = pulled.poll(hours=7)
        waits.append((pull.due_at - pull.polled_at) / timedelta(minutes=10))
        assert pull.reason == "the site answered 404"
    for exponent, wait in enumerate(waits[:5], 1):
        assert 0.8 * 2**exponent <= wait <= 1.2 * 2**exponent
    assert all(28.8 <= wait <= 36 for wait in waits[5:])

    pulled.feed(1)
    pull = pulled.poll(hours=7)
    assert (pull.failures, pull.reason) == (0, "")


def test_a_site_that_asks_for_time_gets_it(pulled):
    pulled.site.pages["/rss"] = Page(b"", status=503, headers={"Retry-After": "7200"})
    pulled.configure(PullKind.FEED, "/rss")

    pull = pulled.poll()

    assert pull.due_at - pull.polled_at >= timedelta(hours=2)
    assert pull.reason == "127.0.0.1 answered 503"


def test_a_home_page_with_status_200_is_no_feed(pulled):
    pulled.site.put("/rss", "<html><body>Ana sayfa</body></html>")
    pulled.configure(PullKind.FEED, "/rss")

    assert pulled.poll().reason == "no feed came, but text/html"


def test_an_unchanged_listing_is_no_work(pulled):
    pulled.feed(1, headers={"ETag": '"1"', "Last-Modified": "Fri, 06 Jun 2025 10:00:00 GMT"})
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    pulled.poll()

    (_, first), (_, second) = [one for one in pulled.site.asked if one[0] == "/rss"]
    assert "if-none-match" not in first
    assert second["if-none-match"] == '"1"'
    assert second["if-modified-since"] == "Fri, 06 Jun 2025 10:00:00 GMT"
    assert pulled.pull.last_count == 1


def test_robots_txt_is_asked_once_a_day_and_obeyed(pulled):
    pulled.site.put(
        "/robots.txt", "User-agent: *\nDisallow: /*/gizli\nDisallow: /rss", "text/plain"
    )
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")

    pull = pulled.poll()

    assert pull.state == PullState.PAUSED
    assert pull.reason == "robots.txt of 127.0.0.1 does not allow it"
    assert pulled.site.paths() == []
    pulled.configure(PullKind.FEED, "/baska")
    pulled.poll()
    assert [path for path, _ in pulled.site.asked] == ["/baska"]


def test_robots_txt_for_us_goes_before_that_for_all_and_closes_single_pages(pulled):
    robots = "User-agent: *\nDisallow: /\n\nUser-agent: Tellal\nDisallow: /haber/2\n"
    pulled.site.put("/robots.txt", robots, "text/plain")
    html_list(pulled, 1, 2)
    pulled.configure(PullKind.HTML, "/haberler", {"article_path": "/haber/*"})
    pull = pulled.poll()

    assert (pull.state, pulled.public) == (PullState.ACTIVE, {"Haber 1"})
    assert "/haber/2" not in pulled.site.paths()


def test_a_robots_txt_that_cannot_be_read_is_a_no_for_now(pulled):
    pulled.site.pages["/robots.txt"] = Page(b"", status=500)
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")

    assert pulled.poll().reason == "127.0.0.1 answered 500"
    assert pulled.site.paths() == []


def test_the_site_is_told_who_asks_and_where_to_complain(pulled, settings: Settings):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()

    agents = {headers["user-agent"] for _, headers in pulled.site.asked}
    assert agents == {user_agent(settings)} == {"Tellal/0.1.0 (+http://localhost:8080)"}


def test_a_paused_source_is_not_asked(pulled, runtime):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss", is_paused=True)
    pulled.poll()

    assert pulled.site.asked == []


def test_a_bug_of_ours_is_said_and_does_not_poll_in_a_loop(pulled, monkeypatch):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    monkeypatch.setattr("workers.pull.task.ask_listing", lambda *_, **__: 1 / 0)

    pull = pulled.poll()

    assert (pull.reason, pull.failures) == ("broke on our side: ZeroDivisionError", 1)
    assert pull.leased_until is None


def test_a_worker_that_died_leaves_the_source_to_others_later(pulled, runtime):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    with runtime.db.write() as session:
        assert leasing.take(session, pulled.source_id, pulled.clock()) is not None

    pulled.poll(minutes=14)
    assert pulled.site.paths() == []
    pulled.poll(minutes=2)
    assert pulled.site.paths() == ["/rss"]


def test_text_of_a_feed_is_cleaned_as_any_other(pulled, town):
    body = TEXT + "<script>alert(1)</script><p onclick='x()'>son</p>"
    pulled.site.put("/rss", rss(item(1, "A <![CDATA[&amp; B]]>", body)), RSS)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()

    (revision,) = town.all(Revision)
    assert "script" not in revision.body_html
    assert "onclick" not in revision.body_html
    assert town.count(Article) == town.count(Pull) == 1
