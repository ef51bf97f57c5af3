"""Search as people type it: without Turkish letters, with endings, half a word, or with malice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.archive.words import MAX_SIZE, article_words
from service.db import utcnow
from service.ledger.publish import stamp_feeds


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("izmir cig koy", "İzmir’de Çiğköy buluşması: İzmir’in çığ köyü"),
        ("IZMIR", "İzmir’de şenlik"),
        ("İZMİR", "Izmir festival"),
        ("istanbul", "İSTANBUL YOLU AÇILDI"),
        ("ısı", "ISI YALITIMI"),
        ("tramvayı", "Yeni tramvay"),
        ("tramvay", "Tramvaylarımızda bakım"),
        ("tramvaylar", "Tramvayın yeni durağı"),
        ("kitap", "Kitabı olmayan kalmasın"),
        ("kitabı", "Her eve kitap"),
        ("şehri", "Bir şehir"),
        ("suyu", "Su kesintisi"),
        ("bakı", "Hatta bakım var"),
        ("Karşıyaka'da", "Karşıyaka’nın parkı"),
        ("2026 bütçe", "2026 bütçesi"),
        ("rüzgâr", "Rüzgar enerjisi"),
    ],
)
def test_what_is_typed_finds_what_is_meant(publish, titles, typed, title):
    publish(title)
    publish("Başka bir haber")
    assert titles(q=typed) == [title]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("karsiyaka", "Kar yağışı"),
        ("yol haberi", "Yolsuzluk haberi"),
        ("ka", "Kadın"),
        ("tramvay bakım", "Bakım"),
    ],
)
def test_other_words_are_not_found(publish, titles, typed, title):
    publish(title)
    assert titles(q=typed) == []


def test_hits_in_the_title_come_first_then_the_newest(publish, titles):
    publish("Eski tramvay", hours=9)
    publish("Yeni tramvay", hours=8)
    publish("Metinde", body_text="Bir tramvay geçti.", hours=1)
    publish("Özette", summary="Tramvay durdu.", hours=2)
    assert titles(q="tramvay") == ["Yeni tramvay", "Eski tramvay", "Metinde", "Özette"]


def test_search_and_lists_go_together(publish, titles):
    publish("Tramvay bir", ("ulasim",), ("konak",))
    publish("Tramvay iki", ("spor",), ("konak",), hours=1)
    publish("Tramvay üç", ("ulasim",), ("buca",), hours=2)
    assert titles(q="tramvay", topic="ulasim") == ["Tramvay bir", "Tramvay üç"]
    assert titles(q="tramvay", topic="ulasim", place="konak") == ["Tramvay bir"]
    assert titles(q="t_1") == titles(q="p_1") == []


HOSTILE = [
    '"',
    "'",
    "\\",
    '" OR "a" NOT "b" NEAR(a b, 3) *',
    "tramvay' & !'x':* | (",
    "tramvay:A <-> b",
    "a" * 10_000,
    "tramvay " * 1_250,
    "\x00tramvay\x00",
    "^tramvay* {title}: - + ~",
    "‮⁦🌊\u0307\u0301",
    "١٢٣ ᠠ ﷽ ǅ",
    "\ud800",
]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
@example("İ")
@example("_tramvay")
def test_no_text_breaks_the_search(client, typed):
    typed = typed.encode("utf-8", "ignore").decode()
    assert client.get("/haberler", query_string={"q": typed}).status_code in (200, 429)


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_find_or_do_not_find(publish, client, typed):
    publish("Tramvay")
    raw = typed.encode("utf-8", "surrogatepass")
    answer = client.get("/haberler", query_string={"q": raw})
    assert answer.status_code == 200
    assert "\x00" not in answer.text


def test_an_article_of_any_words_can_be_public(publish, titles):
    words = " ".join(f"kelime{chr(0x4E00 + n)}{chr(0x4E00 + n % 97)}" * 3 for n in range(20_000))
    publish("Uzun", body_text=words)
    publish("İşaret: ' \" \\ & | ! :* ( ١٢٣ ǅ", body_text="a\\'b")
    assert titles(q="uzun") == ["Uzun"]
    assert len(titles(q="işaret")) == 1
    assert len(article_words("Uzun", words, (1,), (1,)).encode()) <= MAX_SIZE


def test_two_who_renew_the_same_article_leave_one(publish, titles, runtime):
    article_id = publish("Tramvay", ("ulasim", "spor"))

    def stamp(_: int) -> None:
        with runtime.db.write() as session:
            stamp_feeds(session, article_id, utcnow())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stamp, range(12)))
    assert titles() == titles(q="tramvay") == titles(topic="spor") == ["Tramvay"]
