"""What leads to the feeds: the list of all of them, the search's description, and its feed."""

from __future__ import annotations

from typing import Any

import feedparser
import pytest
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import func, select, update

from service.models import Place, Topic
from service.runtime import Runtime
from tests.feed_rules import findings

OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
BASE = "http://localhost:8080"


def outlines(answer: Any) -> dict[str, list[Any]]:
    """The feeds of an OPML by the heading that they stand below."""
    found: dict[str, list[Any]] = {}
    for one in etree.fromstring(answer.data).iterfind(".//outline[@type]"):
        parent = one.getparent()
        found.setdefault(parent.get("text") or "", []).append(one)
    return found


def test_one_list_has_every_topic_and_every_district(client: FlaskClient, runtime: Runtime) -> None:
    answer = client.get("/feeds/topics.opml")
    assert answer.content_type == "text/x-opml; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    found = outlines(answer)
    assert list(found) == ["", "Konular", "İlçeler"]
    with runtime.db.read() as session:
        counts = [session.scalar(select(func.count()).select_from(one)) for one in (Topic, Place)]
    assert [len(group) for group in found.values()] == [1, *counts]
    for group in found.values():
        for name in ("text", "title", "xmlUrl", "htmlUrl"):
            assert all(one.get(name) for one in group)
    sport = next(one for one in found["Konular"] if one.get("text") == "Spor")
    assert sport.get("xmlUrl") == f"{BASE}/feeds/spor.rss"
    assert sport.get("htmlUrl") == f"{BASE}/haberler?topic=spor"
    konak = next(one for one in found["İlçeler"] if one.get("text") == "Konak")
    assert konak.get("xmlUrl") == f"{BASE}/feeds/all@konak.rss"
    for one in (sport, konak):
        assert client.get(one.get("xmlUrl").removeprefix(BASE)).status_code == 200


def test_the_list_changes_with_the_names_and_only_then(
    client: FlaskClient, runtime: Runtime, publish: Any
) -> None:
    first = client.get("/feeds/topics.opml")
    known = {"If-None-Match": first.headers["ETag"]}
    publish()
    assert client.get("/feeds/topics.opml", headers=known).status_code == 304
    with runtime.db.write() as session:
        session.execute(update(Topic).where(Topic.slug == "spor").values(name_tr="Spor & <oyun>"))
        session.execute(update(Place).where(Place.slug == "konak").values(is_on=False))
    changed = client.get("/feeds/topics.opml", headers=known)
    assert changed.status_code == 200
    names = [one.get("text") for one in outlines(changed)["Konular"]]
    assert "Spor & <oyun>" in names
    assert "Konak" not in [one.get("text") for one in outlines(changed)["İlçeler"]]


def test_a_browser_learns_how_to_search(client: FlaskClient, publish: Any) -> None:
    publish(title="Körfezde vapur seferleri")
    answer = client.get("/opensearch.xml")
    assert answer.mimetype == "application/opensearchdescription+xml"
    root = etree.fromstring(answer.data)
    assert 0 < len(root.findtext(f"{OPENSEARCH}ShortName")) <= 16
    assert len(root.findtext(f"{OPENSEARCH}LongName")) <= 48
    urls = {one.get("type"): one.get("template") for one in root.iterfind(f"{OPENSEARCH}Url")}
    assert urls["text/html"] == f"{BASE}/haberler?q={{searchTerms}}"
    for template in urls.values():
        path = template.replace("{searchTerms}", "vapur").removeprefix(BASE)
        found = client.get(path)
        assert found.status_code == 200
        assert "opensearch" in path or "Körfezde vapur" in found.text
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/opensearch.xml", headers=known).status_code == 304


def hits(client: FlaskClient, query: str) -> list[str]:
    answer = client.get(f"/feeds/search.atom?{query}")
    assert answer.status_code == 200, answer.text
    found = feedparser.parse(answer.data)
    assert not found.bozo
    return [entry.title for entry in found.entries]


def test_a_search_is_a_feed_newest_first(client: FlaskClient, publish: Any) -> None:
    publish(title="Vapur seferleri", age_h=3)
    publish(title="Bir haber", body_text="vapura binenler", age_h=2)
    publish(("spor",), title="Vapurda maç", places=("konak",), age_h=1)
    publish(title="Başka")

    assert hits(client, "q=vapur") == ["Vapurda maç", "Bir haber", "Vapur seferleri"]
    assert hits(client, "q=vapur&topic=spor") == ["Vapurda maç"]
    assert hits(client, "q=VAPUR&place=konak&topic=spor") == ["Vapurda maç"]
    assert hits(client, "q=yok&place=konak") == []


def test_a_search_feed_is_told_by_no_hub_and_in_no_index(client: FlaskClient, publish: Any) -> None:
    publish(title="Vapur & “çığ” seferleri")
    for suffix in ("rss", "atom", "json"):
        answer = client.get(f"/feeds/search.{suffix}?q=%C3%A7%C4%B1%C4%9F+vapur")
        assert findings(answer.data) == []
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Link" not in answer.headers
        assert "/hub" not in answer.text
    own = client.get("/feeds/search.json?q=%C3%A7%C4%B1%C4%9F+vapur").get_json()
    assert own["feed_url"] == f"{BASE}/feeds/search.json?q=%C3%A7%C4%B1%C4%9F+vapur"
    assert own["home_page_url"] == f"{BASE}/haberler?q=%C3%A7%C4%B1%C4%9F+vapur"
    assert len(own["items"]) == 1


def test_a_search_changes_with_its_hits_alone(
    client: FlaskClient, publish: Any, withdraw: Any
) -> None:
    path = "/feeds/search.rss?q=vapur"
    article = publish(title="Vapur")
    known = {"If-None-Match": client.get(path).headers["ETag"]}
    publish(title="Başka")
    assert client.get(path, headers=known).status_code == 304
    withdraw(article)
    changed = client.get(path, headers=known)
    assert changed.status_code == 200
    assert "Vapur" not in changed.text.partition("<item>")[2]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("q=", 400),
        ("q=%2B%2B", 400),
        ("q=%00", 400),
        ("q=" + "a" * 201, 400),
        ("q=vapur&topic=yok", 404),
        ("q=vapur&place=" + "x" * 5000, 404),
        ("q='\"*()%20OR%20NEAR(", 200),
    ],
)
def test_what_cannot_be_searched_for_is_said_in_a_sentence(
    client: FlaskClient, query: str, status: int
) -> None:
    for suffix in ("rss", "atom", "json"):
        answer = client.get(f"/feeds/search.{suffix}?{query}")
        assert answer.status_code == status
        if status != 200:
            assert answer.mimetype == "text/plain"
            assert len(answer.text.splitlines()) == 1


def test_searches_without_end_are_refused(client: FlaskClient, monkeypatch: Any) -> None:
    monkeypatch.setattr("service.feeds.search_routes.PER_CLIENT", "2 per minute")
    codes = [client.get("/feeds/search.rss?q=vapur").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert client.get("/feeds/search.rss?q=vapur").headers["Retry-After"] == "60"


def test_small_answers_are_gzipped_for_whoever_takes_it(client: FlaskClient) -> None:
    plain = client.get("/feeds/topics.opml")
    zipped = client.get("/feeds/topics.opml", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data) / 3
    assert zipped.headers["ETag"] == plain.headers["ETag"]
    assert "Accept-Encoding" in zipped.headers["Vary"]
    refused = client.get("/feeds/topics.opml", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
