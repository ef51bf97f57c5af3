"""The colours of letters: those of the site's pages, in light and in dark.

Letters need them as values, because mail programs know no variables of CSS.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.palette import Palette, Scheme


@dataclass(frozen=True)
class Colours:
    """One scheme: `ink` on `paper`, `soft` ink for the small print, both on `ground` too."""

    ink: str
    soft: str
    paper: str
    ground: str
    line: str
    accent: str
    on_accent: str
    head: str
    on_head: str
    notice: str
    notice_line: str


@dataclass(frozen=True)
class LetterColours:
    light: Colours
    dark: Colours


def letter_colours(palette: Palette) -> LetterColours:
    """The letters' colours of a city."""
    return LetterColours(_colours(palette.light), _colours(palette.dark))


def _colours(scheme: Scheme) -> Colours:
    return Colours(
        ink=scheme.ink,
        soft=scheme.ink_soft,
        paper=scheme.surface,
        ground=scheme.ground,
        line=scheme.line,
        accent=scheme.accent,
        on_accent=scheme.on_accent,
        head=scheme.head,
        on_head=scheme.on_head,
        notice=scheme.warn_soft,
        notice_line=scheme.warn,
    )
