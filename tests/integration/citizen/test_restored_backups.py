"""A restored backup is older than some erasures: they are done again, and nobody else's are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, insert, select

from service.cli import cli
from service.db import Base, utcnow
from service.models import Destination, Erasure, Subscription
from service.runtime import Runtime
from service.subscriptions.erasures import apply, erase_for_good
from workers.retain import forget_expired

ADDRESS = "ayse.yilmaz@example.com"


@pytest.fixture
def file(runtime: Runtime) -> Path:
    return runtime.settings.erasures_path


def tables() -> list[Any]:
    return Base.metadata.sorted_tables


def back_up(runtime: Runtime) -> dict[str, list[dict[str, Any]]]:
    with runtime.db.read() as session:
        return {
            table.name: [dict(row) for row in session.execute(select(table)).mappings()]
            for table in tables()
        }


def restore(runtime: Runtime, backup: dict[str, list[dict[str, Any]]]) -> None:
    with runtime.db.write() as session:
        for table in reversed(tables()):
            session.execute(delete(table))
        for table in tables():
            if backup[table.name]:
                session.execute(insert(table), backup[table.name])


def addresses(town: Any) -> set[str]:
    return {one.address for one in town.all(Destination)} - {""}


@pytest.mark.usefixtures("command_line")
def test_whoever_a_backup_brings_back_is_erased_again_and_nobody_else(runtime, town, clock, file):
    gone = town.reader(address=ADDRESS)
    town.reader(address="stays@example.com")
    backup = back_up(runtime)
    erase_for_good(runtime.db, runtime.settings, gone, clock())
    restore(runtime, backup)
    assert ADDRESS in addresses(town)

    said = CliRunner().invoke(cli, ["erasures", "apply"])

    assert said.output == f"1 erased again. The list is in {file}.\n"
    assert addresses(town) == {"stays@example.com"}
    assert CliRunner().invoke(cli, ["erasures", "apply"]).output.startswith("0 erased again.")


@pytest.mark.usefixtures("command_line")
def test_migrating_does_it_by_itself(runtime, town, clock):
    gone = town.reader(address=ADDRESS)
    backup = back_up(runtime)
    erase_for_good(runtime.db, runtime.settings, gone, clock())
    restore(runtime, backup)

    assert CliRunner().invoke(cli, ["migrate"]).exit_code == 0

    assert addresses(town) == set()


def test_who_signed_up_again_stays(runtime, town, person, confirm_token):
    person.sign_up(ADDRESS)
    person.client.post(f"/confirm/{confirm_token()}")
    first = town.all(Destination)[0].id
    erase_for_good(runtime.db, runtime.settings, first, utcnow())
    person.sign_up(ADDRESS)
    person.client.post(f"/confirm/{confirm_token()}")
    backup = back_up(runtime)

    assert apply(runtime.db, runtime.settings) == 0
    restore(runtime, backup)
    assert apply(runtime.db, runtime.settings) == 0

    assert addresses(town) == {ADDRESS}


def test_who_confirmed_between_the_restoring_and_the_list_stays(
    runtime, town, person, confirm_token
):
    """The row is older than the erasure, its person's word is not."""
    person.sign_up(ADDRESS)
    backup = back_up(runtime)
    erase_for_good(runtime.db, runtime.settings, town.all(Destination)[0].id, utcnow())
    restore(runtime, backup)
    person.client.post(f"/confirm/{confirm_token()}")

    assert apply(runtime.db, runtime.settings) == 0

    assert addresses(town) == {ADDRESS}


def test_an_erasure_that_died_before_its_commit_is_finished(runtime, town, clock, monkeypatch):
    reader = town.reader(address=ADDRESS)
    with monkeypatch.context() as patched:
        patched.setattr("service.subscriptions.erasures.erase", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_for_good(runtime.db, runtime.settings, reader, clock())
    assert addresses(town) == {ADDRESS}

    assert apply(runtime.db, runtime.settings) == 1

    assert addresses(town) == set()


def test_a_file_that_is_lost_or_torn_is_made_whole_from_the_table(runtime, town, clock, file):
    for _ in range(2):
        erase_for_good(runtime.db, runtime.settings, town.reader(), clock())
    whole = file.read_text()
    assert len(whole.splitlines()) == 2

    file.unlink()
    apply(runtime.db, runtime.settings)
    assert sorted(file.read_text().splitlines()) == sorted(whole.splitlines())

    file.write_text("2026-13-99T99:99 " + "a" * 64 + "\nnonsense\n" + whole[:-30])
    apply(runtime.db, runtime.settings)
    assert sorted(file.read_text().splitlines()) == sorted(whole.splitlines())
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_keeps_nobody_from_being_erased(
    runtime, town, clock, tmp_path
):
    folder = tmp_path / "a folder"
    folder.mkdir()
    settings = runtime.settings.model_copy(update={"erasures_file": str(folder)})

    assert erase_for_good(runtime.db, settings, town.reader(address=ADDRESS), clock())

    assert addresses(town) == set()
    assert town.count(Erasure) == 1
    unconfirmed = town.reader(address="never@example.com", is_verified=False)
    with runtime.db.write() as session:
        session.execute(delete(Subscription))
    clock.advance(days=8)
    forget_expired(replace(runtime, settings=settings))
    assert town.get(Destination, unconfirmed).address == ""


def test_the_list_forgets_what_no_backup_is_as_old_as(runtime, town, clock, file):
    erase_for_good(runtime.db, runtime.settings, town.reader(), clock())
    days = runtime.settings.backup_days

    apply(runtime.db, runtime.settings, clock() + timedelta(days=days - 1))
    assert town.count(Erasure) == 1
    apply(runtime.db, runtime.settings, clock() + timedelta(days=days + 1))

    assert town.count(Erasure) == 0
    assert file.read_text() == ""
