"""Arithmetic of colours: contrast as WCAG 2.2 counts it, and shades in OKLCH, where one lightness
looks equally light in every hue."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_STEPS = 24  # halvings of the chroma until a shade fits a screen


@dataclass(frozen=True)
class Oklch:
    """Lightness (0 to 1), chroma (0 to about 0.4) and hue (radians)."""

    lightness: float
    chroma: float
    hue: float


def is_colour(text: str) -> bool:
    """True for `#rrggbb`."""
    return _HEX.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def parse(colour: str) -> Oklch:
    """`#rrggbb` in OKLCH."""
    red, green, blue = (_linear(part) for part in _channels(colour))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    return Oklch(lightness, math.hypot(a, b), math.atan2(b, a))


def shade(hue_of: Oklch, lightness: float, chroma: float) -> str:
    """`#rrggbb` of this hue; the chroma is lessened until a screen can show it, and is never more
    than the colour's own."""
    low, high = 0.0, min(chroma, hue_of.chroma)
    if (found := _hex(lightness, high, hue_of.hue)) is not None:
        return found
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _hex(lightness, middle, hue_of.hue) is None:
            high = middle
        else:
            low = middle
    return _hex(lightness, low, hue_of.hue) or ("#ffffff" if lightness > 0.5 else "#000000")


def _hex(lightness: float, chroma: float, hue: float) -> str | None:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    if any(not -1e-4 <= channel <= 1 + 1e-4 for channel in channels):
        return None
    return "#" + "".join(f"{round(255 * _encoded(channel)):02x}" for channel in channels)


def _channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _encoded(channel: float) -> float:
    channel = min(max(channel, 0.0), 1.0)
    return 12.92 * channel if channel <= 0.0031308 else float(1.055 * channel ** (1 / 2.4) - 0.055)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part) for part in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
