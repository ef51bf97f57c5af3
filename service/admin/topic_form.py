"""The form of a topic: what was typed, as the classifier takes it."""

from __future__ import annotations

from collections.abc import Mapping

from service.classify import Topic as TopicTerms

MAX_TYPED = 200_000  # characters of one field


def topic_of(form: Mapping[str, str], slug: str) -> TopicTerms:
    """The topic as it was typed, mistakes and all: a threshold that is no number is -1."""
    return TopicTerms(
        slug=slug,
        name_tr=_line(form, "name_tr"),
        name_en=_line(form, "name_en"),
        description_tr=_line(form, "description_tr"),
        description_en=_line(form, "description_en"),
        terms=lines_of(form.get("terms", "")),
        sections=lines_of(form.get("sections", "")),
        publish=_share(form.get("publish", "")),
        review=_share(form.get("review", "")),
    )


def lines_of(text: str) -> tuple[str, ...]:
    """One entry a line; empty lines say nothing."""
    lines = (" ".join(line.split()) for line in text[:MAX_TYPED].splitlines())
    return tuple(line for line in lines if line)


def _line(form: Mapping[str, str], name: str) -> str:
    return " ".join(form.get(name, "")[:MAX_TYPED].split())


def _share(text: str) -> float | None:
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text[:20]) if text.isascii() else -1.0
    except ValueError:
        return -1.0
