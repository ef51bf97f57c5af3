"""Planning in small ranges, so that a few readers are several of them."""

from __future__ import annotations

import pytest

from service.ledger import plan


def in_ranges_of(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan at most so many subscriptions at a time."""
    monkeypatch.setattr(plan, "RANGE_SIZE", size)
    monkeypatch.setattr(plan, "FIRST_RANGE_SIZE", size)
