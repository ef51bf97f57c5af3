"""Turns the text of an article into topics and places, with the evidence for each."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from service.classify import decide
from service.classify.decide import Band, Thresholds
from service.classify.matcher import TermMatcher
from service.classify.places import PlaceFinder
from service.classify.taxonomy import PlaceRules, Topic
from service.classify.terms import Term
from service.classify.text import Field, encoding_damage

ALGORITHM = "terms-1"  # raise the number whenever the same terms could give other labels

FieldName = Literal["title", "summary", "body"]


@dataclass(frozen=True)
class ArticleText:
    """What is classified: plain text, no markup. The summary may be repeated in the body."""

    title: str
    summary: str
    body: str


@dataclass(frozen=True)
class Evidence:
    """A term found in a field: ``text`` is ``field[start:end]`` of the text as given.

    ``weight`` is its share of the raw score of the topic; for a place it is 1.
    """

    term: str
    field: FieldName
    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True)
class TopicLabel:
    """A topic with its probability (0 to 1); evidence comes strongest first."""

    slug: str
    score: float
    band: Band
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class PlaceLabel:
    """A place; evidence comes in reading order."""

    slug: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Classification:
    """The labels of one article.

    ``topics`` holds those of the publish and review bands, best first. No place means the whole
    city. ``damage`` says why a text was refused; it then has no labels and a person must look.
    """

    topics: tuple[TopicLabel, ...]
    places: tuple[PlaceLabel, ...]
    damage: str | None
    version: str


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


class Classifier:
    """Classifies articles by editors' terms. Immutable, and safe to share between threads."""

    def __init__(
        self, topics: Sequence[Topic], places: PlaceRules, thresholds: Thresholds | None = None
    ) -> None:
        """Compile the terms; raises ``TermSyntaxError`` for topics not read by ``parse_topics``."""
        self.thresholds = thresholds or Thresholds()
        self.version = f"{ALGORITHM}:{_fingerprint(topics, places)}"
        self._matcher = TermMatcher({topic.slug: topic.terms for topic in topics})
        self._finder = PlaceFinder(places)

    def classify(self, article: ArticleText) -> Classification:
        """Return topics and places with evidence, or the damage that forbids to classify."""
        damage = _damage(article)
        if damage is not None:
            return Classification((), (), damage, self.version)
        parts = _parts(article)
        return Classification(self._topics(parts), self._places(parts), None, self.version)

    def _topics(self, parts: Sequence[_Part]) -> tuple[TopicLabel, ...]:
        evidence = self._topic_evidence(parts)
        scores = {slug: sum(e.weight for e in found) for slug, found in evidence.items()}
        labels = [
            TopicLabel(slug, score, band, tuple(sorted(evidence[slug], key=lambda e: -e.weight)))
            for slug, score in decide.probabilities(scores).items()
            if (band := self.thresholds.band(score)) is not Band.DROP
        ]
        return tuple(sorted(labels, key=lambda label: (-label.score, label.slug)))

    def _topic_evidence(self, parts: Sequence[_Part]) -> dict[str, list[Evidence]]:
        """Find all terms; each shares the contribution of its term by the weight of its field."""
        found: dict[tuple[str, Term], list[tuple[_Part, int, int, float]]] = defaultdict(list)
        for part in parts:
            tokens = part.field.tokens
            for hit in self._matcher.find(part.field):
                span = tokens[hit.first].start, tokens[hit.last].end
                found[hit.topic, hit.term].append((part, *span, part.weight_at(hit.first)))
        token_count = sum(len(part.field.tokens) for part in parts)
        evidence: dict[str, list[Evidence]] = defaultdict(list)
        for (topic, term), hits in found.items():
            total = sum(weight for *_, weight in hits)
            per_weight = decide.contribution(term.weight, total, token_count) / total
            evidence[topic] += [
                part.evidence(term.text, start, end, weight * per_weight)
                for part, start, end, weight in hits
            ]
        return evidence

    def _places(self, parts: Sequence[_Part]) -> tuple[PlaceLabel, ...]:
        mentions = self._finder.find([part.field for part in parts])
        return tuple(
            PlaceLabel(
                slug,
                tuple(parts[m.field].evidence(m.name, m.start, m.end, 1.0) for m in found),
            )
            for slug, found in sorted(mentions.items())
        )


def _damage(article: ArticleText) -> str | None:
    """Look at each text alone, so that a long sound body cannot hide a broken title, and at all."""
    texts = [article.title, article.summary, article.body]
    for text in (*texts, "\n".join(texts)):
        damage = encoding_damage(text)
        if damage.refuse:
            return damage.reason
    return None


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
    """Compare words, not characters: CMSs change quotes, spaces and the ellipsis at the end."""
    count = len(summary.tokens)
    return count <= len(body.tokens) and all(
        a.shown == b.shown for a, b in zip(summary.tokens, body.tokens[:count], strict=True)
    )


def _fingerprint(topics: Sequence[Topic], places: PlaceRules) -> str:
    """Name the rules that made a label, for the record beside it: eight hexadecimal digits."""
    content = [sorted([topic.slug, *sorted(topic.terms)] for topic in topics), asdict(places)]
    canonical = json.dumps(content, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]
