"""How well the shipped terms and places do, and what they cost: the rows of day one.

``TELLAL_BENCH_DATA=… python -m tests.bench.classify_terms [A]`` prints the table; with ``A`` also
the errors on that half of the municipal set. Look at one half while you write terms, judge on the
other: its errors are not printed unless asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

from service.classify import ArticleText, Band, Classification, Classifier, decide, text
from service.classify.matcher import TermMatcher
from service.taxonomy import places_of, topics_of

Item = dict[str, Any]

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("TELLAL_BENCH_DATA", ""))
DAMAGED = "izm-16"
PRESS_HEAD = 25  # press texts have no title: their first words weigh double
WITHOUT_TURKISH = str.maketrans("çğıöşüÇĞİÖŞÜâîû", "cgiosuCGIOSUaiu")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "Turkish capitals": lambda value: value.replace("i", "İ").upper(),
    "English capitals": str.upper,
    "without Turkish letters": lambda value: value.translate(WITHOUT_TURKISH),
    "NFD": lambda value: unicodedata.normalize("NFD", value),
}


@dataclass
class Tally:
    """Labels counted right, wrong and missed; what is acceptable counts neither way."""

    hits: int = 0
    wrong: int = 0
    missed: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, name: str, found: set[str], required: set[str], allowed: Iterable[str]) -> None:
        wrong, missed = found - required - set(allowed), required - found
        self.hits += len(found & required)
        self.wrong += len(wrong)
        self.missed += len(missed)
        if wrong or missed:
            self.errors.append(f"{name}: wrong {sorted(wrong)} missed {sorted(missed)}")

    def __str__(self) -> str:
        precision = self.hits / max(1, self.hits + self.wrong)
        recall = self.hits / max(1, self.hits + self.missed)
        f1 = 2 * self.hits / max(1, 2 * self.hits + self.wrong + self.missed)
        return f"P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}"


def main(shown_half: str) -> None:
    """Print every row."""
    if not (DATA / "municipal").is_dir():
        sys.exit("TELLAL_BENCH_DATA must name the directory with municipal/ and classification/")
    config = ROOT / "config"
    classifier = Classifier(topics_of(config), places_of(config))
    dev2 = _items("izmir_dev2.json")
    samples = [item for item in _items("izmir_news_samples.json") if item["id"] != DAMAGED]
    halves = {"A": [i for i in dev2 if _half(i) == "A"], "B": [i for i in dev2 if _half(i) == "B"]}
    for name, items in {"dev2": dev2, **halves, "21 samples": samples}.items():
        topics, places = _measure(classifier, items)
        print(f"{name:<12} topics {topics}   districts {places}")
        if name == shown_half:
            print("", *topics.errors, *places.errors, sep="\n  ")
    _print_spellings(classifier, samples)
    seeds = json.loads((DATA / "classification/benchmark_seeds.json").read_text("utf-8"))
    for name in ("ttc3600", "newscat"):
        print(f"{name:<12} macro-F1 of the seeds {_day_one(seeds[name], _press(name)):.1f}")
    _print_cost(dev2, samples)


def _items(name: str) -> list[Item]:
    return list(json.loads((DATA / "municipal" / name).read_text("utf-8"))["items"])


def _half(item: Item) -> str:
    return "AB"[hashlib.sha256(item["id"].encode()).digest()[0] % 2]


def _read(item: Item, spell: Callable[[str], str] = str) -> ArticleText:
    body = item["body"] if "body" in item else item["text"]
    return ArticleText(spell(item["title"]), spell(item.get("summary", "")), spell(body))


def _published(found: Classification) -> set[str]:
    return {label.slug for label in found.topics if label.band is Band.PUBLISH}


def _named(found: Classification) -> set[str]:
    return {label.slug for label in found.places}


def _measure(classifier: Classifier, items: list[Item]) -> tuple[Tally, Tally]:
    topics, places = Tally(), Tally()
    for item in items:
        found = classifier.classify(_read(item))
        required, allowed = set(item["topics_required"]), item["topics_acceptable"]
        topics.add(f"{item['id']} {item['title']}", _published(found), required, allowed)
        allowed = item.get("districts_acceptable", ())
        places.add(item["title"], _named(found), set(item["districts"]), allowed)
    return topics, places


def _print_spellings(classifier: Classifier, items: list[Item]) -> None:
    for name, spell in SPELLINGS.items():
        same = 0
        for item in items:
            plain, spelt = (classifier.classify(_read(item, s)) for s in (str, spell))
            same += (_published(plain), _named(plain)) == (_published(spelt), _named(spelt))
        print(f"{name:<24} {same} of {len(items)} the same")


def _press(name: str) -> list[Item]:
    folder = DATA / "classification"
    if name == "newscat":
        raw = (folder / "newscat_val.jsonl").read_text("utf-8")
    else:
        raw = gzip.decompress((folder / "ttc3600_dev.jsonl.gz").read_bytes()).decode()
    return [json.loads(line) for line in raw.split("\n") if line]


def _day_one(seeds: dict[str, list[str]], items: list[Item]) -> float:
    """Give each text the class of the highest score; the macro-F1 in percent."""
    matcher = TermMatcher(seeds)
    counts: dict[str, Tally] = {label: Tally() for label in seeds}
    for item in items:
        guess = _best_class(matcher, item["text"]) or next(iter(seeds))
        for label, tally in counts.items():
            tally.add("", {guess} & {label}, {item["label"]} & {label}, ())
    scores = [2 * t.hits / (2 * t.hits + t.wrong + t.missed) for t in counts.values()]
    return 100 * mean(scores)


def _best_class(matcher: TermMatcher, value: str) -> str:
    read = text.Field(value)
    weights: dict[tuple[str, Any], float] = defaultdict(float)
    for hit in matcher.find(read):
        weights[hit.topic, hit.term] += 2.0 if hit.first < PRESS_HEAD else 1.0
    scores: dict[str, float] = defaultdict(float)
    for (topic, term), weight in weights.items():
        scores[topic] += decide.contribution(term.weight, weight, len(read.tokens))
    return max(scores, key=lambda label: scores[label], default="")


def _print_cost(*sets: list[Item]) -> None:
    """Compare all of the work with tokenising alone: every word new, and every word known."""
    articles = [_read(item) for items in sets for item in items]
    cold, warm = [], []
    for _ in range(9):
        classifier = Classifier(topics_of(ROOT / "config"), places_of(ROOT / "config"))
        text._known_form.cache_clear()
        bare = _seconds(_tokenise_all, articles)
        text._known_form.cache_clear()
        cold.append(_seconds(partial(_classify_all, classifier), articles) / bare)
        bare = _seconds(_tokenise_all, articles)
        warm.append(_seconds(partial(_classify_all, classifier), articles) / bare)
    print(f"cost, tokenising = 1: cold {median(cold):.1f}, warm {median(warm):.1f}")


def _classify_all(classifier: Classifier, articles: list[ArticleText]) -> None:
    for article in articles:
        classifier.classify(article)


def _tokenise_all(articles: list[ArticleText]) -> None:
    for article in articles:
        for value in (article.title, article.summary, article.body):
            text.tokenise(value)


def _seconds(work: Callable[[list[ArticleText]], object], articles: list[ArticleText]) -> float:
    start = time.perf_counter()
    work(articles)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
