"""Turns the text of an article into topics and places, with the evidence for each."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from service.classify import decide
from service.classify.damage import damage_of
from service.classify.decide import Band, Thresholds
from service.classify.labels import (
    ArticleText,
    Classification,
    Evidence,
    FieldName,
    PlaceLabel,
    Signals,
    TopicLabel,
)
from service.classify.matcher import TermMatcher
from service.classify.places import PlaceFinder
from service.classify.sections import SectionMap
from service.classify.taxonomy import PlaceRules, Topic
from service.classify.terms import Term
from service.classify.text import Field
from service.classify.words import weigh

if TYPE_CHECKING:  # so that whoever only normalises Turkish does not load NumPy
    from service.classify.model import Model

ALGORITHM = "terms-2"  # raise the number whenever the same terms could give other labels

MAX_EVIDENCE = 50  # kept for one label: nobody reads more, and a book would fill the database


@dataclass(frozen=True)
class _Part:
    """One field of an article that is read, with the number of lead tokens left for it."""

    name: FieldName
    field: Field
    lead: int

    def weight_at(self, token_index: int) -> float:
        if self.name == "title":
            return decide.TITLE_WEIGHT
        return decide.LEAD_WEIGHT if token_index < self.lead else decide.REST_WEIGHT

    def evidence(self, term: str, start: int, end: int, weight: float) -> Evidence:
        text = self.field.original[start:end]
        return Evidence(term, self.name, start, end, text, weight)


class _Share(NamedTuple):
    """A term found at tokens ``first`` to ``last`` of a part, and its weight."""

    part: _Part
    term: Term
    first: int
    last: int
    weight: float

    def evidence(self) -> Evidence:
        tokens = self.part.field.tokens
        start, end = tokens[self.first].start, tokens[self.last].end
        return self.part.evidence(self.term.text, start, end, self.weight)


class Classifier:
    """Classifies articles by editors' terms, and by a model if one was trained.

    Immutable, and safe to share between threads.
    """

    def __init__(
        self,
        topics: Sequence[Topic],
        places: PlaceRules,
        thresholds: Thresholds | None = None,
        model: Model | None = None,
    ) -> None:
        """Compile the terms; raises ``TermSyntaxError`` for topics not read by ``parse_topics``."""
        self.thresholds = thresholds or Thresholds()
        self.own_thresholds = {
            t.slug: self.thresholds.with_own(t.publish, t.review) for t in topics
        }
        self.terms_version = f"{ALGORITHM}:{_fingerprint(topics, places)}"
        self.version = f"{self.terms_version} {model.version}" if model else self.terms_version
        self._model = model
        self._matcher = TermMatcher({topic.slug: topic.terms for topic in topics})
        self._finder = PlaceFinder(places)
        self._sections = SectionMap(topics)

    def classify(self, article: ArticleText) -> Classification:
        """Return topics and places with evidence, or the damage that forbids to classify."""
        damage = damage_of(article.title, article.summary, article.body)
        if damage is not None and not article.is_sound:
            return Classification((), (), damage, self.version)
        parts = _parts(article)
        topics = self._topics(parts, self._sections.find(article.sections))
        return Classification(topics, self._places(parts), None, self.version)

    def signals(self, article: ArticleText) -> Signals:
        """Return what a model is trained on; the model in use plays no part in it."""
        parts = _parts(article)
        return Signals(weigh(parts), _seeds(self._shares(parts)))

    def _topics(self, parts: Sequence[_Part], given: Mapping[str, str]) -> tuple[TopicLabel, ...]:
        """Score all topics; evidence is written out only for those that are kept."""
        shares = self._shares(parts)
        seeds = _seeds(shares)
        scores = self._model.probabilities(weigh(parts), seeds) if self._model else seeds
        labels = [
            TopicLabel(slug, 1.0, Band.PUBLISH, _given(section, shares.get(slug, [])), "source")
            for slug, section in given.items()
        ]
        for slug, score in scores.items():
            if slug in given or slug not in self.own_thresholds:
                continue
            thresholds = self.own_thresholds[slug]
            band = thresholds.band(score)
            if band is Band.DROP:
                continue
            evidence = _evidence(shares.get(slug, []))
            if thresholds.band(seeds.get(slug, 0.0)) is not band:
                evidence += self._words(parts, slug)
            labels.append(TopicLabel(slug, score, band, evidence))
        return tuple(sorted(labels, key=lambda label: (-label.score, label.slug)))

    def _words(self, parts: Sequence[_Part], slug: str) -> tuple[Evidence, ...]:
        """Return the words that made the model decide otherwise than the terms."""
        if self._model is None:
            return ()
        return tuple(
            replace(parts[c.part].evidence(c.word, c.start, c.end, c.weight), kind="word")
            for c in self._model.explain(parts, slug)
        )

    def _shares(self, parts: Sequence[_Part]) -> dict[str, list[_Share]]:
        """Find all terms; each place has its share of what the term gives to the topic."""
        token_count = sum(len(part.field.tokens) for part in parts)
        return {topic: _shares(hits, token_count) for topic, hits in self._hits(parts).items()}

    def _hits(self, parts: Sequence[_Part]) -> dict[str, dict[Term, list[_Share]]]:
        """Find all terms, by topic and term, each with the weight of its field."""
        found: dict[str, dict[Term, list[_Share]]] = defaultdict(lambda: defaultdict(list))
        for part in parts:
            for topic, term, first, last in self._matcher.find(part.field):
                share = _Share(part, term, first, last, part.weight_at(first))
                found[topic][term].append(share)
        return found

    def _places(self, parts: Sequence[_Part]) -> tuple[PlaceLabel, ...]:
        mentions = self._finder.find([part.field for part in parts])
        return tuple(
            PlaceLabel(
                slug,
                tuple(
                    parts[m.field].evidence(m.name, m.start, m.end, 1.0)
                    for m in found[:MAX_EVIDENCE]
                ),
            )
            for slug, found in sorted(mentions.items())
        )


def _shares(terms: dict[Term, list[_Share]], token_count: int) -> list[_Share]:
    """Divide the contribution of each term among its places, by the weight of their fields."""
    shares = []
    for term, hits in terms.items():
        total = sum(hit.weight for hit in hits)
        per_weight = decide.contribution(term.weight, total, token_count) / total
        shares += [hit._replace(weight=hit.weight * per_weight) for hit in hits]
    return shares


def _seeds(shares: Mapping[str, list[_Share]]) -> dict[str, float]:
    """Return what the terms alone say: the probability of each topic that has one."""
    return decide.probabilities({t: sum(s.weight for s in found) for t, found in shares.items()})


def _evidence(shares: list[_Share]) -> tuple[Evidence, ...]:
    strongest_first = sorted(shares, key=lambda share: -share.weight)
    return tuple(share.evidence() for share in strongest_first[:MAX_EVIDENCE])


def _given(section: str, shares: list[_Share]) -> tuple[Evidence, ...]:
    chosen = Evidence(section, "section", 0, len(section), section, 1.0)
    return (chosen, *_evidence(shares))


def _parts(article: ArticleText) -> list[_Part]:
    """Tokenise the fields; a summary that the body begins with is left to the body."""
    title, summary, body = (Field(t) for t in (article.title, article.summary, article.body))
    parts = [_Part("title", title, 0)]
    lead = decide.LEAD_TOKENS
    if not _begins_with(body, summary):
        parts.append(_Part("summary", summary, lead))
        lead = max(0, lead - len(summary.tokens))
    return [*parts, _Part("body", body, lead)]


def _begins_with(body: Field, summary: Field) -> bool:
    """Compare words, not characters: CMSs change quotes and spaces, and may cut the last word."""
    count = len(summary.tokens)
    if count == 0 or count > len(body.tokens):
        return count == 0
    *whole, (cut, full) = zip(summary.tokens, body.tokens[:count], strict=True)
    return full.shown.startswith(cut.shown) and all(a.shown == b.shown for a, b in whole)


def _fingerprint(topics: Sequence[Topic], places: PlaceRules) -> str:
    """Name the rules that made a label, for the record beside it: eight hexadecimal digits."""
    rules = sorted(
        (t.slug, sorted(t.terms), sorted(t.sections), [t.publish, t.review]) for t in topics
    )
    content = [rules, asdict(places)]
    canonical = json.dumps(content, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]
