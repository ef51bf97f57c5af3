"""Places to copy to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from service.db import Database


@pytest.fixture
def target_url(postgres: Any) -> Iterator[str]:
    """A PostgreSQL database without a single table."""
    name = postgres.clone()
    url = postgres.url(name)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    yield url
    postgres.leave(name)


@pytest.fixture
def target(target_url: str) -> Iterator[Database]:
    db = Database(target_url.replace("postgresql://", "postgresql+psycopg://"))
    yield db
    db.close()
