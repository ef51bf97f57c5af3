"""What it costs: time against tokenising, training, throughput, memory of a worker."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from service.classify import ArticleText, Classifier
from service.classify.model import Model
from service.classify.store import dump, load
from service.classify.text import Field
from service.classify.train import Example, train
from service.classify.words import weigh
from tests.bench.accuracy.city import article
from tests.bench.accuracy.data import ROOT, SMALL, Evaluation, PressPart, read_json, shipped
from tests.bench.accuracy.row import Row

_ROUNDS = 7
_ARTICLES, _TOPICS = 3_600, 24
_MAX_MB = 60

# Prints what a process gains by all of service.classify and a model, in MB, and heavy modules.
_WORKER = """
import json, pathlib, resource, sys
def rss():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
before = rss()
from service.classify import Classifier
from service.classify.store import load
model = load(pathlib.Path(sys.argv[1]).read_bytes())
model.probabilities({key: 1.0 for key in model.vocabulary.keys[:300]}, {})
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"sklearn", "scipy"})
print(json.dumps([rss() - before, heavy]))
"""


def small_rows(classifier: Classifier) -> Iterator[Row]:
    pages = [article(item) for item in read_json(SMALL / "seed_articles.json")["items"]]
    ratio = against_tokenising(classifier, pages)
    yield Row("Clean + topics + places + evidence, tokenising = 1", "≈ 8", "≤ 10 (aim 6)",
              f"{ratio:.1f}", ratio <= 10, "cost_vs_tokenise", ratio)  # fmt: skip


def rows_of(data: Evaluation) -> Iterator[Row]:
    examples, topics = archive(data)
    seconds, model = _timed_training(examples, topics)
    yield Row(f"Refit, {_ARTICLES:,} articles × {_TOPICS} topics (read before), s", "", "≤ 3 (aim)",
              f"{seconds:.1f}", seconds <= 3, "refit_s", seconds)  # fmt: skip
    again = load(dump(model))
    worst = max(_difference(model, again, example) for example in examples[:500])
    yield Row("Reloaded model, largest difference", "1e-7", "≤ 1e-6", f"{worst:.0e}", worst <= 1e-6)
    megabytes, heavy = worker_memory(model)
    yield Row("Worker that only infers: MB gained", "", f"≤ {_MAX_MB}, no scikit-learn or SciPy",
              f"{megabytes:.0f}, {' and '.join(heavy) or 'neither'}",
              megabytes <= _MAX_MB and not heavy)  # fmt: skip
    yield from _throughput(data, model)


def against_tokenising(classifier: Classifier, articles: Sequence[ArticleText]) -> float:
    """The median ratio of rounds run side by side, so that other load hits both."""

    def tokenise() -> None:
        for one in articles:
            for text in (one.title, one.summary, one.body):
                Field(text)

    def classify() -> None:
        for one in articles:
            classifier.classify(one)

    repeat = max(1, 20_000 // sum(len(one.body.split()) + 1 for one in articles))
    ratios = []
    for _ in range(_ROUNDS):
        base = _seconds(tokenise, repeat)
        ratios.append(_seconds(classify, repeat) / base)
    return statistics.median(ratios)


def _seconds(run: Callable[[], None], repeat: int) -> float:
    started = time.perf_counter()
    for _ in range(repeat):
        run()
    return time.perf_counter() - started


def archive(data: Evaluation) -> tuple[list[Example], list[str]]:
    """As many articles as asked for: the press texts, then halves of two of them.

    Topics are the eleven classes and thirteen frequent words, so that each can be learned.
    """
    rng = np.random.default_rng(0)
    press = (data.ttc, data.newscat_train, data.newscat_val)
    raw = [(item["text"].split(), item["label"]) for one in press for item in one.raw]
    words = ["türk", "yeni", "büyük", "ilk", "başkanı", "gün", "milyon", "kadın", "çocuk",
             "istanbul", "dünya", "yılında", "takım"]  # fmt: skip
    classes = sorted({label for _, label in raw})
    examples = []
    for i in range(_ARTICLES):
        first, second = (raw[k] for k in rng.integers(len(raw), size=2))
        if i < len(raw):
            text, labels = raw[i][0], {raw[i][1]}
        else:
            text = first[0][: len(first[0]) // 2] + second[0][len(second[0]) // 2 :]
            labels = {first[1], second[1]}
        field = Field(" ".join(text))
        shown = {token.shown for token in field.tokens}
        known = {slug: slug in labels for slug in classes} | {w: w in shown for w in words}
        seeds = {slug: 0.7 if is_yes else 0.05 for slug, is_yes in known.items()}
        examples.append(Example(weigh([PressPart(field)]), seeds, known))
    return examples, [*classes, *words]


def _timed_training(examples: list[Example], topics: list[str]) -> tuple[float, Model]:
    """The best of three: other load on the machine only ever adds."""
    best, model = float("inf"), None
    for _ in range(3):
        started = time.perf_counter()
        model = train(examples, topics, terms="bench")
        best = min(best, time.perf_counter() - started)
    assert model is not None
    return best, model


def _difference(model: Model, other: Model, example: Example) -> float:
    a = model.probabilities(example.words, example.seeds)
    b = other.probabilities(example.words, example.seeds)
    return max(abs(a[slug] - b[slug]) for slug in a)


def worker_memory(model: Model) -> tuple[float, list[str]]:
    with TemporaryDirectory(prefix="tellal-bench-") as name:
        path = Path(name) / "model.npz"
        path.write_bytes(dump(model))
        answer = subprocess.run(
            [sys.executable, "-c", _WORKER, str(path)], cwd=ROOT, check=True, capture_output=True
        )
    megabytes, heavy = json.loads(answer.stdout)
    return float(megabytes), list(heavy)


def _throughput(data: Evaluation, model: Model) -> Iterator[Row]:
    """Whole articles a second in one process: the press texts, by shipped terms and a model."""
    learned = shipped(model)
    texts = [ArticleText("", "", item["text"]) for item in data.newscat_train.raw]

    def classify() -> None:
        for one in texts:
            learned.classify(one)

    rate = len(texts) / min(_seconds(classify, 1) for _ in range(3))
    words = statistics.mean(len(one.body.split()) for one in texts)
    yield Row(f"Articles a second, one process, {words:.0f} words each, with model", "", "",
              f"{rate:.0f}", None, "batch_per_s", rate)  # fmt: skip
    ratio = against_tokenising(learned, texts[:100])
    yield Row("… and with places and evidence, tokenising = 1", "", "", f"{ratio:.1f}", None)
