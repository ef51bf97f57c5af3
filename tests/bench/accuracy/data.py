"""Reads the evaluation data, and reads press texts the way the classifier reads articles."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from service.classify import Classifier, decide, parse_places, parse_topics
from service.classify.matcher import TermMatcher
from service.classify.model import Model
from service.classify.text import Field
from service.classify.train import Example
from service.classify.words import weigh
from tests.bench.accuracy.metrics import Floats, Ints

ROOT = Path(__file__).parents[3]
SMALL = ROOT / "tests/data"
_TITLE_WORDS, _TITLE_WEIGHT = 25, 2.0  # press texts have no title


def folder() -> Path | None:
    """Where the evaluation data lie; none of it may be in the repository."""
    named = os.environ.get("TELLAL_BENCH_DATA")
    return Path(named) if named else None


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSONL; the texts hold other line separators than \\n."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in raw.decode().split("\n") if line]


def shipped(model: Model | None = None) -> Classifier:
    """The classifier with the topics and places of config/, and perhaps a model."""
    topics = parse_topics((ROOT / "config/topics.yaml").read_text("utf-8"), "topics.yaml")
    places = parse_places((ROOT / "config/places.yaml").read_text("utf-8"), "places.yaml")
    return Classifier(topics, places, model=model)


@dataclass(frozen=True)
class PressPart:
    """A press text as a field: its first words stand for the title it lacks."""

    field: Field
    title_weight: float = _TITLE_WEIGHT

    def weight_at(self, token_index: int) -> float:
        return self.title_weight if token_index < _TITLE_WORDS else 1.0


class TermScores:
    """Scores texts by lists of terms, each word with a weight of our choice."""

    def __init__(self, terms: Mapping[str, Sequence[str]]) -> None:
        self.topics = tuple(sorted(terms))
        self._matcher = TermMatcher({slug: tuple(terms[slug]) for slug in self.topics})

    def of(self, part: PressPart) -> dict[str, float]:
        hits: dict[Any, float] = defaultdict(float)
        for hit in self._matcher.find(part.field):
            hits[hit.topic, hit.term] += part.weight_at(hit.first)
        scores = dict.fromkeys(self.topics, 0.0)
        for (topic, term), weight in hits.items():
            scores[topic] += decide.contribution(term.weight, weight, len(part.field.tokens))
        return scores


@dataclass(frozen=True)
class Texts:
    """Texts that were read: words for the model, scores and probabilities by terms."""

    topics: tuple[str, ...]
    words: list[dict[str, float]]
    scores: Floats  # texts × topics
    seeds: Floats

    def example(self, i: int, labels: Mapping[str, bool]) -> Example:
        return Example(self.words[i], self.seeds_of(i), labels)

    def seeds_of(self, i: int) -> dict[str, float]:
        return dict(zip(self.topics, self.seeds[i].tolist(), strict=True))

    def take(self, rows: Sequence[int]) -> Texts:
        rows = list(rows)
        return Texts(
            self.topics, [self.words[i] for i in rows], self.scores[rows], self.seeds[rows]
        )


def read_texts(
    terms: Mapping[str, Sequence[str]],
    texts: Sequence[str],
    part: Callable[[Field], PressPart] = PressPart,
) -> Texts:
    by_terms = TermScores(terms)
    parts = [part(Field(text)) for text in texts]
    scores = [by_terms.of(one) for one in parts]
    order = by_terms.topics
    seeds = [decide.probabilities(one) for one in scores]
    return Texts(
        order,
        [weigh([one]) for one in parts],
        np.array([[one[slug] for slug in order] for one in scores]),
        np.array([[one[slug] for slug in order] for one in seeds]),
    )


@dataclass(frozen=True)
class Press:
    """A set of press texts, each with one class."""

    raw: list[dict[str, Any]]
    terms: Mapping[str, Sequence[str]]

    @cached_property
    def texts(self) -> Texts:
        return read_texts(self.terms, [item["text"] for item in self.raw])

    @cached_property
    def labels(self) -> Ints:
        order = {slug: k for k, slug in enumerate(sorted(self.terms))}
        return np.array([order[item["label"]] for item in self.raw])

    def __add__(self, other: Press) -> Press:
        return Press([*self.raw, *other.raw], self.terms)


@dataclass(frozen=True)
class Evaluation:
    """All the data, and how thorough to be."""

    ttc: Press
    newscat_train: Press
    newscat_val: Press
    samples: list[dict[str, Any]]
    dev2: list[dict[str, Any]]
    seed_articles: list[dict[str, Any]]
    rounds: int  # of the bootstrap
    draws: int


def load(root: Path, is_quick: bool) -> Evaluation:
    press, city = root / "classification", root / "municipal"
    seeds = read_json(press / "benchmark_seeds.json")
    return Evaluation(
        ttc=Press(read_lines(press / "ttc3600_dev.jsonl.gz"), seeds["ttc3600"]),
        newscat_train=Press(read_lines(press / "newscat_train.jsonl"), seeds["newscat"]),
        newscat_val=Press(read_lines(press / "newscat_val.jsonl"), seeds["newscat"]),
        samples=read_json(city / "izmir_news_samples.json")["items"],
        dev2=read_json(city / "izmir_dev2.json")["items"],
        seed_articles=read_json(city / "seed_articles.json")["items"],
        rounds=200 if is_quick else 2000,
        draws=5,
    )
