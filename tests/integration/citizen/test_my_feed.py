"""My feed: made only where its person asks for it, renewed and switched off by them alone."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import Destination, Subscriber
from service.runtime import Runtime
from service.subscriptions.forgetting import forget_people
from tests.integration.citizen.entering import enter

ADDRESS = re.compile(r'<input class="form-control" type="url"[^>]* value="([^"]+)" readonly>')
LINK = re.compile(r'<link rel="(alternate|search)" type="([^"]+)" title="([^"]+)" href="([^"]+)">')


@pytest.fixture
def reader(resident: Any, runtime: Runtime) -> Any:
    """The resident, as the person that each address belongs to."""
    with runtime.db.write() as session:
        session.add(person := Subscriber())
        session.flush()
        session.execute(update(Destination).values(subscriber_id=person.id))
    return resident


def shown(reader: Any) -> str:
    """The address on the page, without this site's; empty where there is none."""
    found = ADDRESS.search(reader.open("/my/feed").text)
    return html.unescape(found[1]).removeprefix("http://localhost:8080") if found else ""


def test_there_is_none_before_somebody_asks_for_it(reader: Any, town: Any) -> None:
    page = reader.open("/my/feed")
    assert shown(reader) == ""
    assert "/feeds/my/" not in page.text
    assert [one.feed_number for one in town.all(Subscriber)] == [None]
    assert "Ulaşım – " in page.text
    assert "Konak" in page.text
    assert page.headers["Cache-Control"] == "private, no-store"


def test_it_is_made_renewed_and_switched_off(reader: Any) -> None:
    answer = reader.send("/my/feed", to="/my/feed/on")
    assert answer.location == "/my/feed?done=on"
    page = reader.open(answer.location).text
    assert "Akışınız hazır" in page
    assert "Bu adresi bilen herkes seçimlerinizi görebilir." in page
    assert page.count('<svg class="qr"') == 1
    first = shown(reader)
    for suffix in ("rss", "atom", "json"):
        assert f"{first.removesuffix('.rss')}.{suffix}" in page
        assert reader.client.get(f"{first.removesuffix('rss')}{suffix}").status_code == 200
    token = first.rpartition("/")[2].removesuffix(".rss")
    for _ in range(2):  # a form that is sent twice
        answer = reader.send("/my/feed", to="/my/feed/renew", feed=token)
    second = shown(reader)
    assert second not in ("", first)
    assert "yeni bir adresi" in reader.open(answer.location).text
    assert reader.client.get(first).status_code == 404
    assert reader.client.get(second).status_code == 200
    answer = reader.send("/my/feed", to="/my/feed/off")
    assert "Akışınız kapatıldı" in reader.open(answer.location).text
    assert shown(reader) == ""
    assert reader.client.get(second).status_code == 404
    reader.send("/my/feed", to="/my/feed/on")
    assert shown(reader) not in ("", first, second)


def test_no_button_works_without_its_form(reader: Any, town: Any) -> None:
    for act in ("on", "renew", "off"):
        assert reader.client.post(f"/my/feed/{act}", data={"feed": "x"}).status_code == 400
        assert reader.client.get(f"/my/feed/{act}").status_code in (404, 405)
    assert [one.feed_number for one in town.all(Subscriber)] == [None]


@pytest.mark.parametrize("token", ["", "abc", "ç" * 500, "x" * 5000])
def test_an_address_that_is_none_renews_nothing(reader: Any, token: str) -> None:
    reader.send("/my/feed", to="/my/feed/on")
    first = shown(reader)
    assert reader.send("/my/feed", to="/my/feed/renew", feed=token).status_code == 303
    assert shown(reader) == first


def test_nobody_renews_the_feed_of_another(
    reader: Any, town: Any, runtime: Runtime, app: Any
) -> None:
    reader.send("/my/feed", to="/my/feed/on")
    first = shown(reader)
    other = town.reader("spor", address="fatma@example.com")
    with runtime.db.write() as session:
        session.add(person := Subscriber())
        session.flush()
        session.execute(
            update(Destination).where(Destination.id == other).values(subscriber_id=person.id)
        )
    stranger = type(reader)(app.test_client(), runtime, other)
    enter(stranger.client, runtime, other)
    token = first.rpartition("/")[2].removesuffix(".rss")
    stranger.send("/my/feed", to="/my/feed/renew", feed=token)
    stranger.send("/my/feed", to="/my/feed/off")
    assert shown(reader) == first
    assert shown(stranger) == ""


def test_the_list_of_the_same_feeds_is_a_download(reader: Any) -> None:
    answer = reader.open("/my/feed/topics.opml")
    assert answer.mimetype == "text/x-opml"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tellal-feeds.opml"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "/feeds/ulasim@bornova+konak.rss" in answer.text
    assert "/feeds/spor.rss" in answer.text


def test_the_export_says_whether_there_is_one_and_not_where(reader: Any) -> None:
    assert reader.open("/my/data.json").get_json()["private_feed"] is False
    reader.send("/my/feed", to="/my/feed/on")
    token = shown(reader).rpartition("/")[2].removesuffix(".rss")
    for path in ("/my/data.json", "/my/data.html", "/my/data"):
        assert token not in reader.open(path).text
    assert reader.open("/my/data.json").get_json()["private_feed"] is True
    assert "Size özel bir akışınız var." in reader.open("/my/data.html").text


def test_erasing_takes_it_away(reader: Any, town: Any) -> None:
    reader.send("/my/feed", to="/my/feed/on")
    address = shown(reader)
    assert reader.send("/my/erase").location == "/my/erased"
    answer = reader.client.get(address)
    assert (answer.status_code, answer.mimetype) == (404, "text/plain")
    assert town.all(Subscriber) == []


def test_reading_keeps_nobody_s_address_any_longer(
    reader: Any, town: Any, runtime: Runtime, clock: Any
) -> None:
    """28 days after the last subscription has ended, whether or not somebody reads."""
    reader.send("/my/feed", to="/my/feed/on")
    address = shown(reader)
    town.unsubscribe(reader.id)
    assert reader.client.get(address).status_code == 200
    clock.advance(days=29)
    assert sum(forget_people(runtime.db, clock())) == 1
    assert reader.client.get(address).status_code == 404


def test_a_mailbox_that_refuses_mail_still_has_its_feed(reader: Any, runtime: Runtime) -> None:
    reader.send("/my/feed", to="/my/feed/on")
    with runtime.db.write() as session:
        session.execute(update(Destination).values(is_paused=True))
    assert reader.client.get(shown(reader)).status_code == 200


def links(client: Any, path: str) -> list[tuple[str, str, str]]:
    """What the head of a page leads to: type, title and address."""
    answer = client.get(path)
    assert answer.status_code in (200, 410), path
    head = answer.text.partition("</head>")[0]
    return [
        (kind, html.unescape(title), html.unescape(to)) for _, kind, title, to in LINK.findall(head)
    ]


PUBLIC = [
    "/",
    "/haberler",
    "/subscribe",
    "/embed",
    "/privacy",
    "/display",
    "/accessibility",
    "/docs",
]


@pytest.mark.parametrize("path", [*PUBLIC, "/en/", "/en/haberler?topic=spor"])
def test_every_public_page_leads_to_all_news_and_the_search(client: Any, path: str) -> None:
    found = links(client, path)
    addresses = [to for _, _, to in found]
    for suffix in ("rss", "atom", "json"):
        assert f"/feeds/all.{suffix}" in addresses
    assert found[-1][0] == "application/opensearchdescription+xml"
    assert len(set(addresses)) == len(addresses)
    for kind, title, to in found:
        assert title
        answer = client.get(to)
        assert (answer.status_code, answer.mimetype) == (200, kind)


@pytest.mark.parametrize(
    ("path", "feed", "name"),
    [
        ("/haberler?topic=spor", "/feeds/spor.rss", "Spor"),
        ("/haberler?place=konak", "/feeds/all@konak.rss", "Bütün konular (Konak)"),
        ("/haberler?topic=spor&place=konak&month=2026-01", "/feeds/spor@konak.rss", "Spor (Konak)"),
        (
            "/haberler?q=%C3%A7%C4%B1%C4%9F&topic=spor",
            "/feeds/search.rss?q=%C3%A7%C4%B1%C4%9F&topic=spor",
            "çığ",
        ),
    ],
)
def test_the_archive_leads_to_the_feed_of_its_very_list(
    client: Any, path: str, feed: str, name: str
) -> None:
    first = links(client, path)[0]
    assert first[2] == feed
    assert name in first[1]
    body = html.unescape(client.get(path).text.partition("</head>")[2])
    assert f'href="{feed}"' in body
    assert client.get(feed).status_code == 200


def test_an_article_leads_to_the_feeds_of_its_topics(
    client: Any, town: Any, runtime: Runtime
) -> None:
    article = town.article(("spor", "ulasim"))
    with runtime.db.write() as session:
        stamp_feeds(session, article, utcnow())
    path = client.get(f"/haber/{article}").location
    feeds = [to for kind, _, to in links(client, path) if kind == "application/rss+xml"]
    assert sorted(feeds[:2]) == ["/feeds/spor.rss", "/feeds/ulasim.rss"]
    assert feeds[2:] == ["/feeds/all.rss"]


def test_no_personal_page_leads_anywhere(reader: Any, app: Any, runtime: Runtime) -> None:
    reader.send("/my/feed", to="/my/feed/on")
    with runtime.db.read() as session:
        ids = session.scalars(select(Destination.id)).all()
    token = runtime.vault.token("unsubscribe", 1, *ids[:1], 1)
    rules = {rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    mine = [one for one in rules if re.match(r"(/en)?/my(/[a-z/-]+)?$", one)]
    for path in (*mine, f"/u/{token}", "/sign-in", "/staff/login", "/yok", "/dev/mailbox"):
        page = reader.client.get(path)
        assert LINK.findall(page.text.partition("</head>")[0]) == [], path
