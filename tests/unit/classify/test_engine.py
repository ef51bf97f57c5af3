"""Classification as a whole: evidence, bands, damage, version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify import (
    ArticleText,
    Band,
    Classifier,
    Place,
    PlaceRules,
    Thresholds,
    Topic,
)
from service.classify.train import Example, train

RULES = PlaceRules((Place("urla", "Urla"), Place("cigli", "Çiğli")))


def topic(slug: str, *terms: str) -> Topic:
    return Topic(slug, slug, slug, "", "", terms)


TOPICS = (
    topic("nature", "+iklim krizi", "+iklim", "ağaç*", "~çevre", "-çevre yolu"),
    topic("roads", "yol", "+asfalt*", "çevre yolu"),
)
CLASSIFIER = Classifier(TOPICS, RULES)

SOUND_WORDS = ["iklim", "İKLİM", "krizi", "ağacı", "asfaltı", "çevre", "ÇEVRE", "yolu", "Urla"]
ODD_WORDS = ["ag\u0306ac\u0327", "yo\u00adl", "C\u0327ig\u0306li", "Urla\u0092da", "’de", "🚲", "?"]
WORDS = st.sampled_from([*SOUND_WORDS, *ODD_WORDS])
FIELD_TEXT = st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=12).map(" ".join)


@given(FIELD_TEXT, FIELD_TEXT, FIELD_TEXT)
def test_evidence_quotes_the_fields_as_given(title: str, summary: str, body: str) -> None:
    article = ArticleText(title, summary, body)
    result = CLASSIFIER.classify(article)

    quoted = [label.evidence for label in result.topics]
    quoted += [label.evidence for label in result.places]
    assert all(quoted)
    for evidence in (item for items in quoted for item in items):
        text = getattr(article, evidence.field)
        assert text[evidence.start : evidence.end] == evidence.text != ""
        assert evidence.weight > 0


@given(FIELD_TEXT, FIELD_TEXT)
def test_topics_come_best_first_and_never_from_the_drop_band(title: str, body: str) -> None:
    labels = CLASSIFIER.classify(ArticleText(title, "", body)).topics

    assert [label.score for label in labels] == sorted((x.score for x in labels), reverse=True)
    assert all(0.25 <= label.score <= 1 for label in labels)
    assert all(label.band is Thresholds().band(label.score) for label in labels)


def test_evidence_names_term_field_and_share_strongest_first() -> None:
    result = CLASSIFIER.classify(ArticleText("Urla’da iklim krizi", "Ağaçlar", "Ağaç"))

    (nature,) = result.topics
    assert [(e.term, e.field, e.text) for e in nature.evidence] == [
        ("iklim krizi", "title", "iklim krizi"),
        ("ağaç*", "summary", "Ağaçlar"),
        ("ağaç*", "body", "Ağaç"),
    ]
    assert nature.evidence[1].weight == pytest.approx(nature.evidence[2].weight)
    (urla,) = result.places
    assert [(e.term, e.start, e.end, e.weight) for e in urla.evidence] == [("Urla", 0, 4, 1.0)]


def test_what_follows_the_lead_weighs_less() -> None:
    filler = "Belediye bugün duyurdu. " * 30
    early = CLASSIFIER.classify(ArticleText("Duyuru", "", "Asfalt. " + filler))
    late = CLASSIFIER.classify(ArticleText("Duyuru", "", filler + "Asfalt."))

    assert early.topics[0].evidence[0].weight > 2 * late.topics[0].evidence[0].weight


def test_thresholds_move_the_bands() -> None:
    article = ArticleText("Duyuru", "", "Çevre " + "ve belediye " * 20)

    assert CLASSIFIER.classify(article).topics[0].band is Band.REVIEW
    lenient = Classifier(TOPICS, RULES, Thresholds(publish=0.3, review=0.1))
    assert lenient.classify(article).topics[0].band is Band.PUBLISH


def test_damaged_text_gets_a_reason_and_no_labels() -> None:
    result = CLASSIFIER.classify(ArticleText("?klim Büyük?ehir", "", "İklim krizi. " * 300))

    assert result.damage == "letters lost as question marks (2)"
    assert result.topics == ()
    assert result.places == ()


def test_nothing_found_is_no_topic_and_the_whole_city() -> None:
    result = CLASSIFIER.classify(ArticleText("", "", ""))

    assert (result.topics, result.places, result.damage) == ((), (), None)


def test_version_names_the_rules_not_their_order() -> None:
    same = Classifier(TOPICS[::-1], RULES)
    other = Classifier((*TOPICS, topic("sport", "spor")), RULES)

    assert CLASSIFIER.version.startswith("terms-2:")
    assert same.version == CLASSIFIER.version
    assert other.version != CLASSIFIER.version
    assert Classifier(TOPICS, PlaceRules(())).version != CLASSIFIER.version
    assert CLASSIFIER.classify(ArticleText("", "", "")).version == CLASSIFIER.version


def learned(*texts: str) -> Classifier:
    """A classifier whose staff put everything that has these words into nature."""
    yes = [ArticleText("", "", f"{text} duyurusu {n}") for text in texts for n in range(10)]
    no = [ArticleText("", "", f"toplantı duyurusu {n}") for n in range(20)]
    examples = []
    for is_nature, articles in ((True, yes), (False, no)):
        for article in articles:
            signals = CLASSIFIER.signals(article)
            examples.append(Example(signals.words, signals.seeds, {"nature": is_nature}))
    model = train(examples, ["nature", "gone"], terms=CLASSIFIER.terms_version)
    return Classifier(TOPICS, RULES, model=model)


def test_model_gives_a_topic_that_no_term_names_and_shows_its_words() -> None:
    article = ArticleText("Posidonia çayırı", "", "Çayırlar korunuyor")

    (label,) = learned("posidonia çayırı", "deniz çayırları").classify(article).topics

    assert CLASSIFIER.classify(article).topics == ()
    assert label.slug == "nature"
    assert {e.kind for e in label.evidence} == {"word"}
    assert {(e.field, e.text) for e in label.evidence} >= {("title", "çayırı")}
    for e in label.evidence:
        assert getattr(article, e.field)[e.start : e.end] == e.text


def test_terms_stay_the_evidence_of_what_they_give_alone() -> None:
    labels = learned("posidonia").classify(ArticleText("İklim krizi", "", "Asfalt")).topics

    assert {e.kind for label in labels for e in label.evidence} == {"term"}


def test_version_names_terms_and_model() -> None:
    classifier = learned("posidonia")

    assert classifier.terms_version == CLASSIFIER.version
    assert classifier.version.startswith(f"{CLASSIFIER.version} text-1:")


def test_topic_that_only_the_model_knows_is_left_out() -> None:
    labels = learned("posidonia").classify(ArticleText("İklim krizi ve asfalt", "", "")).topics

    assert {label.slug for label in labels} <= {"nature", "roads"}
