"""Hints at rewritten articles."""

from hypothesis import given
from hypothesis import strategies as st

from service.classify.features import weigh
from service.classify.likeness import HINT_FROM, Archive
from tests.unit.classify.invented import parts_of

TEXTS = [
    "Büyükşehir Belediye Başkanı bayram namazını Hisar Camisi’nde kıldı",
    "Büyükşehir Belediye Başkanı yeni otobüs hattını tanıttı",
    "Büyükşehir Belediye Başkanı semt pazarında esnafı dinledi",
    "Büyükşehir Belediye Başkanı fidan dikti",
]
ARCHIVE = Archive.of(weigh(parts_of(text)) for text in TEXTS)
WORDS = st.dictionaries(st.text("abc", max_size=2), st.floats(0, 100), max_size=6)


def test_rare_words_make_articles_alike_the_title_of_the_mayor_does_not() -> None:
    prayer, bus = (weigh(parts_of(text)) for text in TEXTS[:2])
    rewritten = weigh(parts_of("Hisar Camisi bayram namazında doldu"))

    assert ARCHIVE.likeness(prayer, rewritten) >= HINT_FROM
    assert ARCHIVE.likeness(prayer, bus) < HINT_FROM


@given(WORDS, WORDS)
def test_likeness_is_symmetric_and_a_share(a: dict[str, float], b: dict[str, float]) -> None:
    assert 0 <= ARCHIVE.likeness(a, b) <= 1
    assert abs(ARCHIVE.likeness(a, b) - ARCHIVE.likeness(b, a)) < 1e-12
