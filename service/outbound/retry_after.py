"""`Retry-After`: how long the other side wants to be left alone (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from service.db import utcnow

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
LONGEST = 60  # characters
MOST_S = 366 * 24 * 3600.0  # what is longer is for ever, and any number of digits is longer


def seconds_asked(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds of a header: a number (Discord says thousandths too), or a date in the future.

    None: there is no such header, or it says nothing that could be honoured.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MOST_S)
    if not text or len(text) > LONGEST:
        return None
    try:
        left = parsedate_to_datetime(text) - (now or utcnow())
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
    return min(left.total_seconds(), MOST_S) if left.total_seconds() > 0 else None
