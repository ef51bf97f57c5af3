"""One story or two?"""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify.stories import (
    Measure,
    StoryIndex,
    is_same_story,
    shared_passages,
    shingles,
)

ROOT = Path(__file__).parents[3]
RELEASE = (
    "Belediye, kentin kuzeyindeki parkı yeniledi. Yürüyüş yolları genişletildi, çocuklar için "
    "ahşap oyun alanı kuruldu, eski havuzun yerine gölgeli bir çardak yapıldı. Açılışta "
    "konuşan başkan, gelecek ay iki parkın daha hizmete gireceğini söyledi."
)
NOTICE = (
    "{day} Haziran günü saat {start} ile {end} arasında Örnek Mahallesi {street} sokakta ana boru "
    "yenileneceği için su verilemeyecektir. Yurttaşların önlem alması rica olunur."
)
WORDS = st.lists(st.sampled_from(["su", "yol", "park", "1", "2", "İzmir"]), max_size=40)
TEXT = WORDS.map(" ".join)


def test_edited_copy_is_the_same_story() -> None:
    copy = "Park yenilendi! " + RELEASE.replace("ahşap", "büyük").replace("başkan", "yönetici")
    match = is_same_story(shingles(RELEASE), shingles(copy))

    assert match is not None
    assert match.measure is Measure.JACCARD
    assert 0.4 <= match.value < 1


def test_copy_inside_a_long_article_is_the_same_story() -> None:
    other = " ".join(f"cümle{i} başka{i} konu{i}" for i in range(100))
    match = is_same_story(shingles(RELEASE), shingles(RELEASE + " " + other))

    assert match is not None
    assert match.measure is Measure.CONTAINMENT
    assert match.shared == len(shingles(RELEASE).grams)


def test_notices_that_differ_in_their_numbers_are_two_stories() -> None:
    first = NOTICE.format(day=5, start="10.00", end="16.00", street=1420)
    second = NOTICE.format(day=6, start="09.00", end="13.00", street=1736)

    assert is_same_story(shingles(first), shingles(second)) is None
    assert is_same_story(shingles(first), shingles("DUYURU: " + first)) is not None


def test_short_text_must_be_equal() -> None:
    assert is_same_story(shingles("Bugün su yok"), shingles("Bugün su yok")) is not None
    assert is_same_story(shingles("Bugün su yok"), shingles("Bugün su yok mu")) is None
    assert is_same_story(shingles("Su"), shingles("Su")) is None


def test_fields_are_not_glued_together() -> None:
    assert shingles("bir iki", "üç dört").grams == frozenset()
    assert shingles("bir iki üç", "bir iki üç").grams == shingles("bir iki üç").grams


@given(TEXT, TEXT)
def test_sameness_is_symmetric(a: str, b: str) -> None:
    assert is_same_story(shingles(a), shingles(b)) == is_same_story(shingles(b), shingles(a))


@given(st.lists(TEXT, max_size=8), TEXT)
def test_index_finds_exactly_what_comparing_all_finds(texts: list[str], new: str) -> None:
    index: StoryIndex[int] = StoryIndex()
    for number, text in enumerate(texts):
        index.add(number, shingles(text))

    expected = {
        number: match
        for number, text in enumerate(texts)
        if (match := is_same_story(shingles(new), shingles(text)))
    }
    assert dict(index.matches(shingles(new))) == expected


def test_best_match_comes_first_and_a_key_goes_in_once() -> None:
    index: StoryIndex[str] = StoryIndex()
    index.add("edited", shingles(RELEASE.replace("kuzeyindeki", "güneyindeki")))
    index.add("equal", shingles(RELEASE))

    assert [key for key, _ in index.matches(shingles(RELEASE))] == ["equal", "edited"]
    with pytest.raises(ValueError, match="in the index already"):
        index.add("equal", shingles(RELEASE))


@given(st.text())
def test_shingles_fit_a_bigint(text: str) -> None:
    assert all(-(2**63) <= gram < 2**63 for gram in shingles(text + " bir iki üç").grams)


def test_shingles_are_the_same_in_every_process() -> None:
    code = (
        "from service.classify.stories import shingles;"
        "print(sorted(shingles('bir iki 3 dört').grams))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == str(sorted(shingles("Bir iki 3 DÖRT").grams))


def test_shared_passages_are_shown_as_written_longest_first() -> None:
    other = "Yürüyüş yolları genişletildi, çocuklar için. Başka bir konu: iki parkın daha."

    assert shared_passages(RELEASE, other) == (
        "Yürüyüş yolları genişletildi, çocuklar için",
        "iki parkın daha",
    )
    assert shared_passages(RELEASE, "") == ()
