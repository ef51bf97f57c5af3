"""The example cache of `config/nginx` in a real nginx, in front of a real server of Tellal."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
import requests

from tests.nginx import serve


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass

    def get_environ(self):
        return {**super().get_environ(), "RAW_URI": self.path}  # as gunicorn does


class Web:
    """The application on a port, and how many requests came to it."""

    def __init__(self, app) -> None:
        self._app, self.seen = app, Counter()
        self.server = WSGIServer(("127.0.0.1", 0), Quiet)
        self.server.set_app(self)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __call__(self, environ, start):
        self.seen[environ["PATH_INFO"]] += 1
        return self._app(environ, start)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(app) -> Iterator[Web]:
    web = Web(app)
    yield web
    web.close()


@pytest.fixture
def ask(web, tmp_path):
    """Asks nginx."""
    with serve(tmp_path / "nginx", web.port, is_logged=True) as port, requests.Session() as session:
        session.trust_env = False

        def ask(path: str, **headers: str) -> requests.Response:
            asked = {
                "Accept-Encoding": None,
                **{k.replace("_", "-"): v for k, v in headers.items()},
            }
            return session.get(
                f"http://127.0.0.1:{port}{path}", headers=asked, allow_redirects=False, timeout=20
            )

        yield ask


def test_nginx_answers_for_feeds_and_asks_tellal_once(ask, web, publish, client):
    publish(title="Haber ığüşöç")
    first = ask("/feeds/all.atom")
    tag = first.headers["ETag"]

    answers = [ask("/feeds/all.atom", If_None_Match=tag) for _ in range(20)]

    assert {(one.status_code, one.content) for one in answers} == {(304, b"")}
    assert {one.headers["ETag"] for one in answers} == {tag}
    assert all("stale-while-revalidate" in one.headers["Cache-Control"] for one in answers)
    assert all(one.headers["Vary"] == "Accept-Encoding" for one in answers)
    assert web.seen["/feeds/all.atom"] < 10
    assert first.content == client.get("/feeds/all.atom").data
    assert 'rel="hub"' in first.headers["Link"]


def test_each_coding_goes_to_those_who_take_it(ask, publish):
    publish(title="Haber")
    plain = ask("/feeds/all.rss").content
    for _ in range(2):
        zipped = ask("/feeds/all.rss", Accept_Encoding="gzip")
        refused = ask("/feeds/all.rss", Accept_Encoding="gzip;q=0, identity")
        small = ask("/feeds/all.rss", Accept_Encoding="gzip, deflate, br")
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert zipped.content == plain
        assert small.headers["Content-Encoding"] == "br"
        assert small.content == plain  # inflated by the client
        assert "Content-Encoding" not in refused.headers
        assert refused.content == plain


def test_deltas_go_through_and_news_comes_soon(ask, publish):
    for number in range(5):
        publish(title=f"Haber {number}", age_h=number + 1)
    tag = ask("/feeds/all.json").headers["ETag"]
    publish(title="Yeni")

    delta = ask("/feeds/all.json", A_IM="feed", If_None_Match=tag)
    assert delta.status_code == 226
    assert [item["title"] for item in delta.json()["items"]] == ["Yeni"]
    deadline = time.monotonic() + 5
    while ask("/feeds/all.json", If_None_Match=tag).status_code == 304:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert ask("/feeds/all.json").json()["items"][0]["title"] == "Yeni"


def test_addresses_that_differ_by_escapes_are_led_to_one(ask, publish):
    assert ask("/feeds/spor+ulasim.rss").status_code == 200
    escaped = ask("/feeds/spor%2Bulasim.rss")
    assert escaped.status_code == 308
    assert escaped.headers["Location"].endswith("/feeds/spor+ulasim.rss")
    assert ask("/feeds/spor+ulasim.rss?utm_source=x").status_code == 200


def test_nothing_of_one_reader_is_kept(ask, web, tmp_path):
    for _ in range(3):
        ask("/feeds/my/secret.rss")
    assert web.seen["/feeds/my/secret.rss"] == 3
    web.close()
    assert ask("/feeds/my/secret.rss").status_code == 502
    ask("/feeds/all.rss")
    logs = "".join(one.read_text("utf-8") for one in (tmp_path / "nginx").glob("*.log"))
    assert "/feeds/all.rss" in logs
    assert "secret" not in logs


def test_each_search_is_answered_for_itself(ask, publish):
    publish(title="Vapur seferleri")
    publish(title="Otobüs seferleri")
    for path in ("search", "%73earch"):
        for _ in range(2):
            for word, title in (("vapur", "Vapur"), ("otob%C3%BCs", "Otobüs")):
                found = ask(f"/feeds/{path}.json?q={word}").json()["items"]
                assert [item["title"] for item in found] == [f"{title} seferleri"]


def test_while_tellal_is_away_the_last_feed_goes_on(ask, web, publish):
    publish()
    first = ask("/feeds/all.atom")
    web.close()
    time.sleep(1.1)  # it counts as old now
    assert ask("/feeds/all.atom").content == first.content
