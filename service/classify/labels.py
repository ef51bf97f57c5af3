"""What is classified, and what comes out: the words of the classifier, all of them immutable."""

from dataclasses import dataclass
from typing import Literal

from service.classify.decide import Band

FieldName = Literal["title", "summary", "body", "section"]
Origin = Literal["classifier", "source"]


@dataclass(frozen=True)
class ArticleText:
    """What is classified: plain text, no markup. The summary may be repeated in the body.

    ``sections`` are those of the CMS; a topic that lists one of them is the article's.
    ``is_sound``: a person said that the text is not damaged, whatever it looks like.
    """

    title: str
    summary: str
    body: str
    sections: tuple[str, ...] = ()
    is_sound: bool = False


@dataclass(frozen=True)
class Evidence:
    """A term found in a field: ``text`` is ``field[start:end]`` of the text as given.

    ``weight`` is its share of the raw score of the topic; for a place or a section it is 1, and the
    text of a section is all of it; for a ``word``, which the model learned from decisions of the
    staff, it is what it adds to the log-odds.
    """

    term: str
    field: FieldName
    start: int
    end: int
    text: str
    weight: float
    kind: Literal["term", "word"] = "term"


@dataclass(frozen=True)
class Signals:
    """What training needs of an article: its words, and the probabilities that terms give it."""

    words: dict[str, float]
    seeds: dict[str, float]


@dataclass(frozen=True)
class TopicLabel:
    """A topic with its probability (0 to 1); evidence comes strongest first.

    A topic from the source is sure (score 1, publish), its first evidence is the section.
    """

    slug: str
    score: float
    band: Band
    evidence: tuple[Evidence, ...]
    origin: Origin = "classifier"


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
