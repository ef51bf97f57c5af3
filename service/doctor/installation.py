"""The rest of the installation: keys, database, migrations, broker."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service import migrations
from service.db import Database, utcnow
from service.doctor.finding import Finding, ok, unseen, wrong
from service.ledger.closing import due
from service.setting_sources import SettingsError
from service.settings import Settings, require_keys
from service.tasks import Doorbell

KEYS, DATABASE, BROKER, ARCHIVES = "keys", "database", "broker", "archives"
LATE = timedelta(days=2)  # after a month should have been closed


def check_keys(settings: Settings) -> Finding:
    """Are the two keys there, and well formed?"""
    try:
        require_keys(settings)
    except SettingsError as error:
        says, _, mend = str(error).partition(". ")
        return wrong(KEYS, says.rstrip(".") + ".", mend or "correct it")
    return ok(KEYS, "TELLAL_SECRET_KEY and TELLAL_ENCRYPTION_KEY are set.")


def check_database(settings: Settings) -> Finding:
    """Does the database answer, and has it every migration of this release?"""
    url = settings.sqlalchemy_url
    kind = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    is_ours = not settings.database_url.get_secret_value()
    if is_ours and not (settings.var_dir / "tellal.db").exists():  # opening it would make one
        says = f"there is no database in {settings.var_dir}."
        return wrong(DATABASE, says, "run `tellal up`, `tellal migrate`, or set TELLAL_VAR_DIR")
    try:
        db = Database(url)
    except (SQLAlchemyError, ValueError):
        return wrong(DATABASE, "TELLAL_DATABASE_URL is no database's address.", "correct it")
    try:
        with db.read() as session:
            session.execute(text("SELECT 1"))
        is_current = migrations.is_current(db)
    except SQLAlchemyError as error:
        first = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        says = f"{kind} does not answer as it should: {first}."
        return wrong(DATABASE, says, "start it, or correct TELLAL_DATABASE_URL")
    finally:
        db.close()
    if not is_current:
        return wrong(DATABASE, f"{kind} lacks migrations of this release.", "run `tellal migrate`")
    return ok(DATABASE, f"{kind} answers and has every migration.")


def check_broker(settings: Settings) -> Finding:
    """Does the broker take rings? Without it news still leaves, found by the sweeper, but late."""
    bell = Doorbell(settings)
    try:
        lengths, troubles = bell.lengths(), bell.troubles
    finally:
        bell.close()
    if lengths is None:
        says = "the broker does not answer; news leaves late, when the sweeper finds it."
        if settings.amqp_url.get_secret_value():
            return wrong(BROKER, says, "start RabbitMQ, or correct TELLAL_AMQP_URL")
        return wrong(BROKER, says, "start Redis (`tellal up` does), or correct TELLAL_REDIS_URL")
    if troubles:
        says = (
            "RabbitMQ has queues of our names that are not ours; their work is left to the sweeper."
        )
        return wrong(BROKER, says, ". ".join(troubles))
    return ok(BROKER, f"the broker answers; {sum(lengths.values())} tasks wait in its queues.")


def check_archives(settings: Settings) -> Finding:
    """Are the months of the feeds' archives closed when they should be?"""
    db = Database(settings.sqlalchemy_url)
    try:
        with db.read() as session:
            grace = timedelta(days=settings.feed_close_days) + LATE
            found = due(session, ZoneInfo(settings.timezone), grace, utcnow())
    except SQLAlchemyError as error:
        says = f"the archives of the feeds cannot be looked at: {type(error).__name__}."
        return unseen(ARCHIVES, says, "mend the database first")
    finally:
        db.close()
    if found is None:
        return ok(ARCHIVES, "every month of the feeds' archives is closed that should be.")
    says = f"{found.month} of the feeds' archives should be closed and is not."
    return wrong(ARCHIVES, says, "start the scheduler and its workers, or run `tellal feeds close`")
