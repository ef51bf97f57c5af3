"""Listings: sitemaps, REST lists and pages of links, and the rules for them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from service.ingest.listing import newest_change, wordpress_address
from service.ingest.pull_rules import RulesError, load_rules
from service.models import PullKind
from tests.sites import recorded, seed_others, seed_page
from tests.unit.ingest.listings import CONFIG, SITE, read


def test_the_four_recorded_listings_name_the_same_five_articles():
    found = [
        read(PullKind.FEED, recorded("feed.rss.xml")),
        read(PullKind.FEED, recorded("feed.atom.xml")),
        read(PullKind.WORDPRESS, recorded("rest-posts-list.json")),
        read(PullKind.SITEMAP, recorded("sitemap-posts.xml")),
    ]

    assert [len(listing.entries) for listing in found] == [5, 5, 5, 5]
    assert len({entry.key for listing in found for entry in listing.entries}) == 5
    assert [entry.is_whole for entry in found[0].entries + found[2].entries] == [True] * 10
    assert not any(entry.is_whole or entry.version for entry in found[3].entries)


def test_a_sitemap_with_dates_is_read_newest_first_and_its_entries_have_versions():
    sitemap = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
        <url><loc>/1</loc><lastmod>2025-06-06</lastmod></url>
        <url><image:image><image:loc>/a.jpg</image:loc><image:title>Resim</image:title></image:image>
        <loc>/2</loc><lastmod>2025-06-07T10:00:00+03:00</lastmod><news:news>
        <news:publication><news:name>x</news:name></news:publication><news:title>İki</news:title>
        <news:publication_date>2025-06-05</news:publication_date><news:keywords>a, b</news:keywords>
        </news:news></url><url><loc>/3</loc></url><url/></urlset>"""

    second, first, third = read(PullKind.SITEMAP, sitemap).entries

    assert [entry.url for entry in (first, second, third)] == [f"{SITE}{n}" for n in (1, 2, 3)]
    assert bool(first.version), bool(third.version) == (True, False)
    assert second.event["title"] == "İki"
    assert (second.event["tags"], second.event["published_at"][:10]) == (["a", "b"], "2025-06-05")


def test_an_index_of_sitemaps_names_its_newest_children():
    parts = "".join(
        f"<sitemap><loc>/s{n}.xml</loc><lastmod>2025-06-{n:02}</lastmod></sitemap>"
        for n in range(1, 21)
    )

    found = read(PullKind.SITEMAP, f"<sitemapindex>{parts}</sitemapindex>")

    assert found.children == tuple(f"{SITE}s{n}.xml" for n in range(20, 15, -1))
    assert found.entries == ()


def test_a_page_of_links_by_the_rules_of_the_site():
    rules = {"article_path": "/tr/Haberler/{slug}/{number}/{category}"}

    found = read(PullKind.HTML, seed_page(), rules=rules)

    assert [entry.url for entry in found.entries] == [
        f"{SITE}tr/Haberler/baska/{60001 + n}/156" for n in range(len(seed_others()))
    ]


def test_a_selector_and_a_base_choose_the_links():
    page = (
        "<base href='/haber/'><nav><a href='x'>x</a></nav><main><a href='1'>1</a><a>2</a>"
        "<a href='mailto:a@b'>3</a><a href='#x'>4</a><a href='https://baska.example/5'>5</a></main>"
    )

    found = read(PullKind.HTML, page, rules={"links": "main a", "article_path": "/haber/*"})

    assert [entry.url for entry in found.entries] == [f"{SITE}haber/1"]


@pytest.mark.parametrize(
    ("path", "pattern", "number"),
    [
        ("/tr/Haberler/a-b/55000/156", "/tr/Haberler/{slug}/{number}/{category}", "55000"),
        ("/tr/Haberler/a-b/55000/156/", "/tr/Haberler/{slug}/{number}/{category}", "55000"),
        ("/tr/Haberler/a-b/x/156", "/tr/Haberler/{slug}/{number}/{category}", None),
        ("/tr/Duyurular/a-b/1/156", "/tr/Haberler/{slug}/{number}/{category}", None),
        ("/haber/1-yeni-park", "/haber/{number}-*", "1"),
        ("/haber/yeni.park", "/haber/*", ""),
        ("/haberler", "/haber/*", None),
    ],
)
def test_an_article_path_filters_and_finds_the_number(path, pattern, number):
    rules = load_rules(CONFIG, {"article_path": pattern})
    url = f"https://www.example.bel.tr{path}?a=/tr/Haberler/x/1/2"

    assert rules.fits(url) is (number is not None)
    assert rules.number_in(url) == (number or "")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"links": "a[[", "title": ":x("}, "links: is no CSS selector\ntitle: is no CSS selector"),
        ({"article_path": "haber"}, "article_path: must begin with /"),
        ({"article_path": "/*/x"}, "article_path: may have a * at its end only"),
        ({"article_path": "/{number}/{number}"}, "article_path: may have {number} once only"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"drop": "Kapat"}, "drop: "),
    ],
)
def test_each_mistake_in_rules_is_named(rules, says):
    with pytest.raises(RulesError) as caught:
        load_rules(CONFIG, rules)
    assert str(caught.value).startswith(says)


def test_wordpress_is_asked_for_what_changed_since_and_the_operator_s_own_words_stand():
    since = datetime(2025, 6, 6, 10, tzinfo=UTC)
    asked = wordpress_address("https://x.example/wp-json/wp/v2/haber?per_page=5", since)

    assert asked == (
        "https://x.example/wp-json/wp/v2/haber?_embed=1&per_page=5&orderby=modified&order=desc"
        "&modified_after=2025-06-05T10%3A00%3A00Z"
    )
    listing = read(PullKind.WORDPRESS, recorded("rest-posts-list.json"))
    assert newest_change(listing) == datetime(2025, 11, 26, 13, 15, tzinfo=UTC)


def test_posts_of_odd_shapes_are_left_out():
    posts = [1, None, {}, {"id": 1}, {"link": "https://x.example/"}, {"id": 2, "link": "/b"}]

    found = read(PullKind.WORDPRESS, json.dumps(posts))

    assert [entry.url for entry in found.entries] == [f"{SITE}b"]
