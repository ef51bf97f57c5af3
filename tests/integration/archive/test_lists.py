"""The archive's lists: by topic, district and month, page by page, in step with what is public."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, event, text

from service.archive.listings import PAGE_SIZE
from service.db import utcnow
from service.ledger.labels import decide
from service.ledger.publish import stamp_feeds
from service.models import Article, LabelState, Listing, Revision

NEXT = re.compile(r'<link rel="next" href="([^"]+)"')
PREV = re.compile(r'<link rel="prev" href="([^"]+)"')
ITEM = re.compile(r'<h2 class="news-title"[^>]*><a[^>]*>([^<]*)</a>')


def test_lists_are_by_topic_district_and_month_the_newest_first(publish, titles):
    publish("eski", ("spor",), ("konak",), at=datetime(2026, 1, 31, 20, 59, tzinfo=UTC))
    publish(
        "şubat", ("spor", "ulasim"), ("konak", "buca"), at=datetime(2026, 1, 31, 21, tzinfo=UTC)
    )
    publish("yeni", ("ulasim",), (), at=datetime(2026, 3, 1, tzinfo=UTC))

    assert titles() == ["yeni", "şubat", "eski"]
    assert titles(topic="spor") == ["şubat", "eski"]
    assert titles(topic="ulasim", place="konak") == ["şubat"]
    assert titles(place="konak") == ["şubat", "eski"]
    # Midnight is the city's, three hours before that of UTC.
    assert titles(month="2026-01") == ["eski"]
    assert titles(month="2026-02", topic="spor", place="buca") == ["şubat"]
    assert titles(month="2026-03", topic="spor") == []


def test_titles_lead_to_the_city_and_why_to_our_page(publish, client):
    article_id = publish("Çiğ köfte günü", url="https://www.example.bel.tr/haber/1")
    page = client.get("/haberler").text
    assert '<a href="https://www.example.bel.tr/haber/1">Çiğ köfte günü</a>' in page
    assert f'href="/haber/{article_id}-cig-kofte-gunu"' in page
    assert f'href="/en/haber/{article_id}-cig-kofte-gunu"' in client.get("/en/haberler").text


@pytest.mark.parametrize("query", ["", "q=haber"])
def test_pages_follow_each_other_without_gaps_and_lead_back(publish, client, query):
    count = 2 * PAGE_SIZE + 3
    for number in range(count):
        in_title = number % 2
        publish(
            f"haber {number}" if in_title or not query else f"{number}",
            hours=count - number,
            body_text="haber",
        )
    order = [str(number) for number in reversed(range(count))]
    if query:  # hits in the title before others
        order = [n for n in order if int(n) % 2] + [n for n in order if not int(n) % 2]
    pages, path = [], f"/haberler?{query}"
    while path:
        page = client.get(path).text
        pages.append([title.split()[-1] for title in ITEM.findall(page)])
        found = NEXT.search(page)
        last, path = path, html.unescape(found[1]) if found else ""
    assert [title for page in pages for title in page] == order
    assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 3]

    back, path = [], last
    while path:
        page = client.get(path).text
        back.append([title.split()[-1] for title in ITEM.findall(page)])
        found = PREV.search(page)
        path = html.unescape(found[1]) if found else ""
    assert back == pages[::-1]


def test_what_is_asked_for_wrongly_is_left_out_and_said(publish, client):
    publish("Haber")
    for query, sentence in (
        ("topic=nedir", "Böyle bir konu yok"),
        ("place=nedir", "Böyle bir ilçe yok"),
        ("month=2026-13", "Böyle bir ay yok"),
        ("month=%00", "Böyle bir ay yok"),
        ("before=x", "Böyle bir sayfa yok"),
        ("before=t5", "Böyle bir sayfa yok"),
        ("after=99999999999999999999", "Böyle bir sayfa yok"),
        ("q=%3F%21", "en az bir sözcük"),
    ):
        answer = client.get(f"/haberler?{query}")
        assert answer.status_code == 200
        assert sentence in answer.text
        assert ">Haber</a>" in answer.text
    assert titles_of(client.get("/haberler?topic=%C4%B0klim+%C3%87evre").text) == ["Haber"]


def titles_of(page: str) -> list[str]:
    return ITEM.findall(page)


def test_an_empty_list_says_so_and_leads_on(client, publish):
    assert "Henüz haber yayımlanmadı." in client.get("/haberler").text
    publish("Haber")
    page = client.get("/haberler?topic=spor&q=zeplin").text
    assert "Hiçbir haber bulunamadı" in page
    assert 'href="/haberler?q=zeplin"' in page
    assert 'href="/haberler?topic=spor"' in page


def test_lists_and_search_follow_what_staff_and_the_cms_do(
    publish, take_back, titles, town, runtime
):
    article_id = publish("Tramvay", ("ulasim",), ("konak",))
    assert titles(topic="ulasim") == titles(q="tramvay") == ["Tramvay"]

    with runtime.db.write() as session:
        decide(session, article_id, town.topic("ulasim"), LabelState.DROPPED, utcnow())
        decide(session, article_id, town.topic("spor"), LabelState.PUBLISHED, utcnow())
    assert titles(topic="ulasim") == titles(q="tramvay", topic="ulasim") == []
    assert titles(topic="spor", place="konak") == titles(q="tramvay", topic="spor") == ["Tramvay"]

    with runtime.db.write() as session:
        article = session.get_one(Article, article_id)
        session.get_one(Revision, article.shown_revision_id).title = "Vapur"
        article.published_at = datetime(2020, 5, 5, tzinfo=UTC)
        stamp_feeds(session, article_id, utcnow())
    assert titles(month="2020-05") == titles(q="vapur") == ["Vapur"]
    assert titles(q="tramvay") == []

    take_back(article_id)
    assert titles() == titles(q="vapur") == titles(topic="spor") == []
    assert town.count(Listing) == 0


def test_what_is_held_is_in_no_list(client, cms, work, titles, runtime, clock):
    with runtime.db.write() as session:
        session.execute(text("UPDATE source SET hold_s = 600"))
    cms.post()
    work()
    assert titles() == []
    clock.advance(seconds=601)
    work()
    assert titles() == ["Körfez için iklim eylem planı: karbon salımı azalıyor"]


@pytest.mark.usefixtures("command_line")
def test_the_command_builds_lists_and_search_anew(publish, take_back, titles, runtime):
    from click.testing import CliRunner

    from service.cli import cli

    publish("Tramvay", ("ulasim",))
    take_back(publish("Geri çekilen"))
    with runtime.db.write() as session:
        session.execute(delete(Listing))
        session.execute(text("DELETE FROM listing_words"))
    assert titles(q="tramvay") == titles() == []
    for _ in range(2):
        done = CliRunner().invoke(cli, ["archive", "index"])
        assert done.exit_code == 0, done.output
        assert "1 articles are in the archive." in done.output
        assert titles(q="tramvay") == titles(topic="ulasim") == titles() == ["Tramvay"]


def test_pages_are_public_without_cookies_and_searches_are_not_indexed(client, publish):
    publish("Haber")
    for path, robots in (("/haberler", None), ("/haberler?q=haber", "noindex")):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert answer.headers.get("X-Robots-Tag") == robots
        assert "Set-Cookie" not in answer.headers
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_searches_of_one_client_are_counted_and_lists_are_not(client, monkeypatch, app):
    limits = app.extensions["tellal"].limits
    monkeypatch.setattr(limits, "allow", lambda _limits, key: not key.startswith("archive-search:"))
    assert client.get("/haberler?q=tramvay").status_code == 429
    assert client.get("/haberler?topic=spor").status_code == 200


TABLES = ("article", "revision", "listing", "listing_words", "topic_label", "notification")


def test_every_query_of_the_pages_is_on_an_index(client, publish, runtime, app):
    for number in range(3):
        article_id = publish("Tramvay haberi", ("ulasim", "spor"), ("konak",), hours=number)
    asked: list[tuple[str, object]] = []
    engine = app.extensions["tellal"].db.engine

    def note(_conn, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    for path in (
        "/",
        "/haberler?topic=ulasim&place=konak&month=2026-11",
        "/haberler?q=tramvay+habe&topic=spor&month=2026-11",
        "/haberler?q=tramvay&before=o5",
        f"/haber/{article_id}-tramvay-haberi",
    ):
        assert client.get(path).status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    reads = [one for one in asked if one[0].lstrip().upper().startswith("SELECT")]
    assert len(reads) > 30
    with runtime.db.engine.connect() as connection:
        problems = [
            (table, statement)
            for statement, parameters in reads
            for table in TABLES
            if scans(connection, statement, parameters, table)
        ]
    assert problems == []


def scans(connection, statement, parameters, table) -> bool:
    """Does the plan read all of a table that grows with the news?"""
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        # FTS5 is always "scanned"; the letter M says that it is by the words.
        return any(
            re.match(rf"SCAN {table}\b(?! VIRTUAL TABLE INDEX \d+:M)", row[3]) for row in plan
        )
    connection.exec_driver_sql("SET enable_seqscan = off")  # of three rows it would read all
    plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    return any(re.search(rf"Seq Scan on {table}\b", line) for line in plan)
