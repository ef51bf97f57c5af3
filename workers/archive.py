"""Closing the months of the feeds' archives that are over."""

from __future__ import annotations

import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from service.db import utcnow
from service.ledger.closing import close_due
from service.logs import get_logger
from service.runtime import Runtime

log = get_logger(__name__)

MOST_S = 300.0  # of one run; the next one goes on from there


def close_months(runtime: Runtime) -> None:
    """Close what is due, the oldest month first, for as long as a task may run; a city with ten
    years of articles is done after some runs."""
    settings = runtime.settings
    until, grace = time.monotonic() + MOST_S, timedelta(days=settings.feed_close_days)
    for month in close_due(runtime.db, ZoneInfo(settings.timezone), grace, utcnow()):
        log.info("month of the feeds closed", month=str(month))
        if time.monotonic() > until:
            log.warning("closing months goes on within the hour")
            return
