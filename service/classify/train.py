"""Trains the text model and the stack on decisions of the staff.

One-vs-rest logistic regression on TF-IDF words, each topic on the articles that somebody decided
about. Articles without a decision help while a topic has few: those of which the terms are sure
count as weak labels (classification guide, section 5). Plain pseudo-labels would spoil the
probabilities; here the stack, which knows nothing of them, sets them right again.

Topics that nobody named when an article was decided are doubtful noes, of the same weak weight, in
the stack too. As full noes they teach what the staff overlooked: where that is 30 % of the topics
that terms miss, micro-F1 at 400 invented articles is 0.96 instead of 1.00. Left out, they leave a
topic with the yes that its terms missed and hardly a no: then everything is published.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from service.classify import decide
from service.classify.calibrate import logit
from service.classify.features import Floats, Vocabulary
from service.classify.linear import fit_linear, matrix
from service.classify.model import Facts, Model
from service.classify.promotion import DOUBT
from service.classify.stack import MIN_SHARED, Evidence, fit_stack, has_enough
from service.classify.words import Words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ALGORITHM = "text-1"  # raise the number whenever the same examples could give another model

_FOLDS = 5
_WEAK_UNTIL = 75  # positives by staff; from there on weak labels only get in the way
_WEAK_POSITIVE, _WEAK_NEGATIVE = 0.60, 0.15


@dataclass(frozen=True)
class Example:
    """An article for training.

    ``labels`` has only the topics that somebody decided about: yes or no. ``doubtful`` are those
    that most likely are not its: nobody named them when others were decided. An article of the
    archive, with neither, teaches words and how common they are.
    """

    words: Words
    seeds: Mapping[str, float]  # probabilities by terms alone; missing: no hits
    labels: Mapping[str, bool] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class _Data:
    """The examples as arrays: articles × words and articles × topics."""

    vectors: "csr_matrix"
    seed: Floats  # probabilities
    labels: npt.NDArray[np.bool_]
    counts: Floats  # how much a label counts; 0: not known


def train(examples: Sequence[Example], topics: Sequence[str], *, terms: str) -> Model:
    """Train on everything that is known; deterministic.

    ``terms`` names the version of the terms that gave the seeds. Topics with fewer than five
    decisions of each kind keep following their terms.
    """
    vocabulary = Vocabulary.of([example.words for example in examples])
    data = _arrays(examples, topics, vocabulary)
    weights = np.zeros((len(vocabulary.keys), len(topics)), dtype=np.float32)
    bias = np.zeros(len(topics), dtype=np.float32)
    mean, deviation = np.zeros(len(topics)), np.ones(len(topics))
    held_out = np.zeros(data.seed.shape)
    for k in range(len(topics)):
        known = np.flatnonzero(data.counts[:, k])
        if not has_enough(data.labels[known, k], data.counts[known, k], MIN_SHARED):
            continue
        weights[:, k], bias[k], scores = _fit(data, k, known)
        mean[k], deviation[k] = scores.mean(), scores.std() or 1.0
        held_out[known, k] = (scores - mean[k]) / deviation[k]
    stack = fit_stack(Evidence(logit(data.seed), held_out, data.labels, data.counts))
    facts = _facts(data, topics, vocabulary, terms)
    return Model(
        topics=tuple(topics),
        vocabulary=vocabulary,
        weights=weights,
        bias=bias,
        mean=mean,
        deviation=deviation,
        stack=stack,
        facts=facts,
        version=_version(facts),
    )


def _arrays(examples: Sequence[Example], topics: Sequence[str], vocabulary: Vocabulary) -> _Data:
    none = decide.probabilities({"": 0.0})[""]
    shape = len(examples), len(topics)
    seed = [example.seeds.get(slug, none) for example in examples for slug in topics]
    label = [bool(example.labels.get(slug)) for example in examples for slug in topics]
    counts = [_count(example, slug) for example in examples for slug in topics]
    return _Data(
        matrix(vocabulary, [example.words for example in examples]),
        np.array(seed, dtype=np.float64).reshape(shape),
        np.array(label, dtype=np.bool_).reshape(shape),
        np.array(counts, dtype=np.float64).reshape(shape),
    )


def _count(example: Example, slug: str) -> float:
    if slug in example.labels:
        return 1.0
    return DOUBT if slug in example.doubtful else 0.0


def _fit(data: _Data, k: int, known: npt.NDArray[np.intp]) -> tuple[Floats, float, Floats]:
    """Return weights and bias of a topic, and scores of its articles by models blind to them.

    The model is the mean of those of the folds, as in scikit-learn's CalibratedClassifierCV: it is
    as good as one more fit on everything, and the out-of-fold scores are on its scale.
    """
    fold = _folds(data.labels[known, k])
    scores = np.zeros(len(known))
    weights, bias = np.zeros(data.vectors.shape[1]), 0.0
    for number in range(_FOLDS):
        inside = fold == number
        fold_weights, fold_bias = _fit_fold(data, k, known[~inside])
        scores[inside] = data.vectors[known[inside]] @ fold_weights + fold_bias
        weights += fold_weights / _FOLDS
        bias += fold_bias / _FOLDS
    return weights, bias, scores


def _folds(labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Deal the articles out to folds, both labels evenly, in an order that hides the dates."""
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.intp)
    fold[order] = np.arange(len(labels)) % _FOLDS
    return fold


def _fit_fold(data: _Data, k: int, known: npt.NDArray[np.intp]) -> tuple[Floats, float]:
    """Fit a topic on decided articles and, while these are few, on what its terms are sure of."""
    rows, labels = known, data.labels[known, k]
    weights = data.counts[rows, k]
    if int(data.labels[:, k].sum()) < _WEAK_UNTIL:
        seed = data.seed[:, k]
        is_sure = (seed >= _WEAK_POSITIVE) | (seed <= _WEAK_NEGATIVE)
        weak = np.flatnonzero(is_sure & (data.counts[:, k] == 0))
        rows = np.concatenate([rows, weak])
        labels = np.concatenate([labels, seed[weak] >= _WEAK_POSITIVE])
        weights = np.concatenate([weights, np.full(len(weak), DOUBT)])
    return fit_linear(data.vectors[rows], labels, weights)


def _facts(data: _Data, topics: Sequence[str], vocabulary: Vocabulary, terms: str) -> Facts:
    positives = (data.labels & (data.counts == 1)).sum(axis=0)
    negatives = (~data.labels & (data.counts == 1)).sum(axis=0)
    return Facts(
        terms=terms,
        data=_fingerprint(data, vocabulary),
        articles=len(data.labels),
        positives=dict(zip(topics, positives.tolist(), strict=True)),
        negatives=dict(zip(topics, negatives.tolist(), strict=True)),
    )


def _version(facts: Facts) -> str:
    content = [facts.terms, facts.data, *facts.positives]
    return f"{ALGORITHM}:{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]}"


def _fingerprint(data: _Data, vocabulary: Vocabulary) -> str:
    """Name the examples: eight hexadecimal digits."""
    digest = hashlib.sha256("\n".join(vocabulary.keys).encode("utf-8", "surrogatepass"))
    vectors = data.vectors
    for array in (vectors.indptr, vectors.indices, vectors.data):
        digest.update(array.tobytes())
    for array in (data.seed, data.labels, data.counts):
        digest.update(array.tobytes())
    return digest.hexdigest()[:8]
