"""The colours of letters: those of the site's theme, in light and in dark.

Every text has a contrast of 4.5:1 or more on its ground. Letters need them as values, because mail
programs know no variables of CSS.
"""

from __future__ import annotations

from dataclasses import dataclass


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
class Brand:
    light: Colours
    dark: Colours


BRAND = Brand(
    light=Colours(
        ink="#14212b",
        soft="#465763",
        paper="#ffffff",
        ground="#eef2f5",
        line="#c6d0d8",
        accent="#0b5675",
        on_accent="#ffffff",
        head="#0b5675",
        on_head="#ffffff",
        notice="#fdf1dc",
        notice_line="#7a4a00",
    ),
    dark=Colours(
        ink="#e8eef2",
        soft="#b0bfca",
        paper="#18232b",
        ground="#0f171d",
        line="#34444f",
        accent="#7cc7e4",
        on_accent="#06202c",
        head="#16323f",
        on_head="#e8eef2",
        notice="#38290f",
        notice_line="#f2c27a",
    ),
)
