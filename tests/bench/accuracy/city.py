"""Municipal articles: topics, districts, spelling, damaged encodings, the seed page, pitfalls."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.classify import ArticleText, Band, Classification, Classifier
from service.classify.damage import encoding_damage
from tests.bench.accuracy.data import SMALL, Evaluation, read_json
from tests.bench.accuracy.row import Row, interval, percent
from tests.unit.classify.test_pitfalls import CHECKS

_DAMAGED = "izm-16"
_WITHOUT_TURKISH = str.maketrans("çğıöşüÇĞİÖŞÜâîû", "cgiosuCGIOSUaiu")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "Turkish capitals": lambda text: text.replace("i", "İ").upper(),
    "English capitals": str.upper,
    "no Turkish letters": lambda text: text.translate(_WITHOUT_TURKISH),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
}
# What mail programs, old databases and careless exports do to a Turkish text.
DAMAGES: dict[str, Callable[[str], str]] = {
    "UTF-8 read as Latin-1": lambda text: text.encode().decode("latin-1"),
    "UTF-8 read as cp1252": lambda text: text.encode().decode("cp1252", "replace"),
    "UTF-8 read as cp1254": lambda text: text.encode().decode("cp1254", "replace"),
    "cp1254 read as Latin-1": lambda text: text.encode("cp1254", "replace").decode("latin-1"),
    "cp1254 read as UTF-8": lambda text: text.encode("cp1254", "replace").decode(errors="replace"),
    "kept as Latin-1": lambda text: text.encode("latin-1", "replace").decode("latin-1"),
    "kept as ASCII": lambda text: text.encode("ascii", "replace").decode(),
}


@dataclass(frozen=True)
class Tally:
    """Right, wrong and missed labels of one item."""

    right: int
    extra: int
    missed: int

    @staticmethod
    def of(found: set[str], required: Sequence[str], acceptable: Sequence[str]) -> Tally:
        wanted = set(required)
        return Tally(
            len(found & wanted), len(found - wanted - set(acceptable)), len(wanted - found)
        )


class Totals:
    """Precision, recall and micro-F1 over items, with intervals."""

    def __init__(self, tallies: Sequence[Tally], rounds: int) -> None:
        self._counts = np.array([[one.right, one.extra, one.missed] for one in tallies])
        self._rounds = rounds

    def value(self, measure: Callable[[Any], float]) -> float:
        return measure(self._counts)

    def shown(self, measure: Callable[[Any], float]) -> str:
        counts = self._counts
        bounds = interval(len(counts), lambda rows: measure(counts[rows]), self._rounds)
        return percent(measure(counts), bounds)


def _precision(counts: Any) -> float:
    right, extra, _ = counts.sum(axis=0)
    return float(right / (right + extra)) if right + extra else 1.0


def _recall(counts: Any) -> float:
    right, _, missed = counts.sum(axis=0)
    return float(right / (right + missed)) if right + missed else 1.0


def _f1(counts: Any) -> float:
    right, extra, missed = counts.sum(axis=0)
    return float(2 * right / (2 * right + extra + missed))


def article(item: dict[str, Any], spell: Callable[[str], str] = str) -> ArticleText:
    body = item.get("text") or item.get("body") or ""
    return ArticleText(spell(item["title"]), spell(item.get("summary") or ""), spell(body))


def published(result: Classification) -> set[str]:
    return {label.slug for label in result.topics if label.band is Band.PUBLISH}


def districts(result: Classification) -> set[str]:
    return {place.slug for place in result.places}


def small_rows(classifier: Classifier) -> Iterator[Row]:
    """What needs no data but those of the repository."""
    cases = [
        check(case, classifier)
        for kind, check in CHECKS.items()
        for case in read_json(SMALL / "pitfalls.json")[kind]
        if "known_limit" not in case
    ]
    yield _all("pitfalls.json, cases without a known limit", "232 of 232", cases)
    pages = read_json(SMALL / "seed_articles.json")["items"]
    good = []
    for number, item in enumerate(pages):
        found, required = published(classifier.classify(article(item))), item["topics_required"]
        allowed = set(required) if number == 0 else {*required, *item["topics_acceptable"]}
        good.append(set(required) <= found <= allowed)
    yield _all("Seed page: required topics, only acceptable extras", "yes", good)


def rows_of(data: Evaluation, classifier: Classifier) -> Iterator[Row]:
    sound = [item for item in data.samples if item["id"] != _DAMAGED]
    topics = Totals(_topic_tallies(sound, classifier), data.rounds)
    yield _share("21 samples at 0.60, precision", "1.0", 0.95, topics, _precision,
                 "precision_published")  # fmt: skip
    yield _share("21 samples at 0.60, recall", "0.86–0.89", 0.82, topics, _recall)
    yield _all("Same topics and districts in four spellings", "21 of 21", [
        _is_same(item, classifier) for item in sound])  # fmt: skip
    places = Totals(_district_tallies(data.samples, classifier), data.rounds)
    yield _share("Districts, 22 samples, precision", "1.0", 0.95, places, _precision)
    yield _share("Districts, 22 samples, recall", "1.0", 0.95, places, _recall)
    topics = Totals(_topic_tallies(data.dev2, classifier), data.rounds)
    yield _share("izmir_dev2 at 0.60, micro-F1", "0.686", 0.85, topics, _f1, "dev2_micro_f1")
    yield _share("izmir_dev2 at 0.60, precision", "0.763", 0.90, topics, _precision,
                 "dev2_precision")  # fmt: skip
    yield _share("izmir_dev2 at 0.60, recall", "0.624", 0.80, topics, _recall)
    places = Totals(_district_tallies(data.dev2, classifier), data.rounds)
    yield _share("Districts, izmir_dev2, precision", "0.85", 0.95, places, _precision,
                 "dev2_districts_precision")  # fmt: skip
    yield _share("Districts, izmir_dev2, recall", "0.61", 0.90, places, _recall,
                 "dev2_districts_recall")  # fmt: skip
    yield from _damage_rows(data, classifier)


def _topic_tallies(items: list[dict[str, Any]], classifier: Classifier) -> list[Tally]:
    return [
        Tally.of(
            published(classifier.classify(article(item))),
            item["topics_required"],
            item["topics_acceptable"],
        )
        for item in items
    ]


def _district_tallies(items: list[dict[str, Any]], classifier: Classifier) -> list[Tally]:
    return [
        Tally.of(
            districts(classifier.classify(article(item))),
            item["districts"],
            item.get("districts_acceptable", []),
        )
        for item in items
    ]


def _is_same(item: dict[str, Any], classifier: Classifier) -> bool:
    plain = classifier.classify(article(item))
    return all(
        (published(other), districts(other)) == (published(plain), districts(plain))
        for other in (classifier.classify(article(item, spell)) for spell in SPELLINGS.values())
    )


def _damage_rows(data: Evaluation, classifier: Classifier) -> Iterator[Row]:
    (real,) = (item for item in data.samples if item["id"] == _DAMAGED)
    yield _all("Damage: izm-16 refused", "yes", [bool(classifier.classify(article(real)).damage)])
    press = [*data.ttc.raw, *data.newscat_train.raw, *data.newscat_val.raw]
    refused = [encoding_damage(item["text"]).refuse for item in press]
    yield Row(f"Damage: refused of {len(press)} sound texts", "0", "0", str(sum(refused)),
              not any(refused))  # fmt: skip
    sound = [item for item in data.samples if item["id"] != _DAMAGED]
    cases = [
        bool(classifier.classify(article(item, harm)).damage)
        for item in sound
        for harm in DAMAGES.values()
    ]
    yield _all("Damage: refused under seven simulated kinds", "all", cases)


def _all(name: str, measured: str, cases: list[bool]) -> Row:
    return Row(name, measured, "all", f"{sum(cases)} of {len(cases)}", all(cases))


def _share(
    name: str,
    measured: str,
    required: float,
    totals: Totals,
    measure: Callable[[Any], float],
    key: str = "",
) -> Row:
    value, shown = totals.value(measure), totals.shown(measure)
    return Row(name, measured, f"≥ {100 * required:.0f}", shown, value >= required, key, value)
