"""Dates as Turkish sites write them: `6 Haziran 2025 Cuma`, `06.06.2025`, `6 Haz 2025 14:30`.

A table of our own: the locale of a machine knows Turkish or does not, and no locale copes with
`HAZIRAN`.
"""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from service.classify.text import match_key

MAX_LENGTH = 200  # of a text in which a date is looked for
_NAMES = (
    *("ocak", "subat", "mart", "nisan", "mayis", "haziran", "temmuz", "agustos", "eylul"),
    *("ekim", "kasim", "aralik"),
)
MONTHS = {key: i for i, name in enumerate(_NAMES, 1) for key in (name, name[:3])}
_TIME = r"(?:[ ,.|-]{1,4}(?:[a-z]{3,9}[ ,.|-]{1,3})?(?:saat:? ?)?(\d{1,2})[:.](\d{2})(?!\d|\.\d))?"
_NAMED = re.compile(rf"(?<!\d)(\d{{1,2}})\.? ?({'|'.join(MONTHS)})\.?,? ?(\d{{4}})(?!\d){_TIME}")
_NUMBERS = re.compile(rf"(?<![\d.])(\d{{1,2}})[./-](\d{{1,2}})[./-](\d{{4}})(?!\d){_TIME}")


def turkish_date(text: str, zone: str) -> datetime | None:
    """The first date in a short text, at midnight where no time follows, in this zone.

    Capitals may be Turkish, English or none (`HAZİRAN`, `HAZIRAN`); a weekday may stand on either
    side.
    """
    key = " ".join(match_key(text[:MAX_LENGTH]).replace("–", "-").split())
    if found := _NAMED.search(key):
        day, month, year = int(found[1]), MONTHS[found[2]], int(found[3])
    elif found := _NUMBERS.search(key):
        day, month, year = int(found[1]), int(found[2]), int(found[3])
    else:
        return None
    if not 1900 <= year <= 2200:
        return None
    hour, minute = (int(found[4]), int(found[5])) if found[4] else (0, 0)
    if hour > 23 or minute > 59:  # a number that is no time
        hour = minute = 0
    try:
        return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))
    except ValueError:  # the 31st of June
        return None
