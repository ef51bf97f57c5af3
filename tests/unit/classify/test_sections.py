"""Sections of the CMS that stand for topics, and thresholds that one topic has alone."""

import pytest

from service.classify import ArticleText, Band, Classifier, PlaceRules, Topic
from service.classify.sections import SectionMap

CULTURE = Topic("kultur", "", "", "", "", ("konser",), sections=("Kültür & Sanat", "Etkinlik"))
TOURISM = Topic("turizm", "", "", "", "", ("turizm",), sections=("etkinlik",))
CLASSIFIER = Classifier((CULTURE, TOURISM), PlaceRules(()))


@pytest.mark.parametrize(
    "section", ["Kültür & Sanat", "KÜLTÜR & SANAT", "kultur-sanat", " Kültür  Sanat "]
)
def test_section_is_found_however_it_is_spelt(section: str) -> None:
    assert SectionMap((CULTURE, TOURISM)).find([section]) == {"kultur": section}


def test_section_may_stand_for_several_topics_and_unknown_ones_for_none() -> None:
    found = SectionMap((CULTURE, TOURISM)).find(["Haberler", "", "Etkinlik", "Kültür Sanat"])

    assert found == {"kultur": "Etkinlik", "turizm": "Etkinlik"}


def test_topic_of_the_source_is_sure_and_names_its_section() -> None:
    labels = CLASSIFIER.classify(ArticleText("Konser", "", "", ("Etkinlik",))).topics

    assert [(x.slug, x.score, x.band, x.origin) for x in labels] == [
        ("kultur", 1.0, Band.PUBLISH, "source"),
        ("turizm", 1.0, Band.PUBLISH, "source"),
    ]
    assert [(e.field, e.text) for e in labels[0].evidence] == [
        ("section", "Etkinlik"),
        ("title", "Konser"),
    ]
    assert [(e.field, e.text) for e in labels[1].evidence] == [("section", "Etkinlik")]


def test_other_topics_are_still_found_in_the_text() -> None:
    labels = CLASSIFIER.classify(ArticleText("Turizm", "", "", ("Kültür Sanat",))).topics

    assert {(x.slug, x.origin) for x in labels} == {("kultur", "source"), ("turizm", "classifier")}


def test_damaged_text_gets_no_topic_from_its_section_either() -> None:
    result = CLASSIFIER.classify(ArticleText("?klim Büyük?ehir", "", "", ("Etkinlik",)))

    assert result.damage
    assert result.topics == ()


def test_topic_may_have_thresholds_of_its_own() -> None:
    def bands(**own: float) -> list[Band]:
        topic = Topic("kultur", "", "", "", "", ("konser",), **own)
        found = Classifier((topic,), PlaceRules(())).classify(ArticleText("", "Konser", ""))
        return [label.band for label in found.topics]

    assert bands() == [Band.PUBLISH]
    assert bands(publish=0.99) == [Band.REVIEW]
    assert bands(publish=0.99, review=0.98) == []
    assert bands(publish=0.0) == [Band.PUBLISH]


def test_sections_and_thresholds_change_the_version() -> None:
    plain = Topic("kultur", "", "", "", "", ("konser",))
    others = [
        Topic("kultur", "", "", "", "", ("konser",), sections=("a",)),
        Topic("kultur", "", "", "", "", ("konser",), publish=0.7),
    ]

    versions = {Classifier((topic,), PlaceRules(())).version for topic in (plain, *others)}
    assert len(versions) == 3
