"""Turkish text → topics and places, with evidence. Pure: no database, no network, no files.

``Classifier(parse_topics(...), parse_places(...)).classify(ArticleText(...))`` is the whole of it;
``service.classify.text`` is the one place of Turkish normalisation for all other packages.
"""

from service.classify.decide import Band, Thresholds
from service.classify.engine import Classifier
from service.classify.labels import (
    ArticleText,
    Classification,
    Evidence,
    PlaceLabel,
    TopicLabel,
)
from service.classify.taxonomy import (
    Homonym,
    Place,
    PlaceRules,
    TaxonomyError,
    Topic,
    parse_places,
    parse_topics,
)
from service.classify.terms import TermSyntaxError
from service.classify.writing import write_topics

__all__ = [
    "ArticleText",
    "Band",
    "Classification",
    "Classifier",
    "Evidence",
    "Homonym",
    "Place",
    "PlaceLabel",
    "PlaceRules",
    "TaxonomyError",
    "TermSyntaxError",
    "Thresholds",
    "Topic",
    "TopicLabel",
    "parse_places",
    "parse_topics",
    "write_topics",
]
