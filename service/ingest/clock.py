"""The door's clock."""

from __future__ import annotations

from datetime import UTC, datetime

from service.db import utcnow
from service.settings import Settings


def present(settings: Settings) -> datetime:
    """Now; it stands still where a test environment says so."""
    frozen = settings.frozen_at
    return utcnow() if frozen is None else datetime.fromtimestamp(frozen, UTC)
