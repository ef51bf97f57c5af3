"""What a poll reads of a listing: which pages, when again, and whose."""

from __future__ import annotations

from datetime import timedelta

from service.models import Article, Pull, PullKind, Revision
from tests.integration.ingest.pulled import RSS, TEXT, item, page, rss
from tests.sites import SEED_PATH, SEED_TITLE, recorded, seed_page


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


def test_a_page_is_read_once_and_again_after_an_hour_while_it_is_news(pulled):
    pulled.html_list(1)
    pulled.configure(PullKind.HTML, "/haberler", {"article_path": "/haber/*"})
    pulled.poll()
    pulled.html_list(2, 1)
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
    pulled.html_list(*range(100))
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

    pulled.html_list(*range(40))
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


def test_text_of_a_feed_is_cleaned_as_any_other(pulled, town):
    body = TEXT + "<script>alert(1)</script><p onclick='x()'>son</p>"
    pulled.site.put("/rss", rss(item(1, "A <![CDATA[&amp; B]]>", body)), RSS)
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()

    (revision,) = town.all(Revision)
    assert "script" not in revision.body_html
    assert "onclick" not in revision.body_html
    assert town.count(Article) == town.count(Pull) == 1
