"""The feeds that carry what somebody chose: their addresses, and a picture of each for phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import segno

from service.citizen.draft import ALL
from service.models import Topic

QUIET_ZONE = 4  # modules of white around the code (ISO/IEC 18004, section 9.1)


@dataclass(frozen=True)
class Feed:
    """`topic` is None for all news. `is_city_wide`: districts were chosen, and it has them all."""

    topic: Topic | None
    url: str
    is_city_wide: bool

    @property
    def code(self) -> Code:
        return code_of(self.url)


@dataclass(frozen=True)
class Code:
    """A QR code as the path of an SVG of `size` units a side."""

    size: int
    path: str


def feeds_of(
    public_url: str, topics: Sequence[Topic] | None, places: tuple[str, ...]
) -> list[Feed]:
    """The feeds of these topics (None: of all) in these districts, slugs of them or `ALL`.

    Topics have a feed each; none knows districts. Whoever adds feeds that do changes this function
    alone.
    """
    is_city_wide = places != (ALL,)
    if topics is None:
        return [Feed(None, f"{public_url}/feeds/all.rss", is_city_wide)]
    return [Feed(topic, f"{public_url}/feeds/{topic.slug}.rss", is_city_wide) for topic in topics]


def code_of(text: str) -> Code:
    """The QR code of an address: one stroke for each run of dark modules of a row, in few bytes."""
    code = segno.make_qr(text, error="m")
    parts = []
    for y, row in enumerate(code.matrix):
        move, gap = f"M{QUIET_ZONE} {y + QUIET_ZONE}.5", 0
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                parts.append(f"{move}{f'm{gap} 0' if gap else ''}h{length}")
                move, gap = "", 0
            else:
                gap = length
    return Code(len(code.matrix) + 2 * QUIET_ZONE, "".join(parts))
