"""Rules of places on a small city; the shipped districts are met in the pitfalls."""

from service.classify import Homonym, Place, PlaceRules
from service.classify.places import PlaceFinder
from service.classify.text import Field

RULES = PlaceRules(
    places=(
        Place(
            "konak",
            "Konak",
            ("Evka 3",),
            Homonym(needs_evidence=True, not_before=(r"(?:tarihi|eski)",), not_after=("otel",)),
            neighbourhoods=("Ege", "Zafertepe"),
        ),
        Place(
            "selcuk",
            "Selçuk",
            ("Efes Selçuk",),
            Homonym(needs_evidence=True, first_name=True, surname=True),
        ),
        Place("bayindir", "Bayındır", homonym=Homonym(needs_evidence=True, surname=True)),
        Place("urla", "Urla"),
        Place("foca", "Foça"),
    ),
    context_after=("ilçe", "beled"),
    office_after=("belediye başkan",),
    not_after=("baraj",),
    neighbourhood_after=("mahalle", "köyü"),
)
FINDER = PlaceFinder(RULES)


def places_in(*texts: str) -> set[str]:
    return set(FINDER.find([Field(text) for text in texts]))


def test_homonym_needs_a_sign_that_the_place_is_meant() -> None:
    assert places_in("Konak satıldı") == set()
    assert places_in("Konak'ta konser") == {"konak"}
    assert places_in("Konak yeni ilçesinde") == {"konak"}
    assert places_in("Sergi (Konak)") == {"konak"}
    assert places_in("Konaklılar buluştu") == {"konak"}
    assert places_in("Konak ve Urla yolu") == {"konak", "urla"}


def test_what_stands_before_or_after_may_reject() -> None:
    assert places_in("Tarihi Konak Belediyesi") == set()
    assert places_in("Konak Otel ilçede") == set()
    assert places_in("Urla Barajı doldu") == set()


def test_person_beside_a_first_name_is_no_place_unless_suffixed() -> None:
    assert places_in("Ayşe Selçuk, Urla yolunda") == {"urla"}
    assert places_in("Ayşe Yılmaz Selçuk'ta") == {"selcuk"}


def test_surname_is_told_by_the_word_before_a_first_name_by_the_word_behind() -> None:
    assert places_in("Ahmet Bayındır ve Urla yolu") == {"urla"}
    assert places_in("Urla ve Bayındır Ovası sulanıyor") == {"urla", "bayindir"}
    assert places_in("Sanatçı Selçuk Yılmaz, Urla yolunda") == {"urla"}
    assert places_in("SELÇUK, URLA VE BAYINDIR SULANIYOR") == {"selcuk", "urla", "bayindir"}


def test_neighbourhood_counts_only_where_it_is_called_one() -> None:
    assert places_in("Ege Mahallesi'nde yangın") == {"konak"}
    assert places_in("Ege'de yangın, Ege bölgesi") == set()
    assert places_in("Ege ve Zafertepe mahalleleri") == {"konak"}


def test_longest_name_wins_and_is_one_mention() -> None:
    found = FINDER.find([Field("Efes Selçuk'ta, Evka-3'te")])

    assert [(m.slug, m.name) for ms in found.values() for m in ms] == [
        ("selcuk", "Efes Selçuk"),
        ("konak", "Evka 3"),
    ]


def test_guests_count_only_if_nothing_else_names_a_place() -> None:
    assert places_in("Urla Belediye Başkanı konuştu") == {"urla"}
    assert places_in("Urla Belediye Başkanı ve Foça Belediye Başkanı geldi") == set()
    assert places_in("Urla Belediye Başkanı konuştu", "Foça yolu açıldı") == {"foca"}
    assert places_in("Urla ve Foça belediye başkanları geldi") == set()
    assert places_in("Urla’da Foça Belediye Başkanı konuştu") == {"urla"}


def test_turkish_letter_never_stands_for_a_plain_one() -> None:
    assert places_in("Foca yolu") == {"foca"}
    assert places_in("Ürla yolu") == set()


def test_suffix_without_apostrophe_is_an_ending_not_another_word() -> None:
    assert places_in("Urlada ve Foçalı gençler") == {"urla", "foca"}
    assert places_in("Urlaspor kazandı") == set()


def test_city_without_rules_finds_nothing() -> None:
    assert PlaceFinder(PlaceRules(())).find([Field("Urla")]) == {}
