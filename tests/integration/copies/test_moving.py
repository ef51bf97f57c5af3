"""`tellal move-to`: all tables of any database arrive in an empty PostgreSQL, or none does."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError

from service.cli import cli
from service.copies import moving
from service.db import Base, Database
from service.ledger.audit import audit
from service.models import OneTimeToken, TokenPurpose
from service.runtime import Runtime
from service.subscriptions.tokens import issue
from tests.integration.copies.filling import contents, counts, fill

pytestmark = pytest.mark.usefixtures("command_line")


def move_to(url: str) -> Result:
    return CliRunner().invoke(cli, ["move-to", url])


def is_empty(db: Database) -> bool:
    with db.engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        )
        return found.scalar() == 0


def test_every_table_arrives_with_every_value(
    runtime: Runtime, target: Database, target_url: str
) -> None:
    with runtime.db.engine.connect() as connection:
        fill(connection)
        connection.commit()
        assert all(counts(connection).values())
    runtime.close()

    result = move_to(target_url)

    assert result.exit_code == 0, result.output
    assert "the counts and checksums of every table agree" in result.output
    with runtime.db.engine.connect() as left, target.engine.connect() as arrived:
        for table in Base.metadata.sorted_tables:
            if table.name != "listing":  # the archive's lists are built anew from its articles
                assert contents(arrived, table) == contents(left, table), table.name
        is_bool = arrived.execute(text("SELECT pg_typeof(is_paused)::text FROM channel LIMIT 1"))
        assert is_bool.scalar() == "boolean"


def test_the_ledger_adds_up_in_its_new_place_and_numbers_go_on(
    runtime: Runtime, town: Any, target: Database, target_url: str
) -> None:
    for _ in range(3):
        town.reader()
    notification_id = town.planned()
    runtime.close()

    assert move_to(target_url).exit_code == 0

    with target.write() as session:
        assert audit(session) == []
        last = session.execute(text("SELECT max(id) FROM destination")).scalar_one()
        assert session.execute(text("SELECT nextval('destination_id_seq')")).scalar() == last + 1
        found = session.execute(
            text("SELECT count(*) FROM delivery WHERE notification_id = :id"),
            {"id": notification_id},
        )
        assert found.scalar() == 3
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(text("TRUNCATE audit"))


def test_the_number_of_a_mailed_link_whose_row_is_gone_is_not_given_again(
    runtime: Runtime, town: Any, target: Database, target_url: str
) -> None:
    reader, day = town.reader(), timedelta(days=1)
    with runtime.db.write() as session:
        mailed = issue(session, reader, TokenPurpose.SIGN_IN, day).id
    with runtime.db.write() as session:
        session.execute(delete(OneTimeToken))
    runtime.close()

    assert move_to(target_url).exit_code == 0

    with target.write() as session:
        assert issue(session, reader, TokenPurpose.SIGN_IN, day).id == mailed + 1


def test_a_move_that_dies_leaves_the_target_empty_and_can_be_started_again(
    runtime: Runtime, target: Database, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.close()
    real = moving.set_sequences

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moving, "set_sequences", die)
    assert move_to(target_url).exit_code != 0
    assert is_empty(target)

    monkeypatch.setattr(moving, "set_sequences", real)
    assert move_to(target_url).exit_code == 0


def test_what_does_not_arrive_as_it_left_is_not_kept(
    runtime: Runtime, target: Database, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.close()
    real = moving.write

    def lossy(connection: Any, shape: Any, rows: Any) -> None:
        kept = list(rows)
        real(connection, shape, kept[1:] if shape.name == "place" else kept)

    monkeypatch.setattr(moving, "write", lossy)
    result = move_to(target_url)
    assert result.exit_code == 2
    assert "these tables differ after the copy: place" in result.output
    assert is_empty(target)


def test_a_target_with_tables_is_refused(runtime: Runtime, postgres: Any) -> None:
    runtime.close()
    name = postgres.clone()
    result = move_to(postgres.url(name))
    postgres.leave(name)
    assert result.exit_code == 2
    assert "the target has tables already" in result.output


def test_what_is_no_postgresql_is_refused(runtime: Runtime) -> None:
    runtime.close()
    for url in ("sqlite:///x.db", "x", "", "mysql://a/b"):
        result = move_to(url)
        assert result.exit_code == 2
        assert "postgresql://user@host/name" in result.output


def test_an_older_source_is_refused(runtime: Runtime, target_url: str) -> None:
    with runtime.db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0040'"))
    runtime.close()
    result = move_to(target_url)
    assert result.exit_code == 2
    assert "run `tellal migrate`" in result.output


def test_a_source_that_somebody_uses_is_refused(
    runtime: Runtime, target_url: str, tmp_path: Path
) -> None:
    opening = (
        "import sys; from service.db import Database; db = Database(sys.argv[1]);"
        "c = db.engine.connect(); c.exec_driver_sql('SELECT 1'); print('open', flush=True);"
        "sys.stdin.read()"
    )
    url = runtime.settings.sqlalchemy_url
    runtime.close()
    words = [sys.executable, "-c", opening, url]
    user = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    assert user.stdout.readline() == "open\n"
    result = move_to(target_url)
    user.communicate("")
    assert result.exit_code == 2
    assert "the database is in use" in result.output


def test_what_postgresql_cannot_hold_is_named_and_not_shown(
    runtime: Runtime, town: Any, target: Database, target_url: str
) -> None:
    if not runtime.db.is_sqlite:
        return  # PostgreSQL holds no such value
    reader = town.reader()
    odd = {"language": "ayse@example.com", "lane": "a\0b", "created_at": "ayse@example.com"}
    for column, value in odd.items():
        with runtime.db.write() as session:
            before = session.execute(text(f"SELECT {column} FROM destination")).scalar()
            change = text(f"UPDATE destination SET {column} = :value WHERE id = :id")
            session.execute(change, {"value": value, "id": reader})
        runtime.close()
        result = move_to(target_url)
        assert result.exit_code == 2
        assert "nothing was moved" in result.output
        assert "destination" in result.output
        assert "ayse" not in result.output
        assert "Traceback" not in result.output
        assert is_empty(target)
        with runtime.db.write() as session:
            session.execute(change, {"value": before, "id": reader})
    runtime.close()
    assert move_to(target_url).exit_code == 0
