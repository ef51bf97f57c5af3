"""Evidence made visible: the text of a revision, cut where terms were found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Piece:
    """A run of text; `names` says which topics or places it spoke for, if any."""

    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """One term found, and the topic or place that it speaks for."""

    name: str
    field: str
    start: int
    end: int
    text: str

    @classmethod
    def from_json(cls, name: str, item: dict[str, Any]) -> Found:
        return cls(
            name=name,
            field=str(item.get("field", "")),
            start=int(item.get("start", -1)),
            end=int(item.get("end", -1)),
            text=str(item.get("text", "")),
        )


def pieces(text: str, field: str, found: Iterable[Found]) -> list[Piece]:
    """Cut a text at the evidence of one field; overlapping finds become one piece.

    A find whose span does not hold its text (an older revision's, say) marks nothing.
    """
    spans: list[tuple[int, int, tuple[str, ...]]] = []
    fitting = (f for f in found if f.field == field and f.text and text[f.start : f.end] == f.text)
    for item in sorted(fitting, key=lambda f: (f.start, f.end)):
        if spans and item.start < spans[-1][1]:
            start, end, names = spans.pop()
            if item.name not in names:
                names = (*names, item.name)
            spans.append((start, max(end, item.end), names))
        else:
            spans.append((item.start, item.end, (item.name,)))
    cut: list[Piece] = []
    position = 0
    for start, end, names in spans:
        cut += [Piece(text[position:start]), Piece(text[start:end], names)]
        position = end
    cut.append(Piece(text[position:]))
    return [piece for piece in cut if piece.text]


def summarise(items: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    """Each term once, strongest first as given, with the number of its finds."""
    counts: dict[str, int] = {}
    for item in items:
        term = str(item.get("term") or item.get("text") or "")
        counts[term] = counts.get(term, 0) + 1
    return [(term, count) for term, count in counts.items() if term]
