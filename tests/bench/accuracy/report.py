"""The table on the terminal, the JSON line, and docs/accuracy.md with its plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.bench.accuracy.curve import Curve, Point
from tests.bench.accuracy.data import ROOT
from tests.bench.accuracy.growth import LENGTHS, MB, Growth
from tests.bench.accuracy.growth_plot import draw as draw_growth
from tests.bench.accuracy.plot import draw
from tests.bench.accuracy.row import Row

KEYS = (
    "newscat_seeds_f1", "newscat_trained_f1", "ttc_seeds_f1", "ttc_trained_f1", "ece",
    "precision_published", "dev2_micro_f1", "dev2_precision", "dev2_districts_precision",
    "dev2_districts_recall", "cost_vs_tokenise", "refit_s", "batch_per_s",
)  # fmt: skip
_HEAD = ("check", "guide measured", "required", "ours (95 %)", "")
_TRIED = Path(__file__).with_name("tried.md")


def table(rows: Sequence[Row]) -> str:
    """Return the table, columns aligned."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def json_line(rows: Sequence[Row]) -> str:
    """Return the numbers by name; null where the data were not there."""
    values = {row.key: row.value for row in rows if row.key}
    found = {key: values.get(key) for key in KEYS}
    return json.dumps({k: None if v is None else round(v, 4) for k, v in found.items()})


def write(
    rows: Sequence[Row], curves: Sequence[Curve], grown: Sequence[Growth], articles: str
) -> None:
    """Write docs/accuracy.md, docs/accuracy-curve.svg and docs/accuracy-growth.svg."""
    (ROOT / "docs/accuracy-curve.svg").write_text(draw(curves), "utf-8")
    (ROOT / "docs/accuracy-growth.svg").write_text(draw_growth(grown), "utf-8")
    text = _PAGE.format(
        table=_markdown(_HEAD, [_cells(row) for row in rows]),
        curves="\n\n".join(map(_curve, curves)),
        growth=_growth(grown),
        tried=_TRIED.read_text("utf-8").strip(),
        articles=articles.strip(),
    )
    (ROOT / "docs/accuracy.md").write_text(text, "utf-8")


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    verdict = {True: "ok", False: "MISSED", None: ""}[row.passes]
    return row.name, row.measured, row.required, row.ours, verdict


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = "|" + "---|" * len(head)
    return "\n".join(["|" + "|".join(head) + "|", rule, *("|" + "|".join(c) + "|" for c in lines)])


def _curve(curve: Curve) -> str:
    head = ("labels a class", "terms alone", "text model alone", "both", "both, with archive")
    return f"{curve.name}, {curve.measure}:\n\n{_markdown(head, list(map(_point, curve.points)))}"


def _growth(grown: Sequence[Growth]) -> str:
    head = ("kind", *(f"{length / MB:.2g} M" for length in LENGTHS), "exponent")
    lines = [(g.kind, *(f"{s:.3f} s" for s in g.seconds), f"{g.exponent:.2f}") for g in grown]
    return _markdown(head, lines)


def _point(point: Point) -> tuple[str, ...]:
    values = (point.terms, point.text, point.both, point.archive)
    return str(point.labels), *("" if v is None else f"{100 * v:.1f}" for v in values)


_PAGE = """\
# How good the classification is

Written by `make bench-classify`; do not edit. Numbers in brackets are 95 % bootstrap intervals: two
numbers whose intervals overlap much may be equal. *Guide measured* is what prototypes reached.

{table}

The municipal sets are small and partly by the hand that wrote the terms. Expect 0.75–0.9 on your
own news until some hundred decisions of your staff have been learned.

## What decisions are worth

Below five labels a class no text model is trained; that column then shows nothing but a guess.

![Learning curves: F1 by number of labels, for terms, text model and both](accuracy-curve.svg)

{curves}

## Texts that nobody writes in earnest

Seconds to classify a text by its length in characters; an exponent of 1 is linear, 2 quadratic.

![Time by length of the text, both axes logarithmic](accuracy-growth.svg)

{growth}

## What was tried

Ideas on terms and places are in [accuracy-ideas.md](accuracy-ideas.md); those on learning follow.

{tried}

## Three articles and why

{articles}
"""
