"""The schema and its models agree, and errors keep what they were given to themselves."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service import models
from service.db import Base
from service.runtime import Runtime


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_make_what_the_models_say(runtime: Runtime) -> None:
    assert models.Article.metadata is Base.metadata
    with runtime.db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_error_does_not_repeat_the_values_of_its_statement(runtime: Runtime) -> None:
    with pytest.raises(DBAPIError) as caught, runtime.db.read() as session:
        session.execute(text("SELECT :who FROM nowhere"), {"who": "ayse@example.org"})

    assert "ayse@example.org" not in str(caught.value)
