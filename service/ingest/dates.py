"""A moment in whatever form a site writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from service.ingest.turkish_dates import turkish_date

LONGEST = 80  # characters of a date


def moment(text: str | None, zone: str) -> datetime | None:
    """ISO 8601, RFC 822 or Turkish; null for none of them. Without a zone it is in `zone`."""
    text = (text or "").strip()
    if not text or len(text) > LONGEST:
        return None
    found = _iso(text, zone) or _rfc_822(text) or turkish_date(text, zone)
    return found if found is not None and 1900 <= found.year <= 2200 else None


def iso(text: str | None, zone: str) -> str | None:
    """As `moment`, written as RFC 3339."""
    found = moment(text, zone)
    return found.isoformat() if found is not None else None


def _iso(text: str, zone: str) -> datetime | None:
    if not text[:4].isdigit():
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def _rfc_822(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)  # `-0000`: the zone is not told
