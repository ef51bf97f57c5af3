"""`tellal backup` and `tellal restore`: all comes back, nobody twice, and nothing by halves."""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import select, text

from service.cli import cli
from service.copies import backup as backing_up
from service.copies import restore as restoring
from service.copies.file import PART, lines, whole_or_nothing
from service.copies.in_flight import AHEAD
from service.copies.replaced import database_file
from service.db import Base, Database
from service.ledger.audit import audit
from service.ledger.journal import Journal
from service.ledger.outcome import Outcome
from service.migrations import HERE, head, revision_of
from service.models import (
    Delivery,
    DeliveryState,
    Destination,
    Notification,
    Revision,
    TokenPurpose,
)
from service.runtime import Runtime
from service.subscriptions.erasures import erase_for_good
from service.subscriptions.tokens import issue
from tests.integration.copies.filling import contents, fill
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line")

# The restore itself writes there: what was in flight, its pause, numbers that are nobody's.
TOUCHED = {"halt", "batch", "subscriber", "destination", "notification", "token"}
DERIVED = {"listing", "erasure"}  # built anew; old ones forgotten


def tellal(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture
def back_up(runtime: Runtime, tmp_path: Path) -> Callable[[], str]:
    def make() -> str:
        result = tellal("backup", str(tmp_path / "tellal.backup"))
        assert result.exit_code == 0, result.output
        runtime.db.close()
        return str(tmp_path / "tellal.backup")

    return make


@pytest.fixture
def restore(runtime: Runtime, deaf: Runtime) -> Callable[..., Result]:
    """Nobody else may have the database open meanwhile."""

    def put_back(file: str, *words: str) -> Result:
        runtime.db.close()
        deaf.db.close()
        return tellal("restore", file, *words)

    return put_back


def everything(db: Database) -> dict[str, list[str]]:
    with db.engine.connect() as connection:
        return {table.name: contents(connection, table) for table in Base.metadata.sorted_tables}


def test_every_table_comes_back(
    runtime: Runtime, back_up: Callable[[], str], restore: Callable[..., Result]
) -> None:
    with runtime.db.engine.connect() as connection:
        fill(connection)
        connection.commit()
    before = everything(runtime.db)
    file = back_up()
    assert tellal("backup", "--check", file).exit_code == 0
    with runtime.db.write() as session:
        session.execute(text("DELETE FROM place_label"))
        session.execute(text("UPDATE topic SET slug = slug || 'x'"))

    result = restore(file, "--replace")

    assert result.exit_code == 0, result.output
    after = everything(runtime.db)
    for table in before:
        if table not in TOUCHED | DERIVED:
            assert after[table] == before[table], table
    assert len(after["batch"]) >= len(before["batch"])  # the owners of its leases are changed
    for table in TOUCHED - {"batch"}:
        assert not Counter(before[table]) - Counter(after[table]), table


def test_a_backup_of_one_database_is_restored_into_the_other(
    runtime: Runtime,
    town: Any,
    back_up: Callable[[], str],
    target_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    town.readers(3)
    town.planned()
    file = back_up()
    other = target_url if runtime.db.is_sqlite else f"sqlite:///{tmp_path / 'other.db'}"
    monkeypatch.setenv("TELLAL_DATABASE_URL", other)

    result = tellal("restore", file)

    assert result.exit_code == 0, result.output
    db = Database(other.replace("postgresql://", "postgresql+psycopg://"))
    with db.read() as session:
        assert audit(session) == []
        found = session.execute(text("SELECT count(*) FROM delivery WHERE state = 0"))
        assert found.scalar() == 3
    db.close()


def test_an_older_backup_is_migrated(
    runtime: Runtime, town: Any, back_up: Callable[[], str], restore: Callable[..., Result]
) -> None:
    town.reader()
    with runtime.db.engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(HERE))
        config.attributes["connection"] = connection
        command.downgrade(config, "0039")
        connection.commit()
    assert restore(back_up(), "--replace").exit_code == 0
    assert revision_of(runtime.db) == head()
    with runtime.db.read() as session:
        assert set(session.scalars(select(Destination.is_urgent_only))) == {False}


def test_what_was_in_flight_waits_until_staff_say_that_it_was_told(
    runtime: Runtime,
    town: Any,
    editor: str,
    work: Callable[[], None],
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    readers = town.readers(3)
    notification_id = town.planned()
    file = back_up()
    work()
    assert town.mails().total() == 3

    result = restore(file, "--replace")
    assert "3 deliveries were on their way" in result.output
    assert town.mails().total() == 0, "the backup knows of no mail"
    work()
    assert town.mails().total() == 0, "held"

    assert tellal("release", "--staff", EDITOR).exit_code == 2
    said = tellal("release", "--told", "--staff", EDITOR)
    assert said.exit_code == 0, said.output
    assert "3 deliveries count as told" in said.output
    work()
    assert town.mails().total() == 0
    assert town.counts(notification_id) == {DeliveryState.UNKNOWN: 3}
    assert set(town.states(notification_id)) == set(readers)
    assert town.findings() == []
    again = tellal("release", "--told", "--staff", EDITOR)
    assert again.exit_code == 2
    assert "nothing is held by a restore" in again.output


def test_what_was_never_sent_goes_out_once_when_released(
    runtime: Runtime,
    town: Any,
    editor: str,
    work: Callable[[], None],
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    town.readers(3)
    notification_id = town.planned()
    assert restore(back_up(), "--replace").exit_code == 0
    work()
    assert tellal("release", "--untold", "--staff", EDITOR).exit_code == 0
    work()
    assert set(town.mails().values()) == {1}
    assert town.counts(notification_id) == {DeliveryState.SENT: 3}
    assert town.findings() == []


def test_letters_of_the_service_are_not_sent_again(
    runtime: Runtime,
    town: Any,
    work: Callable[[], None],
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    notification_id = town.message(town.reader())
    assert restore(back_up(), "--replace").exit_code == 0
    work()
    assert town.mails().total() == 0
    assert town.counts(notification_id) == {DeliveryState.UNKNOWN: 1}
    assert town.findings() == []


def test_who_was_erased_since_is_erased_again(
    runtime: Runtime,
    town: Any,
    clock: Any,
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    gone = town.reader(address="ayse@example.com")
    file = back_up()
    erase_for_good(runtime.db, runtime.settings, gone, clock())
    result = restore(file, "--replace")
    assert "1 people who had their data erased since: gone again." in result.output
    assert "ayse@example.com" not in {one.address for one in town.all(Destination)}


def test_an_erasure_that_only_the_replaced_database_knows_is_done_again(
    runtime: Runtime,
    town: Any,
    clock: Any,
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    """The disk was full, or the file is lost: the table still has it, until it is replaced."""
    gone = town.reader(address="ayse@example.com")
    file = back_up()
    erase_for_good(runtime.db, runtime.settings, gone, clock())
    runtime.settings.erasures_path.unlink()
    result = restore(file, "--replace")
    assert "1 people who had their data erased since: gone again." in result.output
    assert "There is no list of erasures in" in result.output
    assert "ayse@example.com" not in {one.address for one in town.all(Destination)}


def test_numbers_that_were_mailed_since_are_not_given_again(
    runtime: Runtime, town: Any, back_up: Callable[[], str], restore: Callable[..., Result]
) -> None:
    before = town.reader()
    file = back_up()
    lost = town.reader()
    assert restore(file, "--replace").exit_code == 0
    assert lost == before + 1
    assert town.reader() > before + AHEAD
    assert town.planned() > AHEAD
    assert all(one.planned == 0 or one.id > AHEAD for one in town.all(Notification))
    with runtime.db.write() as session:
        token = issue(session, before, TokenPurpose.CONFIRM, timedelta(days=1))
        assert token.id > AHEAD


def test_a_database_that_holds_data_is_not_replaced_unasked(
    runtime: Runtime, town: Any, back_up: Callable[[], str], restore: Callable[..., Result]
) -> None:
    town.reader()
    file = back_up()
    result = restore(file)
    assert result.exit_code == 2
    assert "say --replace to lose it" in result.output


def test_a_file_is_written_whole_or_not_at_all(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: object) -> bytes:
        raise KeyboardInterrupt

    before = set(tmp_path.iterdir())
    monkeypatch.setattr(backing_up, "as_line", die)
    assert tellal("backup", str(tmp_path / "x")).exit_code != 0
    assert set(tmp_path.iterdir()) == before


def test_two_at_once_in_a_folder_do_not_mix(runtime: Runtime, tmp_path: Path) -> None:
    with whole_or_nothing(tmp_path / "first") as first:
        first.write(b"first")
        result = tellal("backup", str(tmp_path / "second"))
        assert result.exit_code == 2
        assert "another backup is being written" in result.output
    assert (tmp_path / "first").read_bytes() == b"first"
    (tmp_path / PART).write_bytes(b"what a kill left" * 100_000)
    assert tellal("backup", str(tmp_path / "second")).exit_code == 0
    assert tellal("backup", "--check", str(tmp_path / "second")).exit_code == 0
    assert tellal("backup", str(tmp_path / "second")).exit_code == 2, "there already"


def test_a_restore_that_dies_changes_nothing(
    runtime: Runtime,
    town: Any,
    back_up: Callable[[], str],
    restore: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    town.reader()
    file = back_up()
    town.reader()
    before = everything(runtime.db)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "set_sequences", die)
    assert restore(file, "--replace").exit_code != 0
    assert everything(runtime.db) == before
    assert not list(runtime.settings.var_dir.glob(".*"))


def test_who_opens_the_database_meanwhile_does_not_lose_what_they_write(
    runtime: Runtime,
    back_up: Callable[[], str],
    restore: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their file would be another one than everybody else's, and gone when they end."""
    if not runtime.db.is_sqlite:
        return  # a server makes them wait
    file, before = back_up(), everything(runtime.db)
    set_sequences = restoring.set_sequences
    others: list[subprocess.Popen[bytes]] = []

    def open_it(*args: Any, **named: Any) -> None:
        handle = database_file(runtime.settings).open("rb")
        with handle:
            others.append(subprocess.Popen(["sleep", "60"], stdin=handle))
        set_sequences(*args, **named)

    monkeypatch.setattr(restoring, "set_sequences", open_it)
    result = restore(file, "--replace")
    others[0].kill()
    others[0].wait()
    assert f"process {others[0].pid} has opened the database meanwhile" in result.output
    assert everything(runtime.db) == before


def test_no_secret_is_in_it(runtime: Runtime, tmp_path: Path, back_up: Callable[[], str]) -> None:
    with zipfile.ZipFile(back_up()) as archive:
        everything_in_it = b"".join(archive.read(name) for name in archive.namelist())
    for name in ("secret_key", "encryption_key", "database_url", "redis_url"):
        secret = getattr(runtime.settings, name).get_secret_value()
        assert secret.encode() not in everything_in_it
    assert b"# TELLAL_SECRET_KEY is a secret" in everything_in_it
    assert (tmp_path / "tellal.backup").stat().st_mode & 0o777 == 0o600


def test_other_keys_are_refused(
    back_up: Callable[[], str],
    restore: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = back_up()
    monkeypatch.setenv("TELLAL_SECRET_KEY", "another key that nobody uses elsewhere")
    monkeypatch.setenv("TELLAL_ENCRYPTION_KEY", Fernet.generate_key().decode())
    for result in (tellal("backup", "--check", file), restore(file, "--replace")):
        assert result.exit_code == 2
        assert "made with other keys" in result.output


def test_another_encryption_key_alone_is_refused_and_an_earlier_one_in_the_list_is_not(
    runtime: Runtime,
    back_up: Callable[[], str],
    restore: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it the rows would come back, and no secret of a source or a chat would open."""
    file, new = back_up(), Fernet.generate_key().decode()
    monkeypatch.setenv("TELLAL_ENCRYPTION_KEY", new)
    for result in (tellal("backup", "--check", file), restore(file, "--replace")):
        assert result.exit_code == 2
        assert "made with other keys" in result.output
    before = runtime.settings.encryption_key.get_secret_value()
    monkeypatch.setenv("TELLAL_ENCRYPTION_KEY", f"{new},{before}")
    assert restore(file, "--replace").exit_code == 0


def test_a_damaged_file_is_known_before_anything_is_done(
    runtime: Runtime, town: Any, back_up: Callable[[], str], tmp_path: Path
) -> None:
    town.reader()
    raw = Path(back_up()).read_bytes()
    with zipfile.ZipFile(tmp_path / "tellal.backup") as archive:
        info = archive.getinfo("tables/place.jsonl")
    hurt = tmp_path / "hurt"
    chance = random.Random(1)
    for _ in range(12):
        at = info.header_offset + 100 + chance.randrange(info.compress_size - 60)
        hurt.write_bytes(raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :])
        result = tellal("backup", "--check", str(hurt))
        assert result.exit_code == 2, at
        assert "damaged" in result.output
    for content in (b"", b"PK", raw[: len(raw) // 2], raw[:-40]):
        hurt.write_bytes(content)
        assert tellal("backup", "--check", str(hurt)).exit_code == 2


def test_what_no_backup_holds_is_refused_before_it_is_unpacked(
    back_up: Callable[[], str], tmp_path: Path
) -> None:
    file, hostile = Path(back_up()), tmp_path / "hostile"
    with zipfile.ZipFile(file) as archive:
        contents_of = {one: archive.read(one) for one in archive.namelist()}
    contents_of["manifest.mac"] = bytes(32 * 1024 * 1024)  # packs into 32 kB
    with zipfile.ZipFile(hostile, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in contents_of.items():
            archive.writestr(one, content)
    said = tellal("backup", "--check", str(hostile))
    assert (said.exit_code, "manifest.mac is too large" in said.output) == (2, True)

    raw = bytearray(file.read_bytes())
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1  # of the last member in the directory
    hostile.write_bytes(raw)
    said = tellal("backup", "--check", str(hostile))
    assert (said.exit_code, "is encrypted" in said.output) == (2, True)


def test_a_changed_file_is_known(back_up: Callable[[], str], tmp_path: Path) -> None:
    for name in ("manifest.json", "tables/topic.jsonl", "tables/more.jsonl"):
        changed = tmp_path / "changed"
        with zipfile.ZipFile(back_up_once(back_up, tmp_path)) as archive:
            contents_of = {one: archive.read(one) for one in archive.namelist()}
        contents_of[name] = contents_of.get(name, b"").replace(b"iklim", b"milki") + b" "
        with zipfile.ZipFile(changed, "w") as archive:
            for one, content in contents_of.items():
                archive.writestr(one, content)
        result = tellal("backup", "--check", str(changed))
        assert result.exit_code == 2, name


def back_up_once(back_up: Callable[[], str], tmp_path: Path) -> Path:
    path = tmp_path / "tellal.backup"
    return path if path.exists() else Path(back_up())


def test_a_broken_sqlite_file_is_no_obstacle(
    runtime: Runtime, town: Any, back_up: Callable[[], str], restore: Callable[..., Result]
) -> None:
    if not runtime.db.is_sqlite:
        return  # a server's files are its own
    town.reader()
    file = back_up()
    path = database_file(runtime.settings)
    path.write_bytes(b"x" * 8192)
    assert restore(file, "--replace").exit_code == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert town.findings() == []


def leased(runtime: Runtime, batch_id: int) -> str:
    """Let a worker of this host have a batch at the moment of the backup; returns its lease."""
    lease = f"{socket.gethostname()}-0123456789abcdef"
    with runtime.db.write() as session:
        session.execute(
            text("UPDATE batch SET state = 1, lease = :lease WHERE id = :id"),
            {"lease": lease, "id": batch_id},
        )
    return lease


def test_what_a_worker_had_in_hand_is_in_doubt_where_its_journal_is_gone(
    runtime: Runtime,
    town: Any,
    editor: str,
    work: Callable[[], None],
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    town.readers(3)
    notification_id = town.planned()
    leased(runtime, *town.batches(notification_id))
    assert restore(back_up(), "--replace").exit_code == 0
    assert tellal("release", "--untold", "--staff", EDITOR).exit_code == 0
    work()
    assert town.mails().total() == 0
    assert town.counts(notification_id) == {DeliveryState.DEFERRED: 3}
    doubted = {row.maybe_revision_id is not None for row in town.all(Delivery)}
    assert doubted == {True}


def test_a_journal_in_the_backup_tells_what_was_sent(
    runtime: Runtime,
    town: Any,
    editor: str,
    work: Callable[[], None],
    back_up: Callable[[], str],
    restore: Callable[..., Result],
) -> None:
    sent, on_the_wire, untouched = town.readers(3)
    notification_id = town.planned()
    [batch_id] = town.batches(notification_id)
    revision_id = town.all(Revision)[0].id
    folder = runtime.settings.var_dir / "journal"
    journal = Journal(folder, leased(runtime, batch_id), batch_id)
    journal.set_revision(revision_id)
    journal.wire(sent)
    journal.answer(sent, Outcome(DeliveryState.SENT))
    journal.wire(on_the_wire)
    journal.abandon()
    file = back_up()
    shutil.rmtree(folder)  # another machine

    assert restore(file, "--replace").exit_code == 0
    assert tellal("release", "--untold", "--staff", EDITOR).exit_code == 0
    work()

    assert town.mails().total() == 1
    assert town.states(notification_id) == {
        sent: DeliveryState.SENT,
        on_the_wire: DeliveryState.DEFERRED,
        untouched: DeliveryState.SENT,
    }
    assert not list(folder.glob("*"))
    assert town.findings() == []


def test_a_restore_that_dies_leaves_no_half_of_a_journal(
    runtime: Runtime,
    town: Any,
    back_up: Callable[[], str],
    restore: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    town.readers(2)
    [batch_id] = town.batches(town.planned())
    folder = runtime.settings.var_dir / "journal"
    journal = Journal(folder, leased(runtime, batch_id), batch_id)
    journal.wire(1)
    journal.abandon()
    file = back_up()
    [path] = folder.glob("*.journal")
    whole = path.read_bytes()
    shutil.rmtree(folder)  # another machine

    cut_short = []

    def cut(archive: Any, manifest: Any, name: str) -> Any:
        if not name.endswith(path.name):
            yield from lines(archive, manifest, name)
            return
        cut_short.append(name)
        yield whole[: len(whole) // 2]
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "lines", cut)
        assert restore(file, "--replace").exit_code != 0
    assert len(cut_short) == 1
    assert not list(folder.glob("*.journal"))
    shutil.rmtree(folder)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:  # before the database is whole, nothing is put anywhere
        patch.setattr(restoring, "sums", refuse)
        assert restore(file, "--replace").exit_code != 0
    assert not folder.exists() or not list(folder.iterdir())
    assert restore(file, "--replace").exit_code == 0
    assert path.read_bytes() == whole


def test_a_full_disk_is_told_in_a_sentence(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(_: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(backing_up, "as_line", fill_up)
    result = tellal("backup", str(tmp_path / "x"))
    assert result.exit_code == 2
    assert f"no backup was made in {tmp_path}: No space left on device" in result.output
    assert "Traceback" not in result.output
    nowhere = tellal("backup", str(tmp_path / "nowhere" / "x"))
    assert "nowhere: No such file or directory" in nowhere.output


def test_a_backup_whose_directory_is_broken_is_said_to_be_damaged(
    runtime: Runtime, back_up: Callable[[], str]
) -> None:
    file = Path(back_up())
    whole = file.read_bytes()
    start = whole.index(b"PK\x01\x02")
    for offset, value in ((10, 12), (28, 255), (42, 255), (45, 255), (46, 128)):
        broken = bytearray(whole)
        broken[start + offset] = value
        file.write_bytes(broken)
        result = tellal("backup", "--check", str(file))
        assert result.exit_code == 2
        assert "is damaged" in result.output or "not those that" in result.output, result.output
