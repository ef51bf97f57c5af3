"""Counting what pages show: deliveries all the time, readers and bounces once a day."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from service.db import utcnow
from service.ledger import bounce_days
from service.ledger.tallying import count_due
from service.logs import get_logger
from service.runtime import Runtime
from service.subscriptions import reader_days

log = get_logger(__name__)


def count_tallies(runtime: Runtime) -> None:
    """Count the deliveries of what ended or is under way, for some seconds."""
    counted = count_due(runtime.db, ZoneInfo(runtime.settings.timezone), utcnow())
    log.debug("tallied", notifications=counted)


def count_readers(runtime: Runtime) -> None:
    """Count readers and bounces of the days that were not counted yet, today's readers too."""
    zone, now = ZoneInfo(runtime.settings.timezone), utcnow()
    bounced = bounce_days.count_missing(runtime.db, zone, now)
    counted = reader_days.count_missing(runtime.db, runtime.settings, now)
    log.info("counted", bounce_days=bounced, reader_days=counted)
