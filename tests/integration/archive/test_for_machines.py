"""What pages say of themselves to machines: one address, a card for links, schema.org's facts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import html5lib
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from service.models import Article, Notification, NotificationKind, NotificationState, Revision

BASE = "http://localhost:8080"
CITY = "https://www.example.bel.tr/haber/58150"
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SCHEMA = "https://schema.org/"
HOSTILE = (
    *("</title></script><script>alert(1)</script>", "\"><meta itemprop='headline' content='x'>"),
    *("a\u2028b\u2029c ' \" ` & &quot; &#34; &lt;", "--><!-- ]]> <![CDATA[ {{ 7*7 }} ${x} %(a)s"),
    *("\u202etersine\u202c \ufeff\u200b 🌊" + "x" * 3000, "{% raw %} \\u003c/script\\u003e \\"),
)


def parsed(page: str) -> Any:
    """The page as browsers read it."""
    return html5lib.parse(page, namespaceHTMLElements=False)


def metas(tree: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name")
        if name:
            found.setdefault(name, []).append(meta.get("content"))
    return found


def items(tree: Any) -> dict[str, dict[str, list[Any]]]:
    """The microdata of a page, by type (HTML, section 5.2): items within items are dictionaries."""
    found: dict[str, dict[str, list[Any]]] = {}

    def value(element: Any) -> Any:
        if element.get("itemscope") is not None:
            return walk(element, {"@type": element.get("itemtype").removeprefix(SCHEMA)})
        for name in ("content", "datetime", "href"):
            if name == "href" and element.tag not in ("link",):
                continue
            if element.get(name) is not None:
                return element.get(name)
        return "".join(element.itertext())

    def walk(element: Any, into: dict[str, Any]) -> dict[str, Any]:
        for child in element:
            if not isinstance(child.tag, str):
                continue
            names, scope = (child.get("itemprop") or "").split(), child.get("itemscope")
            for name in names:
                into.setdefault(name, []).append(value(child))
            if scope is not None and not names:
                found[child.get("itemtype").removeprefix(SCHEMA)] = walk(child, {})
            elif scope is None:
                walk(child, into)
        return into

    walk(tree, {})
    return found


def alternates(tree: Any) -> dict[str, str]:
    links = (one for one in tree.find("head").iter("link") if one.get("hreflang"))
    return {one.get("hreflang"): one.get("href") for one in links}


def canonical(tree: Any) -> list[str]:
    return [one.get("href") for one in tree.iter("link") if one.get("rel") == "canonical"]


@pytest.fixture
def tree(client):
    """The page behind an address."""

    def tree(path, status=200):
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == status
        return parsed(answer.text)

    return tree


def test_an_article_of_the_city_s_own_site_names_it(publish, tree):
    number = publish(
        *("Körfez & iklim", ("iklim-cevre", "ulasim"), ("konak",)),
        at=AT,
        url=CITY,
        summary="Özet burada.",
        body_text="Metin.",
        image={"url": "https://www.example.bel.tr/a.jpg", "alt": "Körfez"},
    )
    page = tree(f"/haber/{number}")
    assert canonical(page) == [CITY]
    assert alternates(page) == {}
    news = items(page)["NewsArticle"]
    assert {name: news[name] for name in ("headline", "url", "mainEntityOfPage", "isBasedOn")} == {
        "headline": ["Körfez & iklim"],
        "url": [CITY],
        "mainEntityOfPage": [CITY],
        "isBasedOn": [CITY],
    }
    assert news["datePublished"] == news["dateModified"] == ["2026-03-01T09:30:00+00:00"]
    assert news["articleSection"] == ["İklim ve Çevre", "Ulaşım"]
    assert [about["name"] for about in news["about"]] == [["İklim ve Çevre"], ["Ulaşım"]]
    assert news["about"][1]["url"] == [f"{BASE}/haberler?topic=ulasim"]
    assert news["contentLocation"] == [
        {"@type": "AdministrativeArea", "name": ["Konak"], "url": [f"{BASE}/haberler?place=konak"]}
    ]
    assert news["description"] == ["Özet burada."]
    assert news["image"] == ["https://www.example.bel.tr/a.jpg"]
    assert (news["inLanguage"], news["isAccessibleForFree"]) == (["tr"], ["true"])
    assert news["publisher"] == news["author"]
    publisher = news["publisher"][0]
    assert publisher["@type"] == "GovernmentOrganization"
    assert publisher["name"] == ["İzmir Büyükşehir Belediyesi"]
    assert publisher["logo"][0]["url"][0].startswith(f"{BASE}/assets/")
    crumbs = items(page)["BreadcrumbList"]["itemListElement"]
    assert [one["position"] for one in crumbs] == [["1"], ["2"], ["3"]]
    assert [one["name"][0] for one in crumbs] == ["Haberler", "İklim ve Çevre", "Körfez & iklim"]
    assert crumbs[2]["item"] == [f"{BASE}/haber/{number}-korfez-iklim"]
    card = metas(page)
    assert card["og:type"] == ["article"]
    assert card["og:title"] == card["twitter:title"] == ["Körfez & iklim"]
    assert card["og:url"] == [CITY]
    assert card["og:locale"] == ["tr_TR"]
    assert "og:locale:alternate" not in card
    assert card["og:image"] == card["twitter:image"] == ["https://www.example.bel.tr/a.jpg"]
    assert card["og:image:alt"] == ["Körfez"]
    assert card["twitter:card"] == ["summary_large_image"]
    assert card["article:published_time"] == ["2026-03-01T09:30:00+00:00"]
    assert card["article:section"] == ["İklim ve Çevre"]
    assert card["article:tag"] == ["İklim ve Çevre", "Ulaşım", "Konak"]
    for name in ("description", "og:description", "twitter:description"):
        assert card[name] == ["Özet burada."]


@pytest.mark.parametrize(
    "url", ["", "http://[broken", "ftp://example.com/1", "javascript:alert(1)"]
)
def test_an_article_that_is_nowhere_else_is_canonical_here(client, publish, tree, url):
    number = publish("Haber", (), (), url=url, image={"url": "javascript:alert(1)"}, language="ar")
    own, english = f"{BASE}/haber/{number}-haber", f"{BASE}/en/haber/{number}-haber"
    for path, address in ((f"/haber/{number}", own), (f"/en/haber/{number}", english)):
        page = tree(path)
        assert canonical(page) == [address]
        assert alternates(page) == {"tr": own, "en": english, "x-default": own}
        card, news = metas(page), items(page)["NewsArticle"]
        assert (card["og:url"], card["twitter:card"]) == ([address], ["summary"])
        assert card["og:locale"] == ["ar_EG"]
        assert card["og:locale:alternate"] == ["tr_TR", "en_US"]
        assert "og:image" not in card
        assert news["mainEntityOfPage"] == [address]
        assert not {"isBasedOn", "about", "contentLocation", "image"} & set(news)
        assert not [one for one in page.iter("a") if one.get("href", "").startswith("javascript")]


def test_an_edit_and_a_correction_say_when(runtime, publish, tree):
    number = publish("Haber", at=AT)
    edited, corrected = AT + timedelta(hours=2), AT + timedelta(hours=3)

    def modified():
        page = tree(f"/haber/{number}")
        said = metas(page).get("article:modified_time", [])
        assert items(page)["NewsArticle"]["dateModified"] == said or not said
        return said

    assert modified() == []
    with runtime.db.write() as session:
        article = session.get_one(Article, number)
        first = session.get_one(Revision, article.shown_revision_id)
        texts = {"summary": "", "body_html": "", "body_text": "", "url": CITY, "title": "Yeni"}
        revision = Revision(article_id=number, content_hash="2", created_at=edited, **texts)
        session.add(revision)
        session.flush()
        article.revision_id = article.shown_revision_id = revision.id
        assert revision.id > first.id
    assert modified() == [edited.isoformat()]
    with runtime.db.write() as session:
        session.add(
            Notification(
                kind=NotificationKind.CORRECTION,
                state=NotificationState.DONE,
                article_id=number,
                payload={"note": ""},
                release_at=corrected,
                released_at=corrected,
            )
        )
    assert modified() == [corrected.isoformat()]


@given(title=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[2])
@example(HOSTILE[3])
@example(HOSTILE[4])
@example(HOSTILE[5])
def test_no_title_breaks_out(client, runtime, hostile, title):
    """Whatever a title and a summary hold, machines read back just that, and find nothing else."""
    number, extent = hostile
    with runtime.db.write() as session:
        session.execute(update(Revision).values(title=title, summary=title))
    page = parsed(client.get(f"/haber/{number}", follow_redirects=True).text)
    news, card = items(page)["NewsArticle"], metas(page)
    assert news["headline"] == [title]
    assert card["og:title"] == card["twitter:title"] == [title]
    assert items(page)["BreadcrumbList"]["itemListElement"][-1]["name"] == [title]
    assert not list(page.iter("script"))
    assert not list(page.iter("iframe"))
    assert (sorted(card), sorted(set(news) - {"description"})) == extent


@pytest.fixture
def hostile(client, publish):
    """An article whose title will be bad, and the names that its page is described by."""
    number = publish("İyi", ("spor",), ("konak",), url="", summary="İyi", body_text="Metin")
    page = parsed(client.get(f"/haber/{number}", follow_redirects=True).text)
    news = set(items(page)["NewsArticle"]) - {"description"}
    return number, (sorted(metas(page)), sorted(news))


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_lists_and_the_front_page_have_cards_too(publish, tree, prefix):
    publish("Haber", ("spor",), ("konak",))
    for path in ("/", "/haberler", "/haberler?topic=spor", "/haberler?place=konak"):
        page = tree(prefix + path)
        card = metas(page)
        assert card["og:type"] == ["website"]
        assert card["og:url"] == canonical(page) == [BASE + prefix + path]
        assert card["og:locale"] + card["og:locale:alternate"] == (
            ["en_US", "tr_TR"] if prefix else ["tr_TR", "en_US"]
        )
        assert card["twitter:card"] == ["summary"]
        assert page.find("head/title").text.startswith(card["og:title"][0])
        assert len(card["og:description"][0]) > 20
        assert card["description"] == card["og:description"]


@pytest.mark.parametrize(
    ("asked", "own"),
    [
        ("/haberler?utm_source=x&topic=spor&month=", "/haberler?topic=spor"),
        ("/haberler?place=konak&topic=spor", "/haberler?topic=spor&place=konak"),
        ("/haberler?topic=SPOR", "/haberler?topic=spor"),
        ("/haberler?topic=yok&month=2026-13&before=x", "/haberler"),
        ("/haberler?q=+%21+", "/haberler"),
        ("/haberler?q=k%C3%B6rfez+&x=1", "/haberler?q=k%C3%B6rfez"),
        ("/haberler?before=5&topic=spor", "/haberler?topic=spor&before=5"),
        ("/haberler?after=5", "/haberler?after=5"),
        ("/?fbclid=1", "/"),
        ("/docs?x", "/docs"),
        ("/embed?topics=spor", "/embed"),
        ("/subscribe?topic=spor", "/subscribe"),
        ("/sign-in", "/sign-in"),
        ("/display", "/display"),
    ],
)
def test_each_page_has_one_address_whatever_was_asked(tree, asked, own):
    for prefix in ("", "/en"):
        page = tree(prefix + asked)
        assert canonical(page) == [BASE + prefix + own]
        found = {"tr": BASE + own, "en": f"{BASE}/en{own}", "x-default": BASE + own}
        assert alternates(page) == found


def test_what_is_an_error_or_an_answer_has_no_address(client, publish, tree):
    for path in ("/haber/999", "/no-such-page", "/haberler/x", "/confirm/abc", "/u/abc"):
        page = parsed(client.get(path).text)
        assert canonical(page) == []
        assert alternates(page) == {}
    page = parsed(client.post("/subscribe", data={"step": "topics"}).text)
    assert canonical(page) == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_withdrawn_article_tells_machines_nothing(client, publish, take_back, method):
    number = publish("Gizli başlık", ("spor",), ("konak",), url="", summary="Gizli özet")
    take_back(number)
    for path in (f"/haber/{number}", f"/haber/{number}-x", f"/haber/{number}/wrong-topic"):
        for prefix in ("", "/en"):
            answer = client.open(prefix + path, method=method)
            assert answer.status_code == 410
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert "Set-Cookie" not in answer.headers
            assert not re.search("Gizli|itemprop|og:|canonical|gizli", answer.text)
    page = client.get(f"/haber/{number}").text
    assert '<meta name="robots" content="noindex">' in page
