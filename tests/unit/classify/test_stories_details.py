"""Notices of one template: the day, the hour and the street make each of them news."""

import pytest

from service.classify.stories import Match, is_same_story, shingles

TITLE = "Bornova'da su kesintisi"
NOTICE = (
    "İZSU Genel Müdürlüğü, Bornova ilçesinde arıza onarım çalışması nedeniyle {where} su kesintisi "
    "yapılacağını duyurdu. Kesintinin {when} 2026 günü saat 09.00 ile 17.00 arasında uygulanacağı "
    "belirtildi. Vatandaşların mağdur olmaması için gerekli tedbirleri alması istendi. Ayrıntılı "
    "bilgi için 444 0 847 numaralı telefon aranabilir ya da 185 hattına başvurulabilir."
)
WHERE, WHEN = "Kazımdirik Mahallesi'nde", "25 Kasım"
FIRST = NOTICE.format(where=WHERE, when=WHEN)


def judge(body: str, other: str, title: str = TITLE) -> Match | None:
    match = is_same_story(shingles(TITLE, "", body), shingles(title, "", other))
    assert match == is_same_story(shingles(title, "", other), shingles(TITLE, "", body))
    return match


@pytest.mark.parametrize(
    ("when", "other"),
    [
        ("25 Kasım", "26 Kasım"),
        ("25 Kasım Çarşamba", "25 Kasım Perşembe"),
        ("25 Kasım", "25 Aralık"),
        ("bugün", "yarın"),
        ("bugünkü", "dünkü"),
        ("salı", "cuma"),
    ],
)
def test_another_day_is_another_story(when: str, other: str) -> None:
    first, second = (NOTICE.format(where=WHERE, when=day) for day in (when, other))

    assert judge(first, second) is None
    assert judge(first.upper(), second.upper()) is None


@pytest.mark.parametrize(
    ("where", "other"),
    [
        ("Kazımdirik Mahallesi'nde", "Erzene Mahallesi'nde"),
        ("Kazımdirik mahallesinde", "Erzene mahallesinde"),
        (
            "Kazımdirik, Ergene ve Atatürk mahallelerinde",
            "Erzene, Doğanlar ve Işıklar mahallelerinde",
        ),
        ("Ankara Caddesi çevresinde", "Üniversite Caddesi çevresinde"),
        ("1420 sokakta", "1736 sokakta"),
        ("Evka'da", "Çiğli'de"),
    ],
)
def test_another_street_is_another_story(where: str, other: str) -> None:
    first, second = (NOTICE.format(where=street, when=WHEN) for street in (where, other))

    assert judge(first, second) is None
    assert judge(first.upper(), second.upper()) is None


def test_names_at_the_start_of_a_sentence_count_too() -> None:
    for first, second in (("Kazımdirik Sokağı", "Erzene Sokağı"), ("Foça'da", "Urla'da")):
        assert judge(f"{FIRST} {first} su yok.", f"{FIRST} {second} su yok.") is None


@pytest.mark.parametrize(
    "title",
    [
        "25 Kasım nöbetçi eczaneler",
        "Erzene Mahallesi İçin Su Kesintisi",
        "ERZENE MAHALLESİNDE SU KESİNTİSİ",
        "Urla'da Su Kesintisi",
        "Su kesintisi: Urla",
    ],
)
def test_a_title_can_make_the_difference(title: str) -> None:
    body = "Ekipler çalışıyor, " + " ".join(f"olağan{letter}" for letter in "abcdefghijklmnoprstuv")
    other = title.replace("25", "26").replace("Erzene", "Evka").replace("ERZENE", "EVKA")
    other = other.replace("Urla", "Foça")

    assert is_same_story(shingles(title, body), shingles(other, body)) is None


@pytest.mark.parametrize(
    "title",
    [
        "Bornova'da sular kesilecek",
        "Dikkat! Bornova'da su kesintisi yapılacak",
        "Bornova'da Sular Kesilecek",
        "BORNOVA'DA SULAR KESİLECEK",
    ],
)
def test_another_title_is_the_same_story(title: str) -> None:
    assert judge(FIRST, FIRST, title) is not None


@pytest.mark.parametrize(
    "copy",
    [
        FIRST.replace("tedbirleri", "önlemleri"),
        FIRST.replace("arıza", "ariza"),
        FIRST.replace("Bornova ilçesinde", "Bornova'da"),
        FIRST + " Çalışmalar tamamlandığında suyun yeniden verileceği bildirildi.",
        FIRST + " Ayrıca 30 Kasım Pazartesi günü Konak Mahallesi'nde çalışma olacak.",
        FIRST.replace("Müdürlüğü", "müdürlüğü"),
    ],
)
def test_ordinary_words_and_added_sentences_make_no_other_story(copy: str) -> None:
    assert judge(FIRST, copy) is not None


def test_a_day_has_many_forms() -> None:
    first = FIRST + " Su çarşambaya gelecek."
    assert judge(first, FIRST + " Su ancak çarşamba gelecek.") is not None
