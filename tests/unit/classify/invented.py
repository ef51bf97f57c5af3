"""Invented articles of three topics, for tests of what learns from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from service.classify.text import Field
from service.classify.train import Example
from service.classify.words import Part, weigh

TOPICS = ("music", "roads", "water")
_WORDS = {
    "music": ["konser", "orkestra", "şarkı", "sahne", "bando", "keman", "solist", "dinleyici"],
    "roads": ["asfalt", "kaldırım", "kavşak", "köprü", "şerit", "bordür", "trafik", "sokak"],
    "water": ["baraj", "içme", "hat", "boru", "arıtma", "kesinti", "vana", "depo"],
}
_COMMON = ["belediye", "başkan", "bugün", "yeni", "mahalle", "ekip", "program", "şehir"]
_SURE, _NO_HINT = 0.8, 0.007


@dataclass(frozen=True)
class FlatPart:
    """A text in which each word counts once."""

    field: Field

    def weight_at(self, token_index: int) -> float:
        return 1.0


def parts_of(text: str) -> list[Part]:
    return [FlatPart(Field(text))]


def text_about(topics: list[str], rng: np.random.Generator) -> str:
    words = [*rng.choice(_COMMON, size=8)]
    for topic in topics:
        words += [*rng.choice(_WORDS[topic], size=4)]
    return " ".join(rng.permutation(words))


def archive(count: int, seed: int = 0, share_known: float = 1.0) -> list[Example]:
    """Articles of one or two topics; terms find two of three topics that are there."""
    rng = np.random.default_rng(seed)
    examples = []
    for i in range(count):
        about = [str(topic) for topic in rng.choice(TOPICS, size=1 + i % 2, replace=False)]
        seeds = {t: _SURE if rng.random() < 2 / 3 else _NO_HINT for t in about}
        known = {t: t in about for t in TOPICS} if i < share_known * count else {}
        examples.append(Example(weigh(parts_of(text_about(about, rng))), seeds, known))
    return examples
