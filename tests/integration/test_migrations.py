"""Migrations keep what a database holds: back to where citizens' pages began, and up again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, delete, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service import acts, migrations
from service.acts import Actor
from service.crypto import Vault
from service.db import utcnow
from service.jobs import queue
from service.ledger.alarms import raise_alarm
from service.models import (
    AlarmKind,
    ApiKey,
    Consent,
    ConsentAct,
    Frequency,
    Halt,
    ImportRun,
    JobFile,
    OneTimeToken,
    Staff,
    StaffTopic,
    TokenPurpose,
    TopicDraft,
    Via,
)
from service.runtime import Runtime
from service.subscriptions.tokens import issue

BEFORE = "0016"
KEPT = {
    "destination": "id, address, address_hash, lane, language, verified_at, quiet_from",
    "subscription": "id, destination_id, topic_id, place_id, frequency, created_at, ended_at",
    "delivery": "notification_id, destination_id, state, subscription_id, batch_id, due_at",
    "notification": "id, kind, state, article_id, planned",
    "article": "id, external_id, state, shown_revision_id, feed_seq",
    "channel": "id, name, masked_url, is_paused",
    "consent": "id, address_hash, act, language, origin",
    "staff": "id, email, active",
    "audit": "id, staff_id, act, object_id, detail, at",
    "alarm": "id, kind, object_id",
    "halt": "id, scope, object_id, kind",
    "place": "id, slug, name",
}


def contents(connection: Connection) -> dict[str, list[Any]]:
    return {
        table: sorted(map(str, connection.execute(text(f"SELECT {columns} FROM {table}"))))
        for table, columns in KEPT.items()
    }


def add_what_staff_leave(session: Session, vault: Vault) -> None:
    """A row in each table that came with the staff's console, and in the logs beside them."""
    staff = Staff(
        email="ayse@example.org", fs_uniquifier="x", is_break_glass=True, oidc_subject="https://x 1"
    )
    session.add(staff)
    session.flush()
    now = utcnow()
    for number in range(2):
        acts.record(session, vault, Actor(staff.id, Via.PAGE), "channel.pause", number)
    job = queue.start(session, "import-check", staff.id)
    session.add(Halt(scope="article", object_id=1, kind="cancel", reason="x", at=now))
    session.add(ImportRun(staff_id=staff.id, origin="form", check_job_id=job.id))
    session.add(JobFile(job_id=job.id, name="x", media_type="text/csv", sealed=b"x"))
    session.add(TopicDraft(base=1, content={}, changes={}, staff_id=staff.id, job_id=job.id))
    session.add(StaffTopic(staff_id=staff.id, topic_id=1))
    session.add(
        ApiKey(
            staff_id=staff.id, name="x", prefix="x", key_hash="x", powers=["see"], expires_at=now
        )
    )
    raise_alarm(session, AlarmKind.BREAK_GLASS, 1, "text", now)


@pytest.fixture
def filled(runtime: Runtime, town: Any) -> Runtime:
    """Readers of all frequencies, one who left, news that was planned, a channel, consents."""
    for frequency in Frequency:
        town.reader(frequency=frequency)
    town.reader(place="konak")
    town.channel("json://127.0.0.1/x")
    town.planned()
    with runtime.db.write() as session:
        for act, origin in ((ConsentAct.CONFIRMED, "web"), (ConsentAct.WITHDRAWN, "one-click")):
            session.add(Consent(address_hash="0" * 64, act=act, language="tr", origin=origin))
        add_what_staff_leave(session, runtime.vault)
        session.execute(
            text("UPDATE delivery SET state = 2, due_at = (SELECT max(at) FROM consent)")
        )
    return runtime


def test_a_filled_database_goes_back_and_forth_and_loses_nothing(filled: Runtime) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with filled.db.engine.connect() as connection:
        config.attributes["connection"] = connection
        before = contents(connection)
        command.downgrade(config, BEFORE)
        connection.commit()
        old = contents(connection)
        command.upgrade(config, "head")
        connection.commit()
        after = contents(connection)
        new = connection.execute(
            text("SELECT act, how, channel, notice_version FROM consent ORDER BY id")
        ).all()
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text("UPDATE audit SET act = 'x'"))
        local = connection.execute(text("SELECT count(*) FROM subscription WHERE is_local_only"))

        assert local.scalar() == 0
    assert all(before.values())
    assert old == before
    assert after == before
    assert [tuple(row) for row in new] == [
        ("confirmed", "", "email", None),
        ("withdrawn", "one-click", "email", None),
    ]


def test_a_link_that_was_mailed_before_numbers_were_kept_opens_nothing_new(
    runtime: Runtime, town: Any
) -> None:
    reader, day = town.reader(), timedelta(days=1)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with runtime.db.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0042")
        connection.commit()
    with runtime.db.write() as session:
        mailed = issue(session, reader, TokenPurpose.SIGN_IN, day).id
    with runtime.db.write() as session:
        session.execute(delete(OneTimeToken))

    migrations.upgrade(runtime.db)

    with runtime.db.write() as session:
        assert issue(session, reader, TokenPurpose.SIGN_IN, day).id > mailed
