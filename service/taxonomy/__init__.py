"""Topics and districts: what the classifier knows of them, and how staff change them."""

from service.taxonomy.topics import (
    TopicChanges,
    apply,
    changes_by,
    load_into,
    places_of,
    stored_topics,
    terms_of,
    topics_of,
)

__all__ = [
    "TopicChanges",
    "apply",
    "changes_by",
    "load_into",
    "places_of",
    "stored_topics",
    "terms_of",
    "topics_of",
]
