"""Whether a topic can be used: every mistake of its fields at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from service.classify import Topic as TopicTerms
from service.classify.taxonomy import RESERVED, section_key
from service.classify.terms import TermSyntaxError, parse_term
from service.ledger.refused import N_, Refused

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG, MAX_NAME, MAX_TEXT, MAX_TERM = 64, 100, 500, 100
MAX_TERMS, MAX_SECTIONS = 2_000, 100

Mistakes = dict[str, tuple[str, dict[str, Any]]]


class Mistaken(Refused):
    """A topic or district has mistakes; each is named with its field."""

    def __init__(self, mistakes: Mistakes) -> None:
        text, values = next(iter(mistakes.values()))
        super().__init__(text, **values)
        self.mistakes = mistakes


def mistakes_of(topic: TopicTerms, taken: Iterable[str] = ()) -> Mistakes:
    """What is wrong, by field: an English sentence and its values. `taken`: slugs of others."""
    found: Mistakes = {}
    if not SLUG.fullmatch(topic.slug) or len(topic.slug) > MAX_SLUG:
        text = N_("Write a short name of a-z, 0-9 and hyphens; it never changes")
        found["slug"] = (text, {})
    elif topic.slug in RESERVED or topic.slug in taken:
        found["slug"] = (N_("This short name is taken"), {})
    for name in ("name_tr", "name_en"):
        if not 0 < len(getattr(topic, name)) <= MAX_NAME:
            text = N_("Write a name of %(most)s characters at most")
            found[name] = (text, {"most": MAX_NAME})
    for name in ("description_tr", "description_en"):
        if len(getattr(topic, name)) > MAX_TEXT:
            text = N_("Write %(most)s characters at most")
            found[name] = (text, {"most": MAX_TEXT})
    _check_terms(topic, found)
    _check_sections(topic, found)
    _check_thresholds(topic, found)
    return found


def _check_terms(topic: TopicTerms, found: Mistakes) -> None:
    if not topic.terms:
        found["terms"] = (N_("Write at least one term"), {})
    if len(topic.terms) > MAX_TERMS:
        found["terms"] = (N_("At most %(most)s lines"), {"most": MAX_TERMS})
        return
    seen: dict[object, int] = {}
    for line, spec in enumerate(topic.terms, 1):
        try:
            term = parse_term(spec[: MAX_TERM + 1])
            if len(spec) > MAX_TERM:
                raise TermSyntaxError(f"longer than {MAX_TERM} characters")
        except TermSyntaxError as error:
            found["terms"] = (N_("Line %(line)s: %(why)s"), {"line": line, "why": str(error)})
            return
        if term.identity in seen:
            text = N_("Line %(line)s: listed already in line %(other)s")
            found["terms"] = (text, {"line": line, "other": seen[term.identity]})
            return
        seen[term.identity] = line


def _check_sections(topic: TopicTerms, found: Mistakes) -> None:
    keys = [section_key(section) for section in topic.sections]
    if len(keys) > MAX_SECTIONS:
        found["sections"] = (N_("At most %(most)s lines"), {"most": MAX_SECTIONS})
    elif len(set(keys)) < len(keys) or not all(keys):
        found["sections"] = (N_("Write each section once, with letters in it"), {})


def _check_thresholds(topic: TopicTerms, found: Mistakes) -> None:
    for name in ("publish", "review"):
        value = getattr(topic, name)
        if value is not None and not 0 <= value <= 1:
            found[name] = (N_("Write a number from 0 to 1, or nothing"), {})
    if not found.keys() & {"publish", "review"} and None not in (topic.publish, topic.review):
        assert topic.publish is not None
        assert topic.review is not None
        if topic.review > topic.publish:
            found["review"] = (N_("This must not be above the threshold for publishing"), {})
