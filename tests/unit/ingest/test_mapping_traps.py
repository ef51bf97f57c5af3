"""The traps of each CMS (ingest guide, section 11), on what it really sends."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from service.ingest.drafting import Alias
from service.ingest.mapping import Ignored, map_event

ZONE, SITE = "Europe/Istanbul", "https://www.example.bel.tr/"
PUBLISHED, WITHDRAWN = "published", "withdrawn"
GHOST, WP, STRAPI = "ghost-6.65.0-post", "wordpress-6.1.9-wpwebhooks-3.3.1", "strapi-5.54.0-entry"


def test_the_fields_of_ghost(event, mapped):
    article = mapped("ghost", *event(f"{GHOST}-published")).article

    assert article.title == "İzmir’in iklim eylemi çalışmaları Avrupa gündeminde"
    assert article.sections == ["İklim", "Avrupa Birliği"]
    assert article.places == ["konak"]
    assert article.published_at == datetime(2026, 11, 23, 17, 49, 43, tzinfo=UTC)
    assert len(article.summary) == 300
    assert len(article.text()) > 4000


@pytest.mark.parametrize(
    ("key", "value"), [("visibility", "members"), ("visibility", "paid"), ("status", "sent")]
)
def test_a_ghost_post_that_not_everybody_may_read_is_withdrawn(event, key, value, mapped):
    headers, body = event(f"{GHOST}-published")
    body["post"]["current"][key] = value

    assert mapped("ghost", headers, body).state == WITHDRAWN


def test_a_wordpress_post_is_found_by_number_guid_and_permalink_in_push_and_pull(
    event, mapped, fixture_json
):
    pushed = mapped("wordpress", *event(f"{WP}-edited-while-published"))
    pulled = mapped("wordpress-rest", {}, fixture_json("wordpress-6.1.9-rest-post-embed"))

    assert pushed.external_id == pulled.external_id == "4"
    assert pushed.aliases == pulled.aliases
    assert Alias("guid", "http://127.0.0.1:8081/?p=4") in pushed.aliases
    same = ("title", "summary", "url", "sections", "tags", "published_at", "updated_at")
    assert all(getattr(pushed.article, key) == getattr(pulled.article, key) for key in same)


def test_wordpress_words_come_without_entities_block_comments_and_zero_dates(event, mapped):
    headers, body = event(f"{WP}-published")
    body["post"]["post_title"] = "Kültür &amp; Sanat&#8217;ta <em>yeni</em> sezon"
    body["taxonomies"]["category"] = {"k": {"name": "Kültür &amp; Sanat", "slug": "k"}}
    body["taxonomies"]["post_tag"] = {"ilce-konak": {"name": "Konak", "slug": "ilce-konak"}}
    body["post"]["post_date_gmt"] = "0000-00-00 00:00:00"
    body["post"]["guid"] = "https://x.bel.tr/?post_type=haber&#038;p=4"

    found = mapped("wordpress", headers, body)

    assert found.article.title == "Kültür & Sanat’ta yeni sezon"
    assert (found.article.sections, found.article.places) == (["Kültür & Sanat"], ["konak"])
    assert found.article.published_at is None
    assert "<!--" not in found.article.html()
    assert Alias("guid", "https://x.bel.tr/?post_type=haber&p=4") in found.aliases


def test_wordpress_without_terms_sends_lists_for_maps(event, mapped):
    headers, body = event(f"{WP}-published")
    body["taxonomies"] = []

    assert mapped("wordpress", headers, body).article.sections == []


def test_a_wordpress_text_from_before_blocks_keeps_its_paragraphs(event, mapped):
    headers, body = event(f"{WP}-published")
    body["post"]["post_content"] = "Birinci <b>paragraf</b>.\r\n\r\nİkinci paragraf."

    article = mapped("wordpress", headers, body).article

    assert article.html() == "<p>Birinci <b>paragraf</b>.</p><p>İkinci paragraf.</p>"


def test_a_password_protected_post_is_withdrawn(event, mapped, fixture_json):
    headers, body = event(f"{WP}-published")
    body["post"]["post_password"] = "gizli"
    rest = fixture_json("wordpress-6.1.9-rest-post-embed")
    rest["content"]["protected"] = True

    assert mapped("wordpress", headers, body).state == WITHDRAWN
    assert mapped("wordpress-rest", {}, rest).state == WITHDRAWN


def test_a_wordpress_page_is_ignored(event, presets):
    headers, body = event(f"{WP}-published")
    body["post"]["post_type"] = "page"

    assert isinstance(map_event(presets["wordpress"], headers, body, ZONE), Ignored)


def test_deleting_the_english_translation_in_strapi_withdraws_nothing(event, mapped, presets):
    headers, body = event(f"{STRAPI}-delete")
    body["entry"]["locale"] = "en"
    assert isinstance(map_event(presets["strapi"], headers, body, ZONE), Ignored)

    body["entry"]["locale"] = "tr-TR"
    assert mapped("strapi", headers, body).state == WITHDRAWN


def test_strapi_blocks_become_paragraphs(event, mapped):
    headers, body = event(f"{STRAPI}-publish")
    link = {"type": "link", "url": "https://x", "children": [{"type": "text", "text": "bağ"}]}
    body["entry"]["icerik"] = [
        {"type": "heading", "children": [{"type": "text", "text": "Başlık"}]},
        {"type": "paragraph", "children": [{"type": "text", "text": "Bir "}, link]},
        {"type": "list", "children": [{"type": "list-item", "children": [{"text": "madde"}]}]},
    ]

    assert mapped("strapi", headers, body).article.text() == "Başlık\n\nBir bağ\n\nmadde"


def test_strapi_without_drafts_publishes_through_create_and_update(event, mapped):
    headers, body = event(f"{STRAPI}-update")
    body["entry"]["publishedAt"] = "2026-11-23T17:55:56.404Z"

    assert mapped("strapi", headers, body).state == PUBLISHED


@pytest.mark.parametrize(("key", "value"), [("hidden", 1), ("hidden", True)])
def test_a_hidden_typo3_page_is_withdrawn(event, key, value, mapped):
    headers, body = event("typo3-page-modification-constructed")
    body["record"][key] = value

    assert mapped("typo3", headers, body).state == WITHDRAWN


@pytest.mark.parametrize(("key", "value"), [("workspace", 3), ("doktype", 254)])
def test_typo3_workspaces_and_folders_are_ignored(event, key, value, presets):
    headers, body = event("typo3-page-modification-constructed")
    (body if key == "workspace" else body["record"])[key] = value

    assert isinstance(map_event(presets["typo3"], headers, body, ZONE), Ignored)


@pytest.mark.parametrize(
    ("name", "result"),
    [("ContentUnpublished", WITHDRAWN), ("ContentDeleted", WITHDRAWN), ("ContentSaved", None)],
)
def test_umbraco_events_say_the_state(event, name, result, presets):
    headers, body = event("umbraco-content-published-constructed")
    headers["umb-webhook-event"] = f"Umbraco.{name}"

    found = map_event(presets["umbraco"], headers, body, ZONE)

    assert isinstance(found, Ignored) if result is None else found[0].state == result


def test_drupal_unpublished_and_deleted_nodes_are_withdrawn_and_pages_ignored(
    event, mapped, presets
):
    headers, body = event("drupal-webhooks-module-entity-node-create-constructed")
    unpublished, deleted, page = (copy.deepcopy(body) for _ in range(3))
    unpublished["entity"]["status"] = [{"value": False}]
    deleted["event"] = "entity:node:delete"
    page["entity"]["type"][0]["target_id"] = "page"

    assert mapped("drupal", headers, unpublished).state == WITHDRAWN
    assert mapped("drupal", headers, deleted).state == WITHDRAWN
    assert isinstance(map_event(presets["drupal"], headers, page, ZONE), Ignored)


def test_a_drupal_node_without_an_alias_has_its_numbered_address(event, mapped):
    headers, body = event("drupal-webhooks-module-entity-node-create-constructed")
    body["entity"]["path"] = []

    assert mapped("drupal", headers, body).article.url == f"{SITE}node/42"


def test_contentful_prefers_turkish_where_it_has_text(event, mapped):
    headers, body = event("contentful-entry-publish")
    body["fields"] = {
        "title": {"en-US": "Hello", "tr-TR": "Merhaba"},
        "summary": {"en-US": "Summary", "tr-TR": ""},
        "slug": {"en-US": "hello", "tr-TR": "merhaba dünya"},
        "body": {"tr-TR": {"nodeType": "document", "content": [
            {"nodeType": "paragraph", "content": [{"nodeType": "text", "value": "Metin"}]}
        ]}},
    }  # fmt: skip

    article = mapped("contentful", headers, body).article

    assert (article.title, article.summary, article.language) == ("Merhaba", "Summary", "tr-TR")
    assert article.url == f"{SITE}haber/merhaba%20d%C3%BCnya"
    assert article.text() == "Metin"


@pytest.mark.parametrize(
    ("topic", "state"),
    [("Entry.unpublish", WITHDRAWN), ("Entry.delete", WITHDRAWN), ("Entry.save", None)],
)
def test_contentful_says_the_state_in_its_topic(event, topic, state, presets):
    headers, body = event("contentful-entry-publish")
    headers["x-contentful-topic"] = f"ContentManagement.{topic}"
    del body["fields"]

    found = map_event(presets["contentful"], headers, body, ZONE)

    assert isinstance(found, Ignored) if state is None else found[0].state == state


def test_an_edit_of_an_old_contentful_entry_keeps_its_old_date(event, mapped):
    headers, body = event("contentful-entry-publish")
    first = mapped("contentful", headers, body).article
    body["sys"]["revision"] = 7
    edited = mapped("contentful", headers, body).article

    assert first.published_at is None
    assert edited.published_at.year == 2015


def test_sanity_says_deletion_in_the_projection_or_the_header(event, mapped, presets):
    headers, body = event("sanity-document-constructed")

    assert mapped("sanity", headers, body | {"deleted": True}).state == WITHDRAWN
    assert mapped("sanity", headers | {"sanity-operation": "delete"}, body).state == WITHDRAWN
    draft = body | {"_id": "drafts." + body["_id"]}
    assert isinstance(map_event(presets["sanity"], headers, draft, ZONE), Ignored)


@pytest.mark.parametrize("word", ["withdrawn", "unpublished", "deleted"])
def test_generic_presets_take_the_state_from_the_last_word_of_the_type(event, word, mapped):
    headers, body = event("standard-webhooks-constructed")
    assert mapped("standard-webhooks", headers, body | {"type": f"a.{word}"}).state == WITHDRAWN

    headers, body = event("cloudevents-binary-constructed")
    headers["ce-type"] = f"tr.bel.{word}"
    assert mapped("cloudevents", headers, body).state == WITHDRAWN


def test_generic_presets_ignore_other_types_and_take_a_canonical_state(event, mapped, presets):
    headers, body = event("cloudevents-structured-constructed")
    body["type"] = "tr.bel.comment.liked"
    assert isinstance(map_event(presets["cloudevents"], headers, body, ZONE), Ignored)

    body["data"]["state"] = WITHDRAWN
    assert mapped("cloudevents", headers, body).state == WITHDRAWN


def test_binary_cloudevents_headers_are_percent_decoded(event, mapped):
    headers, body = event("cloudevents-binary-constructed")
    headers["ce-subject"] = "haber%2F7"

    assert mapped("cloudevents", headers, body).external_id == "haber/7"


def test_json_ld_takes_graphs_property_values_and_lists_in_one_text(mapped, fixture_json):
    node = fixture_json("jsonld-newsarticle-constructed")
    node |= {"identifier": {"@type": "PropertyValue", "value": 55000}, "keywords": "iklim, SECAP"}

    found = mapped("json-ld", {}, {"@graph": [{"@type": "Organization"}, node]})

    assert found.external_id == "55000"
    assert found.article.tags == ["iklim", "SECAP"]
    assert found.article.image.url == "https://www.example.bel.tr/img/1.jpg"
