"""The schema and its models agree, and errors keep what they were given to themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from service import migrations, models
from service.cli.refusal import explain
from service.db import Base, Database, WrongEncoding
from service.migrations.partitions import whole_tables
from service.runtime import Runtime


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_make_what_the_models_say(runtime: Runtime) -> None:
    assert models.Article.metadata is Base.metadata
    with runtime.db.engine.connect() as connection:
        options = {"compare_type": True, "include_name": whole_tables(connection)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_an_error_does_not_repeat_the_values_of_its_statement(runtime: Runtime) -> None:
    with pytest.raises(DBAPIError) as caught, runtime.db.read() as session:
        session.execute(text("SELECT :who FROM nowhere"), {"who": "ayse@example.org"})

    assert "ayse@example.org" not in str(caught.value)


def test_a_writer_waits_for_another_one_and_loses_nothing(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.execute(text("CREATE TABLE counted (n integer)"))
        session.execute(text("INSERT INTO counted VALUES (0)"))

    def count() -> None:
        for _ in range(50):
            with runtime.db.write() as session:
                session.execute(text("UPDATE counted SET n = n + 1"))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(count) for _ in range(4)]:
            future.result()

    with runtime.db.read() as session:
        assert session.scalar(text("SELECT n FROM counted")) == 200


def test_a_writer_gives_up_on_one_that_never_ends(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not runtime.db.is_sqlite:
        return  # PostgreSQL locks rows, and has no writer's lock
    monkeypatch.setattr("service.db.BUSY_TIMEOUT_S", 0.05)
    with runtime.db.write() as first:
        first.execute(text("SELECT 1"))
        with pytest.raises(OperationalError), runtime.db.write() as second:
            second.execute(text("SELECT 1"))
    with runtime.db.write() as session:
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN5"])
def test_a_database_that_cannot_keep_every_letter_is_refused_in_a_sentence(
    postgres: Any, encoding: str
) -> None:
    """What `createdb` makes where the server was set up without a locale."""
    name = postgres.bare(encoding)
    db = Database(postgres.url(name))
    with pytest.raises(WrongEncoding, match=f"{name} is in {encoding}, .*createdb") as caught:
        migrations.upgrade(db)
    db.close()
    assert explain(caught.value).startswith("the database ")
    postgres.leave(name)
