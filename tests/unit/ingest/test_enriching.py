"""Thin events: what is fetched for them, from where, and how it completes them."""

from __future__ import annotations

import json

import pytest

from service.ingest.drafting import Alias
from service.ingest.fetched import read_fetched
from service.ingest.mapping import Failed, gone, map_enriched, map_event
from service.ingest.payload import PayloadError

ZONE, SITE = "Europe/Istanbul", "https://www.example.bel.tr/"
PUBLISHED, WITHDRAWN = "published", "withdrawn"
DIRECTUS = "directus-11.16.1-items"
UMBRACO_ID = "5f1c2f0e-7a0c-4c1b-9a77-1a1a1a1a1a1a"


def test_directus_maps_each_of_several_keys(event, presets):
    headers, body = event(f"{DIRECTUS}-update")
    body["keys"] = ["1", 2, "3"]

    found = map_event(presets["directus"], headers, body, ZONE, SITE)

    assert [item.external_id for item in found] == ["1", "2", "3"]
    assert [item.enrich_url for item in found] == [f"/items/haberler/{n}" for n in (1, 2, 3)]


def test_too_many_keys_fail_instead_of_starting_a_thousand_fetches(event, presets):
    headers, body = event(f"{DIRECTUS}-update")
    body["keys"] = list(range(101))

    assert map_event(presets["directus"], headers, body, ZONE) == Failed(
        "split: 101 articles in one event; 100 at most"
    )


def test_a_directus_update_that_says_nothing_of_the_state_is_unknown(event, mapped):
    headers, body = event(f"{DIRECTUS}-update")
    body["payload"] = {"baslik": "Yeni başlık"}

    found = mapped("directus", headers, body)

    assert (found.state, found.article, found.needs_enrichment) == (None, None, True)


def test_a_thin_directus_update_is_completed_by_what_was_fetched(event, mapped, presets):
    thin = mapped("directus", *event(f"{DIRECTUS}-update"))
    item = event(f"{DIRECTUS}-create")[1]["payload"]

    full = map_enriched(
        presets["directus"].enrich.rules, thin, {"data": item | {"status": PUBLISHED}}, ZONE, SITE
    )
    draft = map_enriched(presets["directus"].enrich.rules, thin, {"data": item}, ZONE, SITE)

    assert (full.external_id, full.state, full.needs_enrichment) == ("1", PUBLISHED, False)
    assert full.article.title == item["baslik"]
    assert full.article.url == f"{SITE}haber/izmirin-iklim-eylemi"
    assert (full.article.sections, full.article.places) == (["İklim"], ["konak"])
    assert draft.state == WITHDRAWN  # meanwhile taken back
    assert gone(thin).article.state == WITHDRAWN


def test_a_typo3_page_is_read_by_its_json_ld(event, mapped, presets, fixture_json):
    thin = mapped("typo3", *event("typo3-page-modification-constructed"))
    node = json.dumps(fixture_json("jsonld-newsarticle-constructed"), ensure_ascii=False)
    page = (
        "<script>var a = '<script type=x>'</script>"
        "<script type='application/ld+json'>{oops</script>"
        f'<html><SCRIPT type="application/ld+json">{{"@graph": [{{"@type": "WebPage"}}, {node}]}}'
        "</SCRIPT>"
    )

    document = read_fetched(presets["typo3"].enrich, page.encode())
    full = map_enriched(presets["typo3"].enrich.rules, thin, document, ZONE, SITE)

    assert thin.enrich_url == thin.article.url
    assert (full.external_id, full.state) == ("123", PUBLISHED)
    assert full.article.body_text == "İzmir Büyükşehir Belediyesi heyeti …"
    assert Alias("url", thin.article.url) in full.aliases


@pytest.mark.parametrize("page", [b"", b"<p>Merhaba</p>", b"\xff\xfe", b"<script " * 1000])
def test_a_page_without_an_article_is_a_payload_error(page, presets):
    with pytest.raises(PayloadError):
        read_fetched(presets["typo3"].enrich, page)


def test_umbraco_asks_the_delivery_api(event, mapped, presets):
    thin = mapped("umbraco", *event("umbraco-content-published-constructed"))
    answer = {
        "name": "Yeni park açıldı",
        "createDate": "0001-01-01T00:00:00",
        "route": {"path": "/haberler/yeni-park/"},
        "properties": {"icerik": {"markup": "<p>Metin</p>", "blocks": []}},
    }

    full = map_enriched(presets["umbraco"].enrich.rules, thin, answer, ZONE, SITE)

    assert thin.enrich_url == f"/umbraco/delivery/api/v2/content/item/{UMBRACO_ID}"
    assert full.article.url == f"{SITE}haberler/yeni-park/"
    assert (full.article.html(), full.article.published_at) == ("<p>Metin</p>", None)


def test_a_key_cannot_lead_the_fetch_with_the_token_elsewhere(event, presets):
    headers, body = event(f"{DIRECTUS}-update")
    body["keys"], body["collection"] = ["1?access_token=x#"], "../users"
    assert isinstance(map_event(presets["directus"], headers, body, ZONE), Failed)

    body["collection"] = "haberler"
    (found,) = map_event(presets["directus"], headers, body, ZONE)
    assert found.enrich_url.startswith("/items/haberler/sha256%3A")
