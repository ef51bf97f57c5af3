"""How feeds are served: from memory where they are known, and the same from wherever."""

from __future__ import annotations

import gc
import gzip
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import brotli
import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client

from service.app import create_app
from service.db import Database
from service.feeds import routes
from service.feeds.clock import FeedState
from service.feeds.routes import EXTENSION
from service.models import Topic

FORMATS = ("rss", "atom", "json")
OF_THE_VIEW = {"X-Request-Id"}


@pytest.fixture
def composer(app):
    return app.extensions[EXTENSION].composer


@pytest.fixture
def behind(app):
    """Asks the application itself, behind the door."""
    return Client(lambda environ, start: Flask.wsgi_app(app, environ, start))


def is_from_memory(answer) -> bool:
    return "X-Request-Id" not in answer.headers


def heads_of(answer) -> list[tuple[str, str]]:
    return sorted((name, text) for name, text in answer.headers if name not in OF_THE_VIEW)


def test_the_door_and_the_view_answer_alike(client, behind, publish, clock, subtests):
    for number in range(4):
        publish(title=f"Haber {number}", age_h=number)
    clock.advance(seconds=2)
    first = client.get("/feeds/iklim-cevre.atom")
    publish(title="Yeni")
    clock.advance(seconds=2)
    now = client.get("/feeds/iklim-cevre.atom")
    at, tag, old = (now.headers["Last-Modified"], now.headers["ETag"], first.headers["ETag"])
    asked = [
        {},
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "gzip, br"},
        {"Accept-Encoding": "gzip;q=0"},
        {"Accept-Encoding": "identity, gzip;q=0.5"},
        {"If-None-Match": tag, "Accept-Encoding": "br"},
        {"If-None-Match": f'"x", {tag.removeprefix("W/")}'},
        {"If-None-Match": "*"},
        {"If-None-Match": old},
        {"If-None-Match": "garbage"},
        {"If-Modified-Since": at},
        {"If-Modified-Since": "yesterday"},
        {"If-None-Match": '"x"', "If-Modified-Since": at},
        {"A-IM": "feed"},
        {"A-IM": "feed", "If-None-Match": tag},
        {"A-IM": "feed", "If-None-Match": old},
        {"A-IM": "feed", "If-None-Match": old, "Accept-Encoding": "gzip"},
        {"A-IM": "feed;q=0", "If-None-Match": old},
        {"A-IM": "feed", "If-None-Match": '"nope"'},
    ]
    statuses = set()
    for headers, method in itertools.product(asked, ("GET", "HEAD")):
        with subtests.test(method, **headers):
            client.open("/feeds/iklim-cevre.atom", method=method, headers=headers)
            by_door = client.open("/feeds/iklim-cevre.atom", method=method, headers=headers)
            by_view = behind.open("/feeds/iklim-cevre.atom", method=method, headers=headers)

            assert is_from_memory(by_door)
            assert not is_from_memory(by_view)
            assert by_door.status_code == by_view.status_code
            assert by_door.data == by_view.data
            assert heads_of(by_door) == heads_of(by_view)
            assert not (method == "HEAD" and by_door.data)
            statuses.add(by_door.status_code)
    assert statuses == {200, 226, 304}


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_coding_holds_the_same_bytes(client, publish, suffix, composer):
    """The first answer of a combination is joined from pieces, the second compressed as a whole."""
    for number in range(5):
        publish(("spor", "ulasim"), title=f"Haber {number} ığüşöç " * 20)
    for key in ("spor+ulasim", "spor"):
        composed = composer.composed
        joined = client.get(f"/feeds/{key}.{suffix}", headers={"Accept-Encoding": "gzip"})
        whole = client.get(f"/feeds/{key}.{suffix}", headers={"Accept-Encoding": "gzip"})
        small = client.get(f"/feeds/{key}.{suffix}", headers={"Accept-Encoding": "gzip, br"})
        plain = client.get(f"/feeds/{key}.{suffix}")

        assert [one.headers.get("Content-Encoding") for one in (joined, whole, small, plain)] == [
            *("gzip", "gzip", "br", None)
        ]
        assert gzip.decompress(joined.data) == gzip.decompress(whole.data) == plain.data
        assert brotli.decompress(small.data) == plain.data
        assert len(whole.data) < len(plain.data) / 2
        assert {one.headers["Vary"] for one in (joined, whole, small, plain)} == {"Accept-Encoding"}
        assert composer.composed == composed + 1


def test_a_publish_refreshes_the_feeds_that_it_touches_and_no_other(client, publish, composer):
    publish(("ulasim",), places=("bornova",))
    publish(("spor",))
    topics, places = ("iklim-cevre", "spor", "ulasim"), ("bornova", "buca", "konak")
    pairs = [f"{one}+{other}" for one, other in itertools.combinations(topics, 2)]
    keys = [f"{key}@{place}" for key in (*topics, *pairs, "all") for place in places]
    keys += [f"{key}@~{place}" for key in (*topics, *pairs, "all") for place in places]
    tags = {key: client.get(f"/feeds/{key}.rss").headers["ETag"] for key in keys}

    def poll() -> set[str]:
        found = {
            key: client.get(f"/feeds/{key}.rss", headers={"If-None-Match": tag})
            for key, tag in tags.items()
        }
        tags.update({key: answer.headers["ETag"] for key, answer in found.items()})
        return {key for key, answer in found.items() if answer.status_code == 200}

    assert (poll(), composer.composed) == (set(), len(keys))
    publish(("ulasim",), places=("bornova",))
    touched = {
        key for key in keys if "bornova" in key and ("ulasim" in key or key.startswith("all"))
    }
    assert poll() == touched
    assert composer.composed == len(keys) + len(touched)
    assert poll() == set()


def test_who_asks_at_once_waits_for_one_composition(app, publish, composer, monkeypatch):
    publish(("spor", "ulasim"))
    compose, started = composer.compose, threading.Event()

    def slowly(*args):
        started.set()
        time.sleep(0.3)  # the others come meanwhile
        return compose(*args)

    monkeypatch.setattr(composer, "compose", slowly)

    def ask(_: int) -> bytes:
        return app.test_client().get("/feeds/spor+ulasim.rss").data

    with ThreadPoolExecutor(6) as pool:
        bodies = set(pool.map(ask, range(6)))
    assert started.is_set()
    assert len(bodies) == composer.composed == 1


def test_while_the_database_is_away_what_is_known_is_served(client, publish, monkeypatch):
    publish()
    before = client.get("/feeds/all.rss")

    def away(*_args):
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(Database, "read", away)

    again = client.get("/feeds/all.rss")
    known = client.get("/feeds/all.rss", headers={"If-None-Match": before.headers["ETag"]})
    assert (again.status_code, again.data) == (200, before.data)
    assert known.status_code == 304


def test_two_processes_serve_the_same_bytes_under_the_same_tag(client, publish, settings, withdraw):
    for number in range(3):
        publish(("spor",), title=f"Haber {number}", age_h=number)
    withdraw(publish(("spor",)))
    for path in [f"/feeds/{key}.{one}" for key in ("spor", "spor+ulasim") for one in FORMATS]:
        client.get(path)
    other = create_app(settings)

    for path in [f"/feeds/{key}.{one}" for key in ("spor", "spor+ulasim") for one in FORMATS]:
        here, there = client.get(path), other.test_client().get(path)
        assert (here.data, here.headers["ETag"]) == (there.data, there.headers["ETag"])
    other.extensions["tellal"].close()


def test_a_new_article_is_in_every_process_within_a_second(settings, publish):
    apps = [create_app(settings.model_copy(update={"feed_look_s": 0.25})) for _ in range(2)]
    clients = [app.test_client() for app in apps]
    for one in clients:
        assert one.get("/feeds/all.json").get_json(True)["items"] == []

    publish(title="Yeni")
    deadline = time.monotonic() + 1

    for one in clients:
        while not (items := one.get("/feeds/all.json").get_json(True)["items"]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert items[0]["title"] == "Yeni"
    for app in apps:
        app.extensions["tellal"].close()


def test_a_new_name_of_a_topic_is_a_new_version(client, publish, runtime):
    publish(("spor",))
    before = client.get("/feeds/spor.json")
    with runtime.db.write() as session:
        session.query(Topic).filter_by(slug="spor").update({"name_tr": "Oyun"})

    after = client.get("/feeds/spor.json", headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert "Oyun" in after.get_json(True)["title"]
    assert after.get_json(True)["items"][0]["tags"] == ["Oyun"]


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("spor%2Bulasim.rss", "spor+ulasim.rss"),
        ("spor%40buca.rss", "spor@buca.rss"),
        ("spor.rss/", "spor.rss"),
        ("spor.RSS", "spor.rss"),
        ("spor.Atom", "spor.atom"),
        ("spor.xml", "spor.rss"),
        ("spor", "spor.rss"),
        ("ulasim+spor/?utm=x", "spor+ulasim.rss"),
    ],
)
def test_an_address_that_means_a_feed_leads_to_it(client, typed, canonical):
    client.get(f"/feeds/{canonical}")  # in memory too
    answer = client.get(f"/feeds/{typed}")

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"http://localhost:8080/feeds/{canonical}"
    assert client.get(f"/feeds/{canonical}").status_code == 200


def test_what_is_no_feed_is_said_in_one_sentence(client):
    many = "+".join(f"konu-{number}" for number in range(13))
    for path, status in ((f"{many}.rss", 400), (many, 400), ("yok.rss", 404), ("a.html", 404)):
        answer = client.get(f"/feeds/{path}")
        assert answer.status_code == status
        assert answer.mimetype == "text/plain"
        assert answer.text.count("\n") == 1
        assert "Set-Cookie" not in answer.headers


def test_unknown_keys_are_not_kept(client, composer):
    client.get("/feeds/all.rss")
    held = composer.memory.held
    for number in range(50):
        client.get(f"/feeds/yok-{number}.rss")
    assert composer.memory.held == held


def test_a_script_of_another_site_may_ask_with_conditions(client):
    answer = client.options(
        "/feeds/all.json",
        headers={
            "Origin": "https://reader.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "a-im, if-none-match",
        },
    )

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
    exposed = client.get("/feeds/all.json").headers["Access-Control-Expose-Headers"]
    assert {"ETag", "IM"} <= set(exposed.split(", "))
    assert client.post("/feeds/all.json").status_code == 405


def test_who_has_too_much_composed_waits_and_others_do_not(client, publish, monkeypatch):
    publish()
    monkeypatch.setattr(routes, "COMPOSED", "2/minute")
    for key in ("all", "spor"):
        assert client.get(f"/feeds/{key}.rss").status_code == 200

    refused = client.get("/feeds/ulasim.rss")
    again = client.get("/feeds/all.rss")
    known = client.get("/feeds/ulasim.rss", headers={"If-None-Match": "*"})
    other = client.get("/feeds/ulasim.rss", environ_base={"REMOTE_ADDR": "192.0.2.9"})

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert (again.status_code, known.status_code, other.status_code) == (200, 304, 200)


def test_what_is_kept_of_a_feed_keeps_no_state_of_the_clock(client, publish, composer):
    """Each has all lists, and would be in memory beside what is counted."""

    def states() -> int:
        gc.collect()
        return sum(isinstance(one, FeedState) for one in gc.get_objects())

    publish()
    client.get("/feeds/all.rss")
    before, held = states(), composer.memory.held
    for topic in ("ulasim", "spor", "saglik", "egitim"):
        client.get(f"/feeds/iklim-cevre+{topic}.rss")
        publish()

    assert composer.memory.held > held
    assert states() <= before
