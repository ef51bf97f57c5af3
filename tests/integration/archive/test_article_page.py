"""An article's page: one address, what it says and why, what else to read, and when it is gone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.models import (
    Article,
    LabelOrigin,
    Notification,
    NotificationKind,
    NotificationState,
    Place,
    PlaceLabel,
    Source,
    Story,
    Topic,
    TopicLabel,
)

URL = "https://www.example.bel.tr/haber/58150"
RELATED = re.compile(r'<h3 class="news-title"[^>]*><a href="([^"]+)">([^<]*)</a>')


@pytest.fixture
def note(runtime):
    """Adds a follow-up, as the editors asked for it."""

    def note(article_id, kind, words, state=NotificationState.DONE, is_released=True):
        with runtime.db.write() as session:
            session.add(
                Notification(
                    kind=kind,
                    state=state,
                    article_id=article_id,
                    payload={"note": words},
                    release_at=utcnow(),
                    released_at=utcnow() if is_released else None,
                )
            )

    return note


def open_page(client, article_id, prefix=""):
    return client.get(f"{prefix}/haber/{article_id}", follow_redirects=True)


def test_there_is_one_address_and_others_lead_to_it(client, publish):
    article_id = publish("Çiğli’de İş Günü", url=URL)
    own = f"/haber/{article_id}-ciglide-is-gunu"
    for path in (f"/haber/{article_id}", f"/haber/{article_id}-", f"/haber/{article_id}-eski-ad"):
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (301, own)
        assert client.get("/en" + path).location == "/en" + own
    assert client.get(f"/haber/0{article_id}-ciglide-is-gunu").location == own
    answer = client.get(own)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert "Set-Cookie" not in answer.headers
    assert f'<link rel="canonical" href="{URL}">' in answer.text
    again = client.get(own, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("number", ["0", "999", str(2**63 - 1), str(2**63), "9" * 400, "-5", "x"])
def test_what_never_was_public_is_not_found(client, number):
    for prefix in ("", "/en"):
        assert client.get(f"{prefix}/haber/{number}-haber").status_code == 404


def test_what_is_held_or_damaged_is_not_found(client, cms, town, work, runtime, clock):
    with runtime.db.write() as session:
        session.execute(update(Source).values(hold_s=7200))
    cms.post()
    work()
    held = town.all(Article)[0]
    assert open_page(client, held.id).status_code == 404
    cms.post(id="2", title="KarÅŸÄ±yaka Ã‡iÄŸli gÃ¼nÃ¼ Ä°ÅŸ")
    work()
    damaged = town.all(Article)[1]
    assert open_page(client, damaged.id).status_code == 404
    clock.advance(hours=3)
    work()
    assert open_page(client, held.id).status_code == 200
    assert open_page(client, damaged.id).status_code == 404


def test_the_page_says_everything_in_both_languages(client, publish, runtime, town):
    article_id = publish(
        *("Körfez & <b>iklim</b>", ("iklim-cevre", "ulasim"), ("konak",)),
        url=URL,
        summary="Özet burada.",
        body_html='<p>Karbon <b>salımı</b> azalacak.</p><img src="https://x.example/a.png" alt="">',
        body_text="Karbon salımı azalacak.",
        image={"url": "https://www.example.bel.tr/a.jpg", "alt": "Körfez"},
    )
    with runtime.db.write() as session:
        revision_id = session.get_one(Article, article_id).shown_revision_id
        labels = {
            label.topic_id: label
            for label in session.query(TopicLabel).where(TopicLabel.revision_id == revision_id)
        }
        labels[town.topic("iklim-cevre")].evidence = [
            {"field": "title", "start": 0, "end": 6, "text": "Körfez"},
            {"field": "body", "start": 7, "end": 13, "text": "salımı"},
            {"field": "body", "start": 7, "end": 13, "text": "SALIMI"},
        ]
        labels[town.topic("ulasim")].origin = LabelOrigin.STAFF
        place = session.query(PlaceLabel).where(PlaceLabel.revision_id == revision_id).one()
        place.origin = LabelOrigin.SOURCE
    page = open_page(client, article_id).text
    assert '<h1 itemprop="headline" dir="auto">Körfez &amp; &lt;b&gt;iklim&lt;/b&gt;</h1>' in page
    assert "<p>Karbon <b>salımı</b> azalacak.</p>" in page
    assert "Özet burada." in page
    assert "<img" not in page
    assert "<script" not in page
    assert 'href="https://www.example.bel.tr/a.jpg"' in page
    for slug in ("iklim-cevre", "ulasim"):
        assert f'href="/haberler?topic={slug}"' in page
        assert f'href="/feeds/{slug}.rss"' in page
    assert 'href="/haberler?place=konak"' in page
    assert "<mark>Körfez</mark> <mark>salımı</mark> </p>" in page
    assert "“Karbon <mark>salımı</mark> azalacak.”" in page
    assert "Belediye personeli böyle karar verdi." in page
    assert "Haberi yayımlayan site böyle bildirdi." in page
    assert f'href="/haber/{article_id}/wrong-topic"' in page
    english = open_page(client, article_id, "/en").text
    assert re.search(r'<article class="story"[^>]* lang="tr">', english)
    assert re.search(r'<p class="news-date" lang="en">', english)
    assert "Why these topics?" in english


def test_an_article_without_much_has_a_page_too(client, publish):
    article_id = publish(
        "🌊", (), (), url="", body_text="Bir satır\n\nBir satır daha", language="ar"
    )
    answer = open_page(client, article_id)
    assert answer.status_code == 200
    assert answer.request.path == f"/haber/{article_id}-haber"
    assert "Bu haber için konu bulunamadı" in answer.text
    assert f'rel="canonical" href="http://localhost:8080/haber/{article_id}-haber"' in answer.text


def test_share_links_are_plain_and_carry_the_city_s_address(client, publish):
    title = 'Köprü & "yol" + ? # açıldı'
    page = open_page(client, publish(title, url=URL + "?a=1&b=ş")).text
    links = re.findall(r'<li><a href="([^"]+)" rel="noopener noreferrer nofollow">', page)
    assert [link.split("?")[0] for link in links] == [
        *("mailto:", "https://wa.me/", "https://t.me/share/url", "https://x.com/intent/post")
    ]
    for link in links:
        assert "58150%3Fa%3D1%26b%3D%C5%9F" in link
        assert "K%C3%B6pr%C3%BC%20%26%20%22yol%22%20%2B%20%3F%20%23" in link
        assert not re.search("utm|ref=|via=", link)


def test_other_reports_of_the_event_come_first_then_what_is_near(client, publish, runtime):
    with runtime.db.write() as session:
        story = Story()
        session.add(story)
    own = publish("Kendisi", ("ulasim", "spor"), ("konak",), hours=50, story_id=story.id)
    publish("Aynı olay", ("egitim",), hours=49, story_id=story.id)
    publish("Üç ortak", ("ulasim", "spor"), ("konak",), hours=500)
    publish("Bir ortak, yakın", ("spor",), hours=51)
    publish("Bir ortak, uzak", ("spor",), hours=20)
    publish("Bir ortak, daha uzak", ("spor",), hours=900)
    publish("Bir ortak, en uzak", ("spor",), hours=990)
    publish("Ortağı yok", ("egitim",), hours=50)
    found = RELATED.findall(open_page(client, own).text)
    assert [title for _, title in found] == [
        *("Aynı olay", "Üç ortak", "Bir ortak, yakın", "Bir ortak, uzak", "Bir ortak, daha uzak")
    ]
    assert all(re.match(r"/haber/\d+-", link) for link, _ in found)


def test_related_news_that_was_withdrawn_is_gone(client, publish, take_back):
    own, other = publish("Kendisi", ("spor",)), publish("Öteki", ("spor",))
    assert "Öteki" in open_page(client, own).text
    take_back(other)
    assert "Öteki" not in open_page(client, own).text


def test_a_correction_is_told_once_it_is_out(client, publish, note):
    article_id = publish("Haber")
    note(article_id, NotificationKind.CORRECTION, "Saat 9.", NotificationState.HELD, False)
    assert "düzeltildi" not in open_page(client, article_id).text
    note(article_id, NotificationKind.CORRECTION, "Saat <10>.")
    page = open_page(client, article_id).text
    assert "Bu haber şu tarihte düzeltildi" in page
    assert "Saat &lt;10&gt;." in page


def test_a_withdrawn_article_is_gone_with_its_reason_and_without_its_text(
    client, publish, take_back, note, runtime
):
    article_id = publish("Gizli başlık", summary="Gizli özet", body_html="<p>Gizli metin</p>")
    note(article_id, NotificationKind.WITHDRAWAL, "Eski neden")
    with runtime.db.write() as session:
        session.execute(update(Notification).values(release_at=utcnow() - timedelta(days=1)))
    take_back(article_id)
    answer = client.get(f"/haber/{article_id}-gizli-baslik")
    assert answer.status_code == 410
    assert "Bir neden belirtilmedi." in answer.text
    note(article_id, NotificationKind.WITHDRAWAL, "Tarih <yanlıştı>.", NotificationState.RELEASED)
    for path in (f"/haber/{article_id}", f"/en/haber/{article_id}-gizli-baslik"):
        answer = client.get(path)
        assert answer.status_code == 410
        assert "Tarih &lt;yanlıştı&gt;." in answer.text
        assert "Eski neden" not in answer.text
        assert not re.search("Gizli (başlık|özet|metin)", answer.text)
        assert answer.headers["X-Robots-Tag"] == "noindex"


def test_the_way_of_a_withdrawal_with_a_note(client, cms, work, town, clock):
    cms.post()
    clock.advance(hours=1)
    work()
    article = town.all(Article)[0]
    assert open_page(client, article.id).status_code == 200
    cms.withdraw(notify_update=True, change_note="Yanlış bilgi verilmişti.")
    answer = open_page(client, article.id)
    assert answer.status_code == 410
    assert "Yanlış bilgi verilmişti." in answer.text


def test_what_was_taken_back_is_not_shown_while_its_successor_waits(client, cms, work, town, clock):
    cms.post(title="Yanlış iklim haberi")
    work()
    clock.advance(hours=1)
    work()
    article = town.all(Article)[0]
    assert "Yanlış iklim" in open_page(client, article.id).text
    cms.withdraw()
    cms.post(title="Doğru iklim haberi")
    answer = open_page(client, article.id)
    assert answer.status_code == 410
    assert "iklim haberi" not in answer.text + client.get("/haberler").text
    work()
    assert "Doğru iklim haberi" in open_page(client, article.id).text
    assert "Doğru iklim haberi" in client.get("/haberler").text
    cms.post(title="Daha doğru iklim haberi")
    assert "Doğru iklim haberi" in open_page(client, article.id).text


def test_the_front_page_leads_with_what_is_urgent_and_counts(client, publish, runtime):
    publish("Yeni haber", ("spor",), ("konak",), hours=1, summary="Yeni özet")
    urgent = publish("Acil haber", ("ulasim",), hours=20)
    old = publish("Eski acil", ("egitim",), hours=30)
    for number in range(7):
        publish(f"Önceki {number}", ("spor",), hours=100 + number)
    publish("Yeni haber iki", ("spor",), hours=0.5)
    with runtime.db.write() as session:
        session.execute(update(Article).where(Article.id.in_([urgent, old])).values(is_urgent=True))
    page = client.get("/").text
    assert [title for _, title in RELATED.findall(page)] == [
        *("Acil haber", "Yeni haber iki", "Eski acil")
    ]
    assert "Önceki" not in page
    assert "Haftada yaklaşık 9 haber" in page
    assert 'href="/haberler?place=konak"' in page
    assert 'href="/haberler?month=' in page


def test_names_of_topics_are_in_the_language_of_the_page(client, publish, runtime):
    article_id = publish("Haber", ("ulasim",), ("karsiyaka",))
    with runtime.db.read() as session:
        topic = session.query(Topic).where(Topic.slug == "ulasim").one()
        place = session.query(Place).where(Place.slug == "karsiyaka").one()
    english = open_page(client, article_id, "/en").text.replace("&amp;", "&")
    assert topic.name_en in english
    assert topic.name_tr not in english
    assert f'lang="tr">{place.name}' in english
