"""Words of an article and their vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify.features import Vocabulary
from service.classify.linear import matrix
from service.classify.text import Field
from service.classify.words import weigh
from tests.unit.classify.invented import FlatPart, parts_of

DOCUMENTS = [{"konser": 1.0, "sahn": 2.0}, {"konser": 3.0}, {"sahn": 0.2, "bir": 1.0}]


class TitlePart(FlatPart):
    def weight_at(self, token_index: int) -> float:
        return 3.0


def test_word_counts_under_a_short_and_a_long_beginning_with_the_weight_of_its_place() -> None:
    words = weigh([TitlePart(Field("Konserler")), FlatPart(Field("konserde su"))])

    assert words == {"kons": 4.0, "konser": 4.0, "su": 2.0}


@pytest.mark.parametrize("text", ["İKLİM IŞIK", "iklim ışık", "IKLIM ISIK", "I\u0307klim ışık"])
def test_spelling_of_a_text_does_not_change_its_words(text: str) -> None:
    assert weigh(parts_of(text)) == weigh(parts_of("iklim isik"))


def test_vocabulary_keeps_what_two_articles_have_rare_words_weigh_more() -> None:
    vocabulary = Vocabulary.of([*DOCUMENTS, {"konser": 1.0}])

    assert vocabulary.keys == ("konser", "sahn")
    assert vocabulary.idf[1] > vocabulary.idf[0]


def test_vector_has_length_one_and_leaves_unknown_words_out() -> None:
    vector = Vocabulary.of(DOCUMENTS).vector({"konser": 2.0, "never": 5.0})

    assert vector.indices.tolist() == [0]
    assert vector.values.tolist() == [1.0]


def test_vector_of_unknown_words_is_empty() -> None:
    assert Vocabulary.of(DOCUMENTS).vector({"never": 1.0}).values.size == 0


@given(st.lists(st.dictionaries(st.text("abc", max_size=2), st.floats(0.1, 50)), max_size=8))
def test_matrix_has_the_same_vectors_as_one_by_one(documents: list[dict[str, float]]) -> None:
    vocabulary = Vocabulary.of(documents)
    rows = matrix(vocabulary, documents).toarray()

    for row, words in zip(rows, documents, strict=True):
        vector = vocabulary.vector(words)
        expected = np.zeros(len(vocabulary.keys))
        expected[vector.indices] = vector.values
        assert row == pytest.approx(expected, abs=1e-6)
