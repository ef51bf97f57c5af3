"""The check for damaged encodings; simulated damage of municipal texts is met in the pitfalls."""

import pytest

from service.classify.damage import damage_of, encoding_damage


def test_damage_counts_each_kind_and_gives_a_reason() -> None:
    damage = encoding_damage("?zmir Büyük?ehir Ýzmir Büyükþehir Ä°zmir ba\ufffdkan")

    assert (damage.lost, damage.latin1, damage.misread, damage.replaced) == (2, 2, 1, 1)
    assert damage.refuse
    assert "letters lost as question marks (2)" in damage.reason


def test_one_mark_or_one_in_a_long_text_is_no_damage() -> None:
    assert not encoding_damage("Þórunn konseri").refuse
    assert not encoding_damage("Þórunn ve Guðrún konseri. " + "Sağlam metin. " * 200).refuse
    assert encoding_damage("").reason == ""


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252", "cp1254"])
def test_utf8_read_in_another_encoding_is_refused(wrong: str) -> None:
    text = "Büyükşehir Belediyesi İzmir’de çalışıyor, yağmur suyu hattı yenileniyor."

    assert encoding_damage(text.encode().decode(wrong, "replace")).refuse
    assert not encoding_damage(text).refuse


@pytest.mark.parametrize(
    "title",
    ["Hentbol takımı Guðmundur Guðmundsson'a emanet", "Konser: Sigurðsson ve Þórdís Ýmir"],
)
def test_foreign_names_are_no_damage_where_turkish_letters_are_left(title: str) -> None:
    assert damage_of(title, "", "İzmir’de düzenlenen festivalde sahne alıyorlar.") is None
    assert damage_of(title.replace("ı", "i"), "Konser bu ay.", "") is not None


def test_a_turkish_text_read_as_latin1_is_damaged_in_every_part() -> None:
    texts = ("Büyükşehir’in yağmur suyu hattı", "İlçede çalışma", "Dağıtım yapılıyor. " * 50)
    read = [text.encode("cp1254").decode("latin-1") for text in texts]

    assert damage_of(*texts) is None
    assert "Turkish letters read as Latin-1" in str(damage_of(*read))
    assert damage_of("", "", read[2]) is not None


def test_question_mark_of_an_address_is_no_lost_letter() -> None:
    text = "Bkz. https://a.org/b?c=d, www.a.org/?ara ve sayfa.php?id=1"

    assert encoding_damage(text).lost == 0
    assert encoding_damage(text + " ?zmir").lost == 1
