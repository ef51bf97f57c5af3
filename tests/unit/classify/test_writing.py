"""Topics that were written are read back as the same topics."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.classify import Topic, parse_topics, write_topics

CONFIG = Path(__file__).parents[3] / "config" / "topics.yaml"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = TEXTS.filter(str.strip)
SHARES = st.one_of(st.none(), st.floats(0, 1))
TERMS = st.lists(st.sampled_from(["+iklim", "=su", "-çevre yolu", "~2026", "AB", "evet", "ağaç*"]))


def test_the_shipped_topics_survive() -> None:
    topics = parse_topics(CONFIG.read_text(encoding="utf-8"), "topics.yaml")

    assert parse_topics(write_topics(topics), "written") == topics


@given(NAMES, TEXTS, TERMS.map(set), SHARES)
def test_whatever_a_topic_holds_survives(
    name: str, description: str, terms: set[str], share: float | None
) -> None:
    topic = Topic("spor", name, name, description, "", tuple(terms), (), share, None)

    assert parse_topics(write_topics([topic]), "written") == (topic,)


@pytest.mark.parametrize(
    "text", ["yes", "1.5", "null", "=", "a: b", "# c", " x ", "\u2028y", "- z", "a\x85b", "a\nb "]
)
def test_what_yaml_would_read_otherwise_survives(text: str) -> None:
    topic = Topic("spor", text, text, "", text, ("gol",), (), 0.00001, 0.0)

    assert parse_topics(write_topics([topic]), "written") == (topic,)
