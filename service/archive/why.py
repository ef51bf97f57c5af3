"""Why an article has its topics and districts: the words that were found, where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify.text import match_key
from service.models import LabelState, Place, PlaceLabel, Revision, Topic, TopicLabel

MAX_WORDS = 8  # of one topic
AROUND = 70  # characters of the text on each side of a word that is shown in it


@dataclass(frozen=True)
class Quote:
    """A piece of the text with the word that was found in it."""

    before: str
    word: str
    after: str


@dataclass(frozen=True)
class Reason:
    """Why one topic or place was given; `origin` says by whom."""

    about: Topic | Place
    origin: str
    words: tuple[str, ...]
    quote: Quote | None


def topic_reasons(session: Session, revision: Revision) -> list[Reason]:
    """The published topics of a revision, surest first."""
    found = session.execute(
        select(TopicLabel, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision.id, TopicLabel.state == LabelState.PUBLISHED)
        .order_by(TopicLabel.score.desc(), Topic.position)
    )
    return [_reason(topic, label.origin, label.evidence, revision) for label, topic in found]


def place_reasons(session: Session, revision: Revision) -> list[Reason]:
    """The places of a revision, in Turkish order."""
    found = session.execute(
        select(PlaceLabel, Place)
        .join(Place, Place.id == PlaceLabel.place_id)
        .where(PlaceLabel.revision_id == revision.id)
        .order_by(Place.position)
    )
    return [_reason(place, label.origin, label.evidence, revision) for label, place in found]


def _reason(
    about: Topic | Place, origin: str, evidence: list[dict[str, Any]], revision: Revision
) -> Reason:
    words: dict[str, str] = {}
    for item in evidence:
        if text := str(item.get("text", "")):
            words.setdefault(match_key(text), text)
    texts = {"title": revision.title, "summary": revision.summary, "body": revision.body_text}
    quotes = (_quote(item, texts) for item in evidence if item.get("field") != "title")
    return Reason(
        about=about,
        origin=origin,
        words=tuple(words.values())[:MAX_WORDS],
        quote=next((quote for quote in quotes if quote), None),
    )


def _quote(item: dict[str, Any], texts: Mapping[str, str]) -> Quote | None:
    """None where the text does not hold the word there: it was found in an older one."""
    text, word = texts.get(str(item.get("field")), ""), str(item.get("text", ""))
    start, end = int(item.get("start", -1)), int(item.get("end", -1))
    if start < 0 or not word or text[start:end] != word:
        return None
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    if start > AROUND:
        before = "…" + before.partition(" ")[2]
    if end + AROUND < len(text):
        after = after.rpartition(" ")[0] + "…"
    return Quote(_on_one_line(before), word, _on_one_line(after))


def _on_one_line(text: str) -> str:
    return "".join(" " if char.isspace() else char for char in text)
