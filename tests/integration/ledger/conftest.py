"""A batch that is planned, and the means to claim it."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.db import utcnow
from service.ledger.claim import claim
from service.ledger.lease import Lease
from service.runtime import Runtime


@pytest.fixture
def journals(runtime: Runtime) -> Path:
    return runtime.settings.var_dir / "journal"


@pytest.fixture
def one_batch(town):
    """Makes a planned notification with so many readers; returns it and its batch."""

    def make(count: int) -> tuple[int, int]:
        town.readers(count)
        notification = town.planned()
        (batch,) = town.batches(notification)
        return notification, batch

    return make


@pytest.fixture
def take(runtime, journals):
    """Claims a batch."""

    def take(batch_id: int, at=None) -> Lease | None:
        with runtime.db.write() as session:
            return claim(session, batch_id, at or utcnow(), journals)

    return take
