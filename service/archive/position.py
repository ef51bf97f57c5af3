"""Where an article stands in time: one number that orders all lists, and is a page's cursor."""

from __future__ import annotations

from datetime import UTC, datetime

_ID_BITS = 24  # two articles of one second share them only if 16 million others came between
FIRST, LAST = -(2**63), 2**63 - 1


def position(at: datetime, article_id: int) -> int:
    """The place of an article that was published at this moment: later is higher."""
    return start_of(at) | (article_id & ((1 << _ID_BITS) - 1))


def start_of(at: datetime) -> int:
    """The lowest place of this second."""
    return int(at.timestamp()) << _ID_BITS


def moment_of(place: int) -> datetime:
    """When what stands there was published, to the second."""
    return datetime.fromtimestamp(place >> _ID_BITS, UTC)
