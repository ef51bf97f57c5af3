"""Schema migrations: expand first, contract in a later release; each runs on both databases.

A migration after `BASELINE` says by its variable `phase` what it is: `expand` may run while the
release before it still works (it takes nothing away and demands nothing new), `contract` may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from service.db import READ_ONLY, Database

HERE = Path(__file__).parent
BASELINE = "0035"  # older ones were made before anybody had a city to keep running


class Phase(StrEnum):
    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True)
class Migration:
    """One migration, and whether the release before it may go on meanwhile."""

    revision: str
    title: str
    phase: Phase


class NewerDatabase(Exception):
    """The database has migrations that this release does not know."""


def upgrade(database: Database) -> None:
    """Bring the schema to the newest version; a second run changes nothing.

    Raises:
        NewerDatabase: a later release has been here; this one must not touch the schema.
    """
    if not missing(database):
        return
    with database.engine.connect() as connection:
        upgrade_on(connection)
        connection.commit()


def upgrade_on(connection: Connection, revision: str = "head") -> None:
    """Run migrations up to a revision on a connection; the caller commits."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def missing(database: Database) -> list[Migration]:
    """The migrations of this release that the database lacks, in their order.

    Raises:
        NewerDatabase: it is at a revision that this release does not know.
    """
    scripts, found = _scripts(), revision_of(database)
    if found is not None and not is_known(found):
        raise NewerDatabase(
            f"the database is at migration {found}, which this release does not know: "
            "a newer release has migrated it; run that one"
        )
    lacking = list(scripts.iterate_revisions("head", found or "base"))
    return [_declared(script) for script in reversed(lacking)]


def is_current(database: Database) -> bool:
    """True where no migration of this release is missing: also where a newer release has run its
    own, which it does before the last process of this one ends (docs/upgrade.md)."""
    found = revision_of(database)
    return found == head() or (found is not None and not is_known(found))


def revision_of(database: Database) -> str | None:
    """The database's migration; null before the first."""
    with database.engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest migration of this release."""
    found = _scripts().get_current_head()
    assert found is not None
    return found


def is_known(revision: str) -> bool:
    """Whether this release has a migration of this number."""
    return any(script.revision == revision for script in _scripts().walk_revisions())


def _declared(script: Script) -> Migration:
    """Whatever does not say that it is safe is not."""
    phase = Phase(getattr(script.module, "phase", Phase.CONTRACT))
    return Migration(script.revision, script.doc.partition("\n")[0], phase)


@cache
def _scripts() -> ScriptDirectory:
    """Reading the files takes a tenth of a second."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config
