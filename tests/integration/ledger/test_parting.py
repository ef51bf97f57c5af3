"""The migration that parts the ledger keeps every row, there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from service import migrations
from service.db import Base
from service.migrations.partitions import whole_tables
from service.models import Notification
from workers.plan import plan_notification

PARTED = "0011"
ROWS = text("SELECT * FROM delivery ORDER BY notification_id, destination_id")


@pytest.fixture
def move(runtime):
    """Brings the schema to a revision: `before` the one that parts the ledger, or the newest."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    def move(connection: Connection, to: str) -> None:
        config.attributes["connection"] = connection
        if to == "before":
            script = ScriptDirectory.from_config(config).get_revision(PARTED)
            command.downgrade(config, str(script.down_revision))
        else:
            command.upgrade(config, to)
        connection.commit()

    return move


def rows(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(ROWS).mappings()]


def kind_of_table(connection: Connection) -> str:
    return connection.scalar(text("SELECT relkind FROM pg_class WHERE relname = 'delivery'"))


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_every_row_stays_whatever_partition_it_is_in(runtime, town, move):
    town.readers(3)
    first = town.planned()
    far = town.notification(town.article())
    with runtime.db.write() as session:
        session.execute(text("UPDATE notification SET id = 3700 WHERE id = :id").bindparams(id=far))
    plan_notification(runtime, 3_700)
    with runtime.db.engine.connect() as connection:
        before = rows(connection)
        names = {index["name"] for index in inspect(connection).get_indexes("delivery")}
        move(connection, "before")
        plain = rows(connection)
        plain_names = {index["name"] for index in inspect(connection).get_indexes("delivery")}
        if not runtime.db.is_sqlite:
            assert kind_of_table(connection) == "r"
        move(connection, "head")
        after = rows(connection)
        if not runtime.db.is_sqlite:
            assert kind_of_table(connection) == "p"
            first_part = "SELECT count(*) FROM delivery_from_0"
            assert connection.scalar(text(first_part)) == 6
        options = {"compare_type": True, "include_name": whole_tables(connection)}
        difference = compare_metadata(
            MigrationContext.configure(connection, opts=options), Base.metadata
        )

    assert len(before) == 6
    assert before == plain == after
    assert names == plain_names | {"ix_delivery_deferred_of"}  # of a later revision
    assert difference == []
    assert town.findings() == []
    assert town.get(Notification, first).planned == 3
