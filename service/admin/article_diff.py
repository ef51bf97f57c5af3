"""What changed between two texts of an article, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Revision

MOST_WORDS = 6_000  # of both texts together; longer ones are compared sentence by sentence
_WORDS = re.compile(r"\s+|[^\s]+")
_SENTENCES = re.compile(r"[^.!?\n]*[.!?\n]+\s*|[^.!?\n]+$")


@dataclass(frozen=True)
class Part:
    """A run of text that was kept (`=`), taken away (`-`) or added (`+`)."""

    mark: str
    text: str


def difference(before: str, after: str) -> list[Part]:
    """The parts of both texts in order; the kept and the added ones are the later text."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        old, new = _SENTENCES.findall(before), _SENTENCES.findall(after)
    parts: list[Part] = []
    for mark, low, high, from_, to in SequenceMatcher(None, old, new).get_opcodes():
        if mark == "equal":
            parts.append(Part("=", "".join(old[low:high])))
            continue
        parts += [Part("-", "".join(old[low:high])), Part("+", "".join(new[from_:to]))]
    return [part for part in parts if part.text]


def before(session: Session, revision: Revision) -> Revision | None:
    """The text that came before this one; null for the first."""
    return session.scalar(
        select(Revision)
        .where(Revision.article_id == revision.article_id, Revision.id < revision.id)
        .order_by(Revision.id.desc())
        .limit(1)
    )
