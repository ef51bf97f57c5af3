"""The press sets, one class a text: text model, day one, self-training, few labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.model_selection import StratifiedKFold

from service.classify.model import Model
from service.classify.train import train
from tests.bench.accuracy.data import Evaluation, Press
from tests.bench.accuracy.metrics import Floats, Ints, macro_f1
from tests.bench.accuracy.row import Row, interval, percent
from tests.bench.accuracy.selftrain import self_train

SEED = 42
FEW = 20  # labels a class


def fitted(press: Press, labelled: Sequence[int], archive: Sequence[int] = ()) -> Model:
    """A model that knows the class of some texts and has read others."""
    topics = press.texts.topics
    labels = [{slug: k == press.labels[i] for k, slug in enumerate(topics)} for i in labelled]
    examples = [
        *(press.texts.example(i, known) for i, known in zip(labelled, labels, strict=True)),
        *(press.texts.example(i, {}) for i in archive),
    ]
    return train(examples, topics, terms="bench")


def by_text(model: Model, press: Press, rows: Sequence[int]) -> Ints:
    return np.array([model.text_scores(press.texts.words[i]).argmax() for i in rows])


def by_both(model: Model, press: Press, rows: Sequence[int]) -> Ints:
    found = []
    for i in rows:
        p = model.probabilities(press.texts.words[i], press.texts.seeds_of(i))
        found.append(int(np.argmax([p[slug] for slug in press.texts.topics])))
    return np.array(found)


def folds(press: Press, count: int) -> Iterator[tuple[Ints, Ints]]:
    splitter = StratifiedKFold(count, shuffle=True, random_state=SEED)
    yield from splitter.split(press.labels, press.labels)


def few_of(press: Press, rows: Ints, count: int, number: int) -> tuple[list[int], list[int]]:
    """Take ``count`` texts of each class; the rest is the archive."""
    rng = np.random.default_rng([SEED, number])
    few: list[int] = []
    for k in range(len(press.texts.topics)):
        few += rng.permutation(rows[press.labels[rows] == k])[:count].tolist()
    return few, sorted(set(rows.tolist()) - set(few))


def day_one(press: Press, rows: Sequence[int] | Ints) -> Ints:
    found: Ints = press.texts.scores[list(rows)].argmax(axis=1)
    return found


def rows_of(data: Evaluation) -> Iterator[Row]:
    """Yield the rows one by one, for the progress line."""
    ttc, val = data.ttc, data.newscat_val
    everything = range(len(ttc.labels))
    text, both = (np.zeros(len(ttc.labels), dtype=np.intp) for _ in range(2))
    for known, hidden in folds(ttc, 10):
        model = fitted(ttc, known.tolist())
        text[hidden] = by_text(model, ttc, hidden.tolist())
        both[hidden] = by_both(model, ttc, hidden.tolist())
    yield _row(data, ttc, text, "ttc3600_dev, 10-fold, text model", "92.4", 0.915, "ttc_trained_f1")
    yield _row(data, ttc, both, "… text model and terms", "", None)
    newscat = data.newscat_train + val
    model = fitted(newscat, range(len(data.newscat_train.labels)))
    hidden_rows = range(len(val.labels))
    text = by_text(model, val, hidden_rows)
    yield _row(data, val, text, "newscat train→val, text model", "94.7", 0.93, "newscat_trained_f1")
    both = by_both(model, val, hidden_rows)
    yield _row(data, val, both, "… text model and terms", "", None)
    seeds = day_one(ttc, everything)
    yield _row(data, ttc, seeds, "Day one, ttc3600_dev", "86.8", 0.86, "ttc_seeds_f1")
    guess = day_one(val, hidden_rows)
    yield _row(data, val, guess, "Day one, newscat val", "87.9", 0.86, "newscat_seeds_f1")
    required = max(0.885, macro_f1(ttc.labels, seeds) + 0.02)
    yield _row(
        data, ttc, _self_trained(ttc), "Self-training, ttc3600_dev, 5-fold", "89.4", required
    )
    few, few_archive = (np.zeros(len(ttc.labels), dtype=np.intp) for _ in range(2))
    for number, (known, hidden) in enumerate(folds(ttc, 5)):
        labelled, archive = few_of(ttc, known, FEW, number)
        few[hidden] = by_both(fitted(ttc, labelled), ttc, hidden.tolist())
        few_archive[hidden] = by_both(fitted(ttc, labelled, archive), ttc, hidden.tolist())
    name = f"{FEW} labels a class, ttc3600_dev, 5-fold"
    yield _row(data, ttc, few, name, "89.8 (text 86.1)", 0.89)
    yield _row(data, ttc, few_archive, "… with the rest as archive", "", None)


def _self_trained(press: Press) -> Ints:
    guess = np.zeros(len(press.labels), dtype=np.intp)
    for known, hidden in folds(press, 5):
        archive = press.texts.take(known.tolist())
        learned = self_train(archive.words, archive.scores)
        for i in hidden:
            guess[i] = _best(learned.scores(press.texts.words[i], press.texts.scores[i]))
    return guess


def _best(scores: Floats) -> int:
    return int(scores.argmax())


def _row(
    data: Evaluation,
    press: Press,
    guess: Ints,
    name: str,
    measured: str,
    required: float | None,
    key: str = "",
) -> Row:
    truth = press.labels
    value = macro_f1(truth, guess)
    bounds = interval(len(truth), lambda rows: macro_f1(truth[rows], guess[rows]), data.rounds)
    return Row(
        f"{name}, macro-F1",
        measured,
        f"≥ {100 * required:.1f}" if required else "",
        percent(value, bounds),
        value >= required if required else None,
        key,
        value,
    )
