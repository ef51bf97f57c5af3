"""Thin events: the CMS is asked for the rest, with its token, and its word is the newest."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from sqlalchemy import update

from service.models import Article, InboxEvent, Revision, Source, Verdict
from service.runtime import Runtime
from tests.integration.ingest.conftest import load_recording
from tests.integration.ingest.thin import DIRECTUS, inbox, item, serve
from tests.sites import CmsSite

TYPO3 = "typo3-page-modification-constructed"
UMBRACO = "umbraco-content-published-constructed"


def test_a_life_in_directus_is_told_once(replay, town, site, directus, work, clock, full_audit):
    serve(site, item())
    answers = []
    for event in ("create", "update", "delete"):
        answers.append(replay.send(directus, f"{DIRECTUS}-{event}").json["status"])
        work()
        clock.advance(hours=3)
        work()

    assert answers == ["accepted"] * 3
    assert [verdict for verdict, _ in inbox(town)] == ["accepted"] * 3
    assert town.mails().total() == 1
    (article,) = town.all(Article)
    assert (article.state, article.external_id) == ("withdrawn", "1")
    (path, headers), *more = site.asked
    assert (path, headers["authorization"], more) == ("/items/haberler/1", "Bearer read-only", [])
    assert headers["user-agent"].startswith("Tellal/")


def test_an_item_that_stays_away_is_withdrawn(replay, town, site, directus, work, clock):
    replay.send(directus, f"{DIRECTUS}-update")
    work()
    assert inbox(town) == [("pending", "the CMS answered 404")]
    for _ in range(12):
        clock.advance(minutes=1)
        work()
    assert town.count(Article) == 0  # it was last asked before the ten minutes were over
    clock.advance(minutes=5)
    work()

    (article,) = town.all(Article)
    assert (article.state, len(town.news())) == ("withdrawn", 0)


def test_an_item_that_says_gone_is_withdrawn_at_once(replay, town, site, directus, work):
    serve(site, {}, status=410)
    replay.send(directus, f"{DIRECTUS}-update")
    work()

    assert [article.state for article in town.all(Article)] == ["withdrawn"]


def test_a_cms_that_is_not_ready_for_its_own_event_is_asked_again(
    replay, town, site, directus, work, clock, full_audit
):
    """The hook comes first, the page a few seconds later; in between the answer is 404."""
    replay.send(directus, f"{DIRECTUS}-update")
    work()
    serve(site, item())
    clock.advance(seconds=35)
    work()
    clock.advance(hours=1)
    work()

    assert len(site.asked) == 2
    assert [article.state for article in town.all(Article)] == ["published"]
    assert town.mails().total() == 1


def test_what_is_public_is_taken_back_by_the_first_404(replay, town, site, directus, work):
    """Within the hold: nobody may be told of what an update, silent of its state, took back."""
    serve(site, item())
    replay.send(directus, f"{DIRECTUS}-update")
    work()
    site.pages.clear()
    silent = {**json.loads(load_recording(f"{DIRECTUS}-update").body), "payload": {"sort": 2}}
    replay.send(directus, f"{DIRECTUS}-update", body=json.dumps(silent).encode())
    work()

    assert [article.state for article in town.all(Article)] == ["withdrawn"]


def test_a_cms_that_is_away_is_asked_again_and_nothing_is_lost(
    replay, town, site, directus, work, clock
):
    serve(site, {}, status=503)
    replay.send(directus, f"{DIRECTUS}-update")
    work()
    assert inbox(town) == [("pending", "127.0.0.1 answered 503")]
    assert len(site.asked) == 1

    serve(site, item())
    clock.advance(seconds=35)
    work()

    assert [verdict for verdict, _ in inbox(town)] == ["accepted"]
    assert town.count(Revision) == 1


def test_a_cms_that_stays_away_is_given_up_after_a_day_and_can_be_replayed(
    replay, town, site, directus, work, clock, tellal
):
    serve(site, {}, status=401)
    replay.send(directus, f"{DIRECTUS}-update")
    for _ in range(40):
        work()
        clock.advance(hours=1)
    assert inbox(town) == [("failed", "the CMS answered 401")]
    assert len(site.asked) == 30

    serve(site, item(yayin_tarihi=None))
    said = tellal("source", "replay", directus)
    assert "UTC: pending: the CMS must be asked for the rest\n" in said
    assert said.endswith(f"\n1 failed events of {directus} were read again.\n")
    work()

    assert [verdict for verdict, _ in inbox(town)] == ["accepted"]
    assert town.all(Article)[0].state == "published"


def test_a_delete_that_comes_while_the_cms_is_asked_is_not_undone(
    replay, town, site, directus, work, clock
):
    """What was fetched was true before the delete; it must not bring the article back."""
    serve(site, item())

    def deleted_meanwhile() -> None:
        site.before_answer = lambda: None
        replay.send(directus, f"{DIRECTUS}-delete")
        site.pages.clear()

    replay.send(directus, f"{DIRECTUS}-update")
    work()
    site.before_answer = deleted_meanwhile
    replay.send(directus, f"{DIRECTUS}-update")
    work()

    assert len(site.asked) == 3  # asked again, since its first answer was too old
    clock.advance(minutes=11)
    work()
    assert [verdict for verdict, _ in inbox(town)] == ["accepted", "unchanged", "accepted"]
    (article,) = town.all(Article)
    assert article.state == "withdrawn"


def test_a_delete_that_changes_nothing_while_the_cms_is_asked_is_not_undone(
    replay, town, site, directus, work
):
    """Published again and taken back: ours was withdrawn all the time, and what was fetched in
    between must not bring it back."""
    serve(site, item())
    answers = []

    def deleted_meanwhile() -> None:
        site.before_answer = lambda: None
        answers.append(replay.send(directus, f"{DIRECTUS}-delete").json["status"])
        site.pages.clear()

    replay.send(directus, f"{DIRECTUS}-update")
    work()
    replay.send(directus, f"{DIRECTUS}-delete")
    site.before_answer = deleted_meanwhile
    replay.send(directus, f"{DIRECTUS}-update")
    work()

    assert (answers, len(site.asked)) == (["unchanged"], 3)
    (article,) = town.all(Article)
    assert article.state == "withdrawn"


def test_two_workers_with_one_event_store_it_once(replay, town, site, directus, runtime):
    from workers.enrich import enrich_event

    serve(site, item())
    replay.send(directus, f"{DIRECTUS}-update")
    (event,) = town.all(InboxEvent)
    site.before_answer = lambda: enrich_event(runtime, event.id)  # takes nothing: it is taken

    enrich_event(runtime, event.id)
    enrich_event(runtime, event.id)

    assert len(site.asked) == 1
    assert town.count(Revision) == 1


def test_a_typo3_page_gets_its_text_from_its_json_ld(replay, town, site, work, runtime):
    sent = load_recording(TYPO3)
    node = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "Körfez vapuru",
        "articleBody": "Yeni vapur sefere başladı.",
        "url": "https://www.example.bel.tr/haber/vapur",
        "datePublished": "2026-11-23T17:00:00+03:00",
    }
    slug = replay.source("typo3", "typo3", TYPO3, hosts=["www.example.bel.tr", "127.0.0.1"])
    page = f'<script type="application/ld+json">{json.dumps(node)}</script>'
    site.put(_path_in(sent.body), page)
    replay.send(slug, TYPO3)
    assert [row.verdict for row in town.all(InboxEvent)] == [Verdict.PENDING]
    _point_inbox_at(runtime, site)
    work()

    (revision,) = town.all(Revision)
    assert (revision.title, revision.body_text) == ("Körfez vapuru", "Yeni vapur sefere başladı.")
    assert "authorization" not in site.asked[0][1]


def test_a_typo3_page_without_json_ld_is_read_as_any_page(replay, town, site, work, runtime):
    sent = load_recording(TYPO3)
    slug = replay.source("typo3", "typo3", TYPO3, hosts=["127.0.0.1", "www.example.bel.tr"])
    text = "Körfezde yeni bir vapur bugün sefere başladı ve yolcularını karşı kıyıya taşıdı. "
    site.put(
        _path_in(sent.body),
        "<html><head><title>Körfez vapuru</title></head><body><nav>Kapat</nav>"
        f"<main><h1>Körfez vapuru</h1><p>23 Kasım 2026</p><p>{text * 6}</p></main></body>",
    )
    replay.send(slug, TYPO3)
    _point_inbox_at(runtime, site)
    work()

    (revision,) = town.all(Revision)
    assert revision.title == "Körfez vapuru"
    assert revision.body_text.startswith("Körfezde yeni bir vapur")
    assert "Kapat" not in revision.body_text


def test_umbraco_is_asked_by_its_delivery_api(replay, town, site, work, runtime):
    slug = replay.source(
        *("umbraco", "bearer", UMBRACO),
        api_url=site.url("/"),
        sealed_token=runtime.vault.encrypt("umbraco-key"),
    )
    path = "/umbraco/delivery/api/v2/content/item/5f1c2f0e-7a0c-4c1b-9a77-1a1a1a1a1a1a"
    route = {"path": "/haber/vapur"}
    text = {"baslik": "Körfez vapuru", "icerik": {"markup": "<p>Sefere başladı.</p>"}}
    serve(site, {"name": "x", "route": route, "properties": text}, path=path)
    replay.send(slug, UMBRACO)
    work()

    (revision,) = town.all(Revision)
    assert (revision.title, revision.body_text) == ("Körfez vapuru", "Sefere başladı.")
    assert revision.url == "https://www.example.bel.tr/haber/vapur"
    assert site.asked[0][1]["api-key"] == "umbraco-key"


def test_an_address_inside_the_network_is_refused_and_the_event_kept(
    replay, town, work, runtime, site, directus
):
    with runtime.db.write() as session:
        session.execute(update(Source).values(api_url="https://169.254.169.254/"))
    replay.send(directus, f"{DIRECTUS}-update")
    work()

    assert inbox(town) == [("failed", "169.254.169.254 has no address that may be reached")]
    assert site.asked == []


def _path_in(body: bytes | str) -> str:
    """The path of the page that an event names."""
    return urlsplit(json.loads(body)["url"]).path or "/"


def _point_inbox_at(runtime: Runtime, site: CmsSite) -> None:
    """Let the stored event name the site of this test in place of the recorded one."""
    with runtime.db.write() as session:
        row = session.query(InboxEvent).one()
        body = runtime.vault.decrypt(row.sealed_body or "")
        url = site.url(_path_in(body))
        row.sealed_body = runtime.vault.encrypt(json.dumps({**json.loads(body), "url": url}))
        session.query(Source).update({"base_url": site.url("/")})
