"""When a site is polled, by whom, and how politely."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from service.ingest.pulling import leasing
from service.models import PullKind, PullState
from service.settings import Settings
from service.turns import Turns
from tests.sites import Page
from workers.pull import poll_source, task
from workers.pull.entries import EntryReader
from workers.pull.site import user_agent


def test_processes_that_poll_at_once_ask_the_site_once(pulled, runtime):
    pulled.feed(1)
    pulled.configure(PullKind.FEED, "/rss")
    barrier = threading.Barrier(6)

    def poll() -> None:
        of_its_own = replace(runtime, turns=Turns())  # as another process has
        barrier.wait()
        poll_source(of_its_own, pulled.source_id)

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
    pulled.html_list(1, 2)
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
