"""What crawlers are told: every page that is canonical here, when it changed, and no other."""

from __future__ import annotations

import re
import urllib.robotparser
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from service.app import create_app
from service.citizen import sitemaps
from service.citizen.robots import CLOSED
from service.db import utcnow
from service.models import Article, FeedStamp, NoticeKind, NoticeText
from tests.integration.archive.sitemap_rules import read, read_news

BASE = "http://localhost:8080"
INDEX, PAGES, NEWS = (f"{BASE}/sitemap{name}.xml" for name in ("", "-pages", "-news"))
JANUARY = datetime(2026, 1, 31, 20, 59, tzinfo=UTC)  # in the city; two minutes later it is February


@pytest.fixture
def ask(client):
    def ask(address, status=200, **headers):
        answer = client.get(address.removeprefix(BASE), headers=headers)
        assert answer.status_code == status
        assert "Set-Cookie" not in answer.headers
        return answer

    return ask


@pytest.fixture
def listed(ask):
    """All entries of all parts, by address."""

    def listed():
        parts = read(ask(INDEX).data, INDEX, is_index=True)
        found = [one for part in parts for one in read(ask(part.loc).data, part.loc)]
        return {one.loc: one for one in found}

    return listed


def test_a_town_without_news_has_sitemaps_too(ask, listed):
    found = listed()
    assert f"{BASE}/" in found
    assert f"{BASE}/en/privacy" in found
    assert not any("?" in address for address in found)
    assert read_news(ask(NEWS).data, NEWS, utcnow()) == []


def test_every_canonical_page_is_listed_and_says_so_itself(ask, listed, publish):
    publish("Bizim sayfamız", ("spor",), ("konak",), url="")
    publish("Şehrin sayfası", ("ulasim",), ("buca",), url="https://www.example.bel.tr/haber/1")
    found = listed()
    assert not any("example.bel.tr" in address or "sehrin-sayfasi" in address for address in found)
    for address in ("?topic=spor", "?topic=ulasim", "?place=konak", "?place=buca"):
        assert f"{BASE}/haberler{address}" in found
    assert sum("bizim-sayfamiz" in address for address in found) == 2
    for address, entry in found.items():
        page = ask(address).text.replace("&amp;", "&")
        assert f'<link rel="canonical" href="{address}">' in page
        for code, other in entry.alternates.items():
            assert f'<link rel="alternate" hreflang="{code}" href="{other}">' in page
        assert page.count("hreflang=") == len(entry.alternates) + 1  # and the link that people see


def test_a_part_is_a_month_of_the_city(ask, publish):
    for title, minutes in (("Ocak", 0), ("Şubat", 1), ("Şubat iki", 2)):
        publish(title, url="", at=JANUARY + timedelta(minutes=minutes))
    parts = [one.loc for one in read(ask(INDEX).data, INDEX, is_index=True)]
    assert parts == [f"{BASE}/sitemap-{name}.xml" for name in ("pages", "2026-01", "2026-02")]
    january, february = (
        [one.loc.partition("-")[2] for one in read(ask(part).data, part) if "/haber/" in one.loc]
        for part in parts[1:]
    )
    assert january == ["ocak", "ocak"]
    assert february == ["subat", "subat", "subat-iki", "subat-iki"]


def test_a_large_month_has_several_parts_and_none_is_empty(ask, listed, publish, monkeypatch):
    monkeypatch.setattr(sitemaps, "ARTICLES", 2)
    city = "https://www.example.bel.tr/haber/"
    for number in range(5):
        url = "" if number < 2 else f"{city}{number}"
        publish(f"Haber {number}", url=url, at=JANUARY + timedelta(hours=number + 1))
    parts = [one.loc for one in read(ask(INDEX).data, INDEX, is_index=True)][1:]
    assert parts == [f"{BASE}/sitemap-2026-02{name}.xml" for name in ("", "-2", "-3")]
    sizes = [len(read(ask(part).data, part)) for part in parts]
    assert sizes == [2 + 2 * 2, 2, 2]
    assert f"{BASE}/en/haberler?month=2026-02" in listed()


@pytest.mark.parametrize(
    "name", ["2026-13", "2026-03", "2026-02-1", "2026-02-2", "2026-02-0", "2026-2", "x", "9" * 400]
)
def test_there_is_no_other_part(ask, publish, name):
    publish("Haber", url="", at=JANUARY + timedelta(hours=1))
    ask(f"/sitemap-{name}.xml", 404)
    ask("/sitemap-2026-02.xml")


def test_what_is_withdrawn_leaves_at_once_and_its_lists_have_changed(
    ask, listed, publish, take_back, runtime
):
    gone = publish("Geri alınan", ("spor",), ("konak",), url="", at=JANUARY)
    publish("Kalan", ("spor",), ("konak",), url="", at=JANUARY)
    with runtime.db.write() as session:  # as if all of it were of yesterday
        for article in session.query(Article):
            article.feed_at = utcnow() - timedelta(days=1)
        session.execute(update(FeedStamp).values(at=utcnow() - timedelta(days=1)))
    before, tags = listed(), {part: ask(part).headers["ETag"] for part in (INDEX, PAGES)}
    old = utcnow() - timedelta(hours=23)
    january = f"{BASE}/haberler?month=2026-01"
    assert all(one.lastmod < old for one in before.values() if "?" in one.loc)
    take_back(gone)
    after = listed()
    assert {one for one in before if one not in after} == {
        f"{BASE}{prefix}/haber/{gone}-geri-alinan" for prefix in ("", "/en")
    }
    for address in (january, f"{BASE}/haberler?topic=spor", f"{BASE}/haberler?place=konak"):
        assert after[address].lastmod > old
    part = read(ask(INDEX).data, INDEX, is_index=True)[1]
    assert part.lastmod == after[january].lastmod
    assert next(one.lastmod for one in after.values() if "kalan" in one.loc) < old
    assert all(ask(part).headers["ETag"] != tag for part, tag in tags.items())
    ask(f"/haber/{gone}-geri-alinan", 410)


def test_a_list_of_what_is_gone_altogether_is_not_listed(ask, listed, publish, take_back):
    take_back(publish("Geri alınan", ("spor",), ("konak",), url="", at=JANUARY))
    assert not any("?" in address for address in listed())
    ask("/sitemap-2026-01.xml", 404)


def test_unchanged_files_are_not_sent_again(client, ask, publish, runtime):
    publish("Haber", url="", at=JANUARY)
    with runtime.db.write() as session:
        for article in session.query(Article):
            article.feed_at = utcnow() - timedelta(days=1)
    for address in (INDEX, PAGES, NEWS, "/sitemap-2026-01.xml", "/robots.txt"):
        first = ask(address)
        assert first.headers["Cache-Control"].startswith("public, max-age=")
        again = ask(address, 304, **{"If-None-Match": first.headers["ETag"]})
        assert (again.data, again.headers["ETag"]) == (b"", first.headers["ETag"])
        head = client.head(address.removeprefix(BASE))
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["ETag"] == first.headers["ETag"]
        if moment := first.headers.get("Last-Modified"):
            ask(address, 304, **{"If-Modified-Since": moment})
    tag = ask(INDEX).headers["ETag"]
    publish("Yeni", url="")
    ask(INDEX, 200, **{"If-None-Match": tag})


def test_a_new_privacy_notice_is_a_change_too(ask, runtime):
    first = ask(PAGES)
    now = utcnow().replace(microsecond=0)
    with runtime.db.write() as session:
        notice = NoticeText(kind=NoticeKind.NOTICE, language="tr", version=9, text="", text_hash="")
        notice.published_at = now
        session.add(notice)
    answer = ask(PAGES, 200, **{"If-None-Match": first.headers["ETag"]})
    changed = {one.loc for one in read(answer.data, PAGES) if one.lastmod == now}
    assert changed == {f"{BASE}/privacy"}
    assert len(read(answer.data, PAGES)) == len(read(first.data, PAGES))


def test_news_are_those_of_two_days_the_newest_first(ask, publish, clock, take_back):
    publish("Eski", url="", hours=47)
    publish("Dünkü & <b>", url="", hours=20, language="en")
    gone = publish("Geri alınan", url="", hours=1)
    publish("Yeni\x0c ]]> 🌊", url="", language="ar")
    publish("Yarınki", url="", hours=-5)
    publish("Şehrin", url="https://www.example.bel.tr/haber/1")
    take_back(gone)
    news = read_news(ask(NEWS).data, NEWS, utcnow())
    assert [one.news["title"] for one in news] == ["Yeni ]]> 🌊", "Dünkü & <b>", "Eski"]
    assert [one.news["language"] for one in news] == ["ar", "en", "tr"]
    assert [one.loc.startswith(f"{BASE}/en/") for one in news] == [False, True, False]
    assert news[1].news["name"] == "İzmir Metropolitan Municipality"
    clock.advance(hours=2)
    assert len(read_news(ask(NEWS).data, NEWS, clock())) == 2
    clock.advance(hours=90)
    assert read_news(ask(NEWS).data, NEWS, clock()) == []


def test_addresses_of_the_city_s_own_sites_are_listed_where_those_trust_us(settings, publish):
    """On our host, or on one whose robots.txt names our sitemap, as the operator says."""
    long = "https://www.example.bel.tr/" + "ş" * 400
    for url in (
        *(f"{BASE}/haber-sitesi/1?a=1&b=ş", "https://www.example.bel.tr/haber/ığ", long),
        *("https://www.example.bel.tr.evil.example/1", "https://www.example.bel.tr@evil.example/"),
        *("http://[broken/", "javascript:alert(1)//www.example.bel.tr"),
    ):
        publish("Haber", url=url)
    trusting = settings.model_copy(update={"sitemap_hosts": ("WWW.example.bel.tr",)})
    app = create_app(trusting)
    client = app.test_client()
    part = read(client.get("/sitemap.xml").data, INDEX, is_index=True)[-1].loc
    data, hosts = client.get(part.removeprefix(BASE)).data, {"www.example.bel.tr"}
    found = [one for one in read(data, part, others=hosts) if "haberler" not in one.loc]
    assert [one.loc for one in found if "/haber/" not in one.loc or "bel.tr" in one.loc] == [
        f"{BASE}/haber-sitesi/1?a=1&b=%C5%9F",
        "https://www.example.bel.tr/haber/%C4%B1%C4%9F",
    ]
    assert all(not one.alternates for one in found if "bel.tr" in one.loc)
    assert sum("/haber/" in one.loc and one.loc.startswith(BASE) for one in found) == 2 * 2
    app.extensions["tellal"].close()


def test_robots_keep_to_what_everybody_may_read(client, app, listed, publish):
    """Every address of the URL map is in a sitemap, closed, or said here."""
    answer = client.get("/robots.txt")
    assert answer.mimetype == "text/plain"
    lines = answer.text.splitlines()
    assert lines[0] == "User-agent: *"
    assert lines[-2:] == [f"Sitemap: {INDEX}", f"Sitemap: {NEWS}"]
    publish("Haber", url="")
    open_ends = {one.removeprefix(BASE).partition("?")[0] for one in listed()}
    others = ("/haber/<", "/feeds/", "/assets/", "/static/", "/bootstrap/", "/health/")
    files = ("/sitemap", "/robots.txt", "/openapi.json", "/opensearch.xml", "/.well-known/")
    closed = {line.removeprefix("Disallow: ") for line in lines if line.startswith("Disallow: ")}
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods:
            continue
        bare = rule.rule.removeprefix("/en") or "/"
        is_closed = any(rule.rule.startswith(one) for one in closed if "*" not in one)
        is_closed |= bare == "/haber/<int:article_id>/wrong-topic"
        is_open = rule.rule in open_ends or bare.startswith((*others, *files))
        assert is_closed != is_open or bare.endswith("/wrong-topic"), rule.rule
    for path in CLOSED:
        assert {path, f"/en{path}"} <= closed


def test_robots_close_pages_and_searches_in_all_languages(client):
    """For crawlers that know `*` in a line (RFC 9309, section 2.2.3), and for those that do not."""
    lines = client.get("/robots.txt").text.splitlines()
    plain = urllib.robotparser.RobotFileParser()
    plain.parse(lines)
    closed = [line.removeprefix("Disallow: ") for line in lines if line.startswith("Disallow: ")]
    patterns = [re.compile(re.escape(one).replace(r"\*", ".*")) for one in closed]
    private = ("/my", "/my/data.json", "/u/abc", "/sign-in/abc", "/staff/", "/confirm/abc")
    endless = ("/haberler?q=a", "/haberler?topic=spor&before=1", "/haber/1/wrong-topic")
    public = ("/", "/haberler?topic=spor", "/haber/1-haber", "/privacy", "/docs", "/embed")
    for prefix in ("", "/en"):
        for path in (*private, *endless):
            assert any(pattern.match(prefix + path) for pattern in patterns), path
        assert not any(plain.can_fetch("AnyBot", prefix + path) for path in private)
        for path in public:
            assert plain.can_fetch("AnyBot", prefix + path)
            assert not any(pattern.match(prefix + path) for pattern in patterns), path
    assert plain.site_maps() == [INDEX, NEWS]


def test_robots_tell_no_secret(client, settings):
    page = client.get("/robots.txt").text
    for value in settings.model_dump().values():
        if isinstance(value, SecretStr) and value.get_secret_value():
            assert value.get_secret_value() not in page


def test_a_change_is_seen_by_another_process_at_once(settings, client, publish):
    other = create_app(settings)
    publish("Haber", ("spor",), url="", at=JANUARY)
    before = other.test_client().get("/sitemap.xml")
    publish("Yeni", ("ulasim",), url="", at=JANUARY)
    for path in ("/sitemap.xml", "/sitemap-pages.xml", "/sitemap-2026-01.xml"):
        one, another = client.get(path), other.test_client().get(path)
        assert one.data == another.data
        assert one.headers["ETag"] == another.headers["ETag"] != before.headers["ETag"]
    assert b"-yeni" in other.test_client().get("/sitemap-2026-01.xml").data
    other.extensions["tellal"].close()


@pytest.mark.parametrize("published", ["1900-01-01T00:00:00+14:00", "2200-12-31T23:59:59-12:00"])
def test_the_edges_of_the_calendar_are_read_in_whatever_zone(ask, listed, publish, published):
    at = datetime.fromisoformat(published).astimezone(UTC)
    publish("Bizim sayfamız", url="", at=at)

    assert sum("bizim-sayfamiz" in address for address in listed()) == 2
