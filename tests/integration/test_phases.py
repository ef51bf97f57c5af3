"""Each migration says whether the release before it may go on meanwhile, and tells the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from click.testing import CliRunner, Result
from sqlalchemy import Connection, inspect, text

from service import migrations
from service.cli import cli
from service.migrations import BASELINE, HERE, Phase, upgrade_on
from service.migrations.partitions import whole_tables
from service.runtime import Runtime

pytestmark = pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index"
)
Columns = dict[tuple[str, str], "Column"]


@dataclass(frozen=True)
class Column:
    type: str
    is_nullable: bool
    has_default: bool


@dataclass(frozen=True)
class Schema:
    """What a release that knows this schema relies on."""

    columns: Columns
    unique: frozenset[tuple[str, tuple[str, ...]]]
    foreign: frozenset[tuple[str, tuple[str, ...]]]

    @property
    def tables(self) -> set[str]:
        return {table for table, _ in self.columns}


def schema_of(connection: Connection) -> Schema:
    look, is_whole = inspect(connection), whole_tables(connection)
    tables = [name for name in look.get_table_names() if is_whole(name, "table", {})]
    columns = {
        (table, one["name"]): Column(
            str(one["type"]), bool(one["nullable"]), one["default"] is not None
        )
        for table in tables
        for one in look.get_columns(table)
    }
    unique, foreign = set(), set()
    for table in tables:
        keys = [one["column_names"] for one in look.get_unique_constraints(table)]
        keys += [one["column_names"] for one in look.get_indexes(table) if one["unique"]]
        unique |= {(table, tuple(sorted(filter(None, key)))) for key in keys}
        foreign |= {
            (table, tuple(one["constrained_columns"])) for one in look.get_foreign_keys(table)
        }
    return Schema(columns, frozenset(unique), frozenset(foreign))


def breaks(before: Schema, after: Schema) -> list[str]:
    """What in `after` a release made for `before` would stumble over."""
    found = [f"{'.'.join(key)} is gone" for key in before.columns if key not in after.columns]
    for key, column in before.columns.items():
        now = after.columns.get(key, column)
        if now.type != column.type:
            found.append(f"{'.'.join(key)} was {column.type} and is {now.type}")
        if column.is_nullable and not now.is_nullable:
            found.append(f"{'.'.join(key)} must have a value now")
    for key, column in after.columns.items():
        is_demanded = not column.is_nullable and not column.has_default
        if key not in before.columns and key[0] in before.tables and is_demanded:
            found.append(f"{'.'.join(key)} is demanded of inserts that do not know it")
    for what, was, now_ in (
        ("unique", before.unique, after.unique),
        ("bound to another table", before.foreign, after.foreign),
    ):
        for table, names in now_ - was:
            if all((table, name) in before.columns for name in names):
                found.append(f"{table} ({', '.join(names)}) is {what} now")
    return found


def config_on(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    return config


@pytest.fixture
def connection(runtime: Runtime) -> Iterator[Connection]:
    """A database that is back at the baseline."""
    with runtime.db.engine.connect() as connection:
        command.downgrade(config_on(connection), BASELINE)
        connection.commit()
        yield connection


def test_every_migration_since_the_baseline_says_what_it_is() -> None:
    scripts = ScriptDirectory(str(HERE))
    for script in scripts.iterate_revisions("head", BASELINE):
        said = getattr(script.module, "phase", None)
        assert said in set(Phase), f"{Path(script.path).name} lacks phase = 'expand' or 'contract'"


def test_an_expand_migration_takes_nothing_away_and_demands_nothing(
    connection: Connection,
) -> None:
    looked_at = 0
    scripts = ScriptDirectory(str(HERE))
    for script in reversed(list(scripts.iterate_revisions("head", BASELINE))):
        before = schema_of(connection)
        upgrade_on(connection, script.revision)
        connection.commit()
        if script.module.phase == Phase.EXPAND:
            looked_at += 1
            assert breaks(before, schema_of(connection)) == [], script.revision
    assert looked_at >= 6


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE channel_test DROP COLUMN took_ms", "channel_test.took_ms is gone"),
        ("ALTER TABLE channel_test RENAME COLUMN took_ms TO ms", "channel_test.took_ms is gone"),
        ("DROP TABLE channel_test", "channel_test.said is gone"),
        ("CREATE UNIQUE INDEX x ON channel_test (took_ms)", "channel_test (took_ms) is unique now"),
    ],
)
def test_what_is_no_expansion_is_seen(runtime: Runtime, statement: str, said: str) -> None:
    with runtime.db.engine.connect() as connection:
        before = schema_of(connection)
        connection.execute(text(statement))
        assert said in breaks(before, schema_of(connection))
        connection.rollback()


def check() -> Result:
    return CliRunner().invoke(cli, ["migrate", "--check"])


@pytest.mark.usefixtures("command_line")
def test_check_says_what_is_missing_and_changes_nothing(connection: Connection) -> None:
    result = check()
    assert result.exit_code == 3, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("0036  expand    Archives of the feeds")
    assert "while the release before still runs" in lines[-1]
    assert check().output == result.output


@pytest.mark.usefixtures("command_line")
def test_check_of_a_database_that_is_whole(runtime: Runtime) -> None:
    result = check()
    assert (result.exit_code, result.output) == (0, "No migration is missing.\n")


@pytest.mark.usefixtures("command_line")
def test_what_does_not_say_that_it_is_safe_needs_a_stop(connection: Connection) -> None:
    command.downgrade(config_on(connection), "0034")
    connection.commit()
    result = check()
    assert result.exit_code == 4
    assert "0035  contract" in result.output
    assert "Stop every process" in result.output


@pytest.mark.usefixtures("command_line")
def test_a_database_of_a_newer_release_is_ready_and_left_alone(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for words in (["migrate", "--check"], ["migrate"]):
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 2
        assert "a newer release has migrated it" in result.output
    assert migrations.is_current(runtime.db)
