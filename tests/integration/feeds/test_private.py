"""Private feeds follow what one person chose, for whoever knows their address, and say no more."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import feedparser
import pytest
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import func, select, update

from service import logs
from service.db import utcnow
from service.feeds.private import pairs_of
from service.models import Destination, Subscriber, Subscription, Topic
from service.models.listing import ANY, CITY
from service.runtime import Runtime
from service.subscriptions import private_feeds
from service.subscriptions.private_feeds import Chosen
from tests.feed_rules import findings
from tests.integration.town import Town

HIDDEN = ("ayse", "example.org")


@pytest.fixture
def subscriber(runtime: Runtime, town: Town) -> int:
    """Reads of transport in Konak by mail, and of sport in a second mailbox."""
    first = town.reader("ulasim", "konak", address="ayse@example.org")
    second = town.reader("spor", address="ayse2@example.org")
    with runtime.db.write() as session:
        session.add(person := Subscriber())
        session.flush()
        mailboxes = Destination.id.in_((first, second))
        session.execute(update(Destination).where(mailboxes).values(subscriber_id=person.id))
    return person.id


@pytest.fixture
def token(runtime: Runtime, subscriber: int) -> Callable[[], str]:
    """The present secret of the person's feed."""

    def token() -> str:
        with runtime.db.read() as session:
            return private_feeds.token_of(session, runtime.vault, subscriber)

    with runtime.db.write() as session:
        private_feeds.switch_on(session, subscriber)
    return token


def titles(client: FlaskClient, token: str) -> set[str]:
    answer = client.get(f"/feeds/my/{token}.rss")
    assert answer.status_code == 200, answer.text
    found = feedparser.parse(answer.data)
    assert not found.bozo
    return {entry.title for entry in found.entries}


def test_it_holds_what_was_chosen_and_nothing_else(
    client: FlaskClient, publish: Any, token: Any
) -> None:
    publish(("ulasim",), places=("konak",), title="Konak’ta tramvay")
    publish(("ulasim",), title="Bütün şehirde otobüs")
    publish(("ulasim",), places=("bornova",), title="Bornova’da metro")
    publish(("spor",), places=("bornova",), title="Bornova’da maç")
    publish(("spor", "ulasim"), places=("konak",), title="Maça ek sefer")
    publish(("iklim-cevre",), places=("konak",), title="Konak’ta ağaç")

    wanted = {"Konak’ta tramvay", "Bütün şehirde otobüs", "Bornova’da maç", "Maça ek sefer"}
    assert titles(client, token()) == wanted


def test_it_follows_every_change_of_the_choices(
    client: FlaskClient, publish: Any, token: Any, town: Town, runtime: Runtime
) -> None:
    publish(("ulasim",), title="Otobüs")
    publish(("spor",), title="Maç")
    first = client.get(f"/feeds/my/{token()}.atom")

    with runtime.db.write() as session:
        session.execute(update(Subscription).values(is_local_only=True))
    assert titles(client, token()) == {"Maç"}
    known = {"If-None-Match": first.headers["ETag"]}
    changed = client.get(f"/feeds/my/{token()}.atom", headers=known)
    assert changed.status_code == 200
    for destination in town.all(Destination):
        town.unsubscribe(destination.id)
    assert titles(client, token()) == set()
    assert client.get(f"/feeds/my/{token()}.json").get_json()["items"] == []


def test_an_address_that_is_not_verified_chooses_nothing(
    client: FlaskClient, publish: Any, token: Any, runtime: Runtime
) -> None:
    publish(("spor",), title="Maç")
    with runtime.db.write() as session:
        session.execute(update(Destination).values(verified_at=None))
    assert titles(client, token()) == set()


def test_it_is_for_its_reader_alone(client: FlaskClient, publish: Any, token: Any) -> None:
    publish(("spor",), title="Maç")
    for suffix in ("rss", "atom", "json", "opml"):
        answer = client.get(f"/feeds/my/{token()}.{suffix}")
        assert suffix == "opml" or findings(answer.data) == []
        assert answer.headers["Cache-Control"] == "private, max-age=300"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        for name in ("Access-Control-Allow-Origin", "Link", "Set-Cookie", "Last-Modified"):
            assert name not in answer.headers
        assert not [word for word in (*HIDDEN, "/hub") if word in answer.text]
    upper = client.get(f"/feeds/my/{token().upper()}.json").get_json()
    assert upper["feed_url"].endswith(f"/feeds/my/{token()}.json")


def test_what_has_not_changed_is_not_sent_again(
    client: FlaskClient, publish: Any, token: Any
) -> None:
    publish(("spor",), title="Maç")
    for suffix in ("rss", "atom", "json", "opml"):
        path = f"/feeds/my/{token()}.{suffix}"
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    path = f"/feeds/my/{token()}.rss"
    known = {"If-None-Match": client.get(path).headers["ETag"]}
    publish(("iklim-cevre",))
    assert client.get(path, headers=known).status_code == 304
    publish(("spor",), title="Yeni")
    assert client.get(path, headers=known).status_code == 200


def test_a_new_address_shuts_the_old_one_and_a_second_press_does_nothing(
    client: FlaskClient, token: Any, subscriber: int, runtime: Runtime
) -> None:
    old = token()
    for _ in range(2):
        with runtime.db.write() as session:
            private_feeds.switch_on(session, subscriber)
            assert token() == old
    for _ in range(2):
        with runtime.db.write() as session:
            private_feeds.renew(session, runtime.vault, subscriber, old)
    new = token()
    assert new != old
    with runtime.db.write() as session:
        private_feeds.renew(session, runtime.vault, subscriber + 1, new)
    assert token() == new
    assert client.get(f"/feeds/my/{old}.rss").status_code == 404
    assert client.get(f"/feeds/my/{new}.rss").status_code == 200


def test_nobody_learns_why_an_address_does_not_open(
    client: FlaskClient, token: Any, subscriber: int, runtime: Runtime
) -> None:
    old = token()
    with runtime.db.write() as session:
        private_feeds.renew(session, runtime.vault, subscriber, old)
    other = token()
    with runtime.db.write() as session:
        private_feeds.switch_off(session, subscriber)
    assert token() == ""
    made_up = runtime.vault.token("feed", subscriber + 1000, 7)
    foreign = runtime.vault.token("unsubscribe", subscriber, 7)
    answers = [
        client.get(f"/feeds/my/{one}.{suffix}")
        for one in (old, other, made_up, foreign, "abc", "ç" * 3000, "\0", "a.b")
        for suffix in ("rss", "atom", "json", "opml")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.mimetype for answer in answers} == {"text/plain"}
    assert len({answer.data for answer in answers}) == 1
    assert "yeni adresini alın" in answers[0].text
    assert answers[0].headers["Cache-Control"] == "no-store"


def test_an_address_is_short_and_never_comes_back(
    client: FlaskClient, token: Any, subscriber: int, runtime: Runtime
) -> None:
    """SQLite gives the number of somebody who was erased to the next person."""
    old = token()
    assert len(old) <= 29
    with runtime.db.write() as session:
        session.execute(update(Destination).values(subscriber_id=None))
        session.delete(session.get_one(Subscriber, subscriber))
    assert client.get(f"/feeds/my/{old}.rss").status_code == 404
    with runtime.db.write() as session:
        session.add(Subscriber(id=subscriber))
        session.flush()
        private_feeds.switch_on(session, subscriber)
    assert token() not in ("", old)
    assert client.get(f"/feeds/my/{old}.rss").status_code == 404


def test_a_reader_that_asks_without_end_is_told_to_wait(
    client: FlaskClient, token: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("service.feeds.private_routes.PER_FEED", "2 per hour")
    codes = [client.get(f"/feeds/my/{token()}.rss").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    refused = client.get(f"/feeds/my/{token()}.atom")
    assert refused.headers["Retry-After"] == "900"
    assert client.get("/feeds/my/abc.rss").status_code == 404


@pytest.fixture
def written(app: Any) -> Iterator[io.StringIO]:
    """All that is logged."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("DEBUG")
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_no_line_of_the_log_names_an_address(
    written: io.StringIO, client: FlaskClient, token: Any, runtime: Runtime, monkeypatch: Any
) -> None:
    secret = token()
    for ending in (".rss", ".opml", ".xml", "", "/x.rss", ".rss?utm=1"):
        client.get(f"/feeds/my/{secret}{ending}")
    with monkeypatch.context() as broken:
        broken.setattr("service.feeds.private_routes.private_feed", lambda *_: 1 / 0)
        assert client.get(f"/feeds/my/{secret}.rss").status_code == 500
    lines = written.getvalue()
    assert "/feeds/my/<token>" in lines
    assert secret not in lines


def test_more_lists_than_a_statement_may_join(
    client: FlaskClient, publish: Any, token: Any, town: Town, runtime: Runtime
) -> None:
    """Each topic in each district, one by one: SQLite joins 500 at most."""
    with runtime.db.write() as session:
        destination = session.scalars(select(Destination.id)).first()
        topics = session.scalars(select(Topic.id)).all()
        session.execute(update(Subscription).values(ended_at=utcnow()))
        session.add_all(
            Subscription(destination_id=destination, topic_id=topic, place_id=place)
            for topic in topics
            for place in range(1, 31)
        )
    assert len(topics) * 31 > 600
    for number in range(15, 0, -1):
        publish(("spor",), places=("konak",), age_h=number, title=f"Maç {number}")
        publish(("ulasim",), places=("konak", "bornova"), age_h=number, title=f"Metro {number}")
    found = client.get(f"/feeds/my/{token()}.json").get_json()["items"]
    dates = [item["date_published"] for item in found]
    assert len(found) == len({item["id"] for item in found}) == 25
    assert dates == sorted(dates, reverse=True)


def test_a_list_within_another_one_is_not_joined() -> None:
    konak = Chosen(1, 7, False)
    assert pairs_of([]) == ()
    assert pairs_of([konak]) == ((1, CITY), (1, 7))
    assert pairs_of([Chosen(1, 7, True)]) == ((1, 7),)
    assert pairs_of([konak, Chosen(1, None, False)]) == ((1, ANY),)
    assert pairs_of([konak, Chosen(None, 7, True)]) == ((ANY, 7), (1, CITY))
    assert pairs_of([konak, Chosen(2, 9, True), Chosen(None, None, False)]) == ((ANY, ANY),)


def test_the_list_of_my_feeds_names_public_ones(
    client: FlaskClient, token: Any, town: Town, runtime: Runtime
) -> None:
    answer = client.get(f"/feeds/my/{token()}.opml")
    assert answer.mimetype == "text/x-opml"
    found = etree.fromstring(answer.data).findall("body/outline")
    addresses = [one.get("xmlUrl").removeprefix("http://localhost:8080") for one in found]
    assert addresses == ["/feeds/ulasim@konak.rss", "/feeds/spor.rss"]
    assert [one.get("type") for one in found] == ["rss", "rss"]
    assert token() not in answer.text
    for address in addresses:
        assert client.get(address).status_code == 200


def test_reading_leaves_no_trace(
    client: FlaskClient, publish: Any, token: Any, runtime: Runtime
) -> None:
    publish(("spor",))

    def all_rows() -> str:
        with runtime.db.read() as session:
            tables = (Subscriber.__table__, Destination.__table__)
            return str([session.execute(select(table)).all() for table in tables])

    secret = token()
    before = all_rows()
    for suffix in ("rss", "atom", "json", "opml"):
        client.get(f"/feeds/my/{secret}.{suffix}")
    assert all_rows() == before
    with runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 1
    assert re.fullmatch(r"[a-z2-7]+", secret)
