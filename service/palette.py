"""All colours of pages and letters, made from the two that a city chooses.

Greys take a breath of the brand's hue. Lightness alone decides the contrast, so what is derived
here holds for every hue; what the city chose itself is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.colours import contrast, parse, shade

TEXT = 4.5  # WCAG 2.2, 1.4.3
EDGE = 3.0  # 1.4.11: borders of fields
_STEP = 0.004  # of lightness, in search of a shade that can be read


@dataclass(frozen=True)
class Scheme:
    """The colours of one scheme, light or dark, by what they are for.

    `…_soft` is a ground of that colour. `head` is the band on top, `mark` the city's second colour.
    """

    ink: str
    ink_soft: str
    ground: str
    surface: str
    line: str
    line_strong: str
    accent: str
    accent_strong: str
    accent_soft: str
    on_accent: str
    head: str
    on_head: str
    mark: str
    good: str
    good_soft: str
    warn: str
    warn_soft: str
    bad: str
    bad_soft: str


@dataclass(frozen=True)
class Pair:
    """A text (or an edge) on its ground, and the contrast that it must have."""

    scheme: str
    text: str
    ground: str
    ratio: float
    needed: float

    @property
    def is_enough(self) -> bool:
        return self.ratio >= self.needed


@dataclass(frozen=True)
class Palette:
    light: Scheme
    dark: Scheme

    def pairs(self) -> Iterator[Pair]:
        """Every pair that pages and letters use, with its contrast."""
        for name, scheme in (("light", self.light), ("dark", self.dark)):
            for text, grounds, needed in _USED:
                for ground in grounds:
                    ratio = contrast(getattr(scheme, text), getattr(scheme, ground))
                    yield Pair(name, text, ground, ratio, needed)


_USED = (
    ("ink", ("ground", "surface", "accent_soft", "good_soft", "warn_soft", "bad_soft"), TEXT),
    ("ink_soft", ("ground", "surface", "accent_soft", "warn_soft"), TEXT),
    ("accent", ("ground", "surface", "accent_soft", "good_soft", "warn_soft"), TEXT),
    ("accent_strong", ("ground", "surface", "accent_soft", "good_soft", "warn_soft"), TEXT),
    ("mark", ("ground", "surface", "accent_soft"), TEXT),
    ("on_accent", ("accent", "accent_strong"), TEXT),
    ("on_head", ("head",), TEXT),
    ("good", ("surface", "good_soft"), TEXT),
    ("warn", ("surface", "warn_soft"), TEXT),
    ("bad", ("surface", "ground", "bad_soft"), TEXT),
    ("line_strong", ("ground", "surface"), EDGE),
)


def palette(brand: str, accent: str) -> Palette:
    """The colours of a city: `brand` for links, buttons and the band on top, `accent` for marks."""
    hue, second = parse(brand), parse(accent)
    light = Scheme(
        ink=shade(hue, 0.235, 0.028),
        ink_soft=shade(hue, 0.43, 0.028),
        ground=shade(hue, 0.972, 0.006),
        surface="#ffffff",
        line=shade(hue, 0.87, 0.014),
        line_strong=shade(hue, 0.56, 0.026),
        accent=brand.lower(),
        accent_strong=shade(hue, max(hue.lightness - 0.1, 0.12), hue.chroma),
        accent_soft=shade(hue, 0.95, 0.02),
        on_accent="#ffffff",
        head=brand.lower(),
        on_head="#ffffff",
        mark=accent.lower(),
        **{"good": "#14613a", "good_soft": "#e4f3ea", "warn": "#7a4a00", "warn_soft": "#fdf1dc"},
        **{"bad": "#a8201a", "bad_soft": "#fbe9e8"},
    )
    dark = Scheme(
        ink=shade(hue, 0.935, 0.01),
        ink_soft=shade(hue, 0.79, 0.022),
        ground=shade(hue, 0.195, 0.018),
        surface=shade(hue, 0.238, 0.02),
        line=shade(hue, 0.37, 0.026),
        line_strong=shade(hue, 0.66, 0.026),
        accent=shade(hue, 0.8, 0.1),
        accent_strong=shade(hue, 0.88, 0.07),
        accent_soft=shade(hue, 0.3, 0.042),
        on_accent=shade(hue, 0.22, 0.04),
        head=shade(hue, 0.3, 0.05),
        on_head=shade(hue, 0.935, 0.01),
        mark=shade(second, 0.8, 0.12),
        **{"good": "#86d6a5", "good_soft": "#143325", "warn": "#f2c27a", "warn_soft": "#38290f"},
        **{"bad": "#ff9d96", "bad_soft": "#3d1b1a"},
    )
    return Palette(light, dark)


def refusal(role: str, brand: str, accent: str) -> str:
    """What is wrong with a colour that a city chose for a role (`brand` or `accent`), and which
    shade of it would do; empty where all can be read."""
    colour = {"brand": brand, "accent": accent}[role]
    if not (worst := _worst(role, brand, accent)):
        return ""
    own = parse(colour)
    lightness, better = own.lightness, colour
    while lightness > 0 and _worst(
        role, *((better, accent) if role == "brand" else (brand, better))
    ):
        lightness -= _STEP
        better = shade(own, lightness, own.chroma)
    return (
        f"{colour} has a contrast of {worst.ratio:.2f}:1 where {worst.text} stands on "
        f"{worst.ground}, and {worst.needed}:1 is needed; {better} would do"
    )


def _worst(role: str, brand: str, accent: str) -> Pair | None:
    """The pair with the least contrast, among those that this choice decides."""
    found = [
        pair
        for pair in palette(brand, accent).pairs()
        if not pair.is_enough and (pair.text == "mark") == (role == "accent")
    ]
    return min(found, key=lambda pair: pair.ratio, default=None)
