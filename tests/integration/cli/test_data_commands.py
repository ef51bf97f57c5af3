"""Commands that write: sources, channels, staff, subscribers; on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from service.cli import cli
from service.db import utcnow
from service.models import AuditEntry, Channel, Destination, Notification, Source, Staff
from service.runtime import Runtime


@pytest.fixture(autouse=True)
def _private_hosts(command_line: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_ALLOW_PRIVATE_HOSTS", "127.0.0.1")


def invoke(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, words, input=given)


def test_a_source_prints_its_secret_once_and_stores_it_sealed(runtime: Runtime) -> None:
    result = invoke("source", "add", "izmir-cms", "--hold", "60", "--host", "WWW.izmir.bel.tr")
    assert result.exit_code == 0, result.output
    secret = result.output.splitlines()[-1]
    assert secret.startswith("whsec_")
    with runtime.db.read() as session:
        row = session.scalars(select(Source)).one()
    assert (row.slug, row.preset, row.hold_s, row.hosts) == (
        "izmir-cms",
        "tellal",
        60,
        ["www.izmir.bel.tr"],
    )
    assert secret not in row.sealed_secret
    assert runtime.vault.decrypt(row.sealed_secret) == secret


def test_a_source_holds_articles_for_three_minutes_unless_told(runtime: Runtime) -> None:
    invoke("source", "add", "izmir-cms")
    with runtime.db.read() as session:
        assert session.scalars(select(Source.hold_s)).one() == 180


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("İzmir CMS",), "is no short name"),
        (("cms", "--host", "https://izmir.bel.tr/haber"), "is no host name"),
        (("cms", "--hold", "1801"), "1801 is not in the range"),
    ],
)
def test_a_wrong_source_is_refused(runtime: Runtime, words: tuple[str, ...], said: str) -> None:
    result = invoke("source", "add", *words)
    assert result.exit_code == 2
    assert said in result.output


def test_a_second_source_of_the_same_slug_is_refused(runtime: Runtime) -> None:
    invoke("source", "add", "cms")
    result = invoke("source", "add", "cms")
    assert result.exit_code == 2
    assert "There is a source “cms” already" in result.output


# A library behind Apprise imports it; Python 3.13 has no such module, and is not supported.
old_import = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@old_import
def test_a_channel_is_added_and_shown_masked(runtime: Runtime) -> None:
    url = "json://127.0.0.1:9/gizli-oda"
    result = invoke("channel", "add", "İklim odası", url, "--topic", "iklim-cevre")
    assert result.exit_code == 0, result.output
    assert "gizli" not in result.output
    with runtime.db.read() as session:
        assert session.scalars(select(Channel.name)).one() == "İklim odası"


@old_import
def test_a_channel_is_shown_to_citizens_where_it_can_be_joined(runtime: Runtime) -> None:
    url = "https://t.me/ornek"
    invoke("channel", "add", "Oda", "json://127.0.0.1:9/x", "--public-url", url)
    for given, is_good, left in (
        ([], True, ""),
        (["http://t.me/ornek"], False, ""),
        ([url], True, url),
    ):
        result = invoke("channel", "link", "Oda", *given)
        assert (result.exit_code == 0) is is_good, result.output
        with runtime.db.read() as session:
            assert session.scalars(select(Channel.public_url)).one() == left
    assert "no channel" in invoke("channel", "link", "Yok", url).output


@old_import
def test_a_channel_of_an_unknown_topic_is_refused(runtime: Runtime) -> None:
    result = invoke("channel", "add", "oda", "json://127.0.0.1:9/x", "--topic", "iklimm")
    assert result.exit_code == 2
    assert "iklimm" in result.output


def test_staff_is_added_with_a_hashed_password(runtime: Runtime) -> None:
    password = "uzun ve güzel bir parola"
    result = invoke("staff", "add", "ayse@example.org", "--password-stdin", given=password + "\n")
    assert result.exit_code == 0, result.output
    with runtime.db.read() as session:
        row = session.scalars(select(Staff)).one()
    assert row.password is not None
    assert row.password.startswith("$argon2")
    assert [role.name for role in row.roles] == ["administrator"]


def test_staff_passwords_are_asked_for_twice(runtime: Runtime) -> None:
    given = "one long password\nanother long password\n"
    result = invoke("staff", "add", "ayse@example.org", given=given)
    assert result.exit_code == 1
    assert "do not match" in result.output
    with runtime.db.read() as session:
        assert session.scalars(select(Staff)).all() == []


def bring(file: Path, editor: str, *more: str) -> Result:
    proof = more or ("--consent-origin", "form 2024", "--evidence", "file 17")
    return invoke("subscriber", "import", str(file), "--staff", editor, *proof)


def test_subscribers_are_imported_and_an_import_is_undone(
    runtime: Runtime, editor: str, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    header = "\ufeffaddress,topics,places,frequency,language\n"  # as Excel writes it
    file.write_text(header + "ali@example.org,iklim-cevre,,daily,tr\n", encoding="utf-8")
    proof = ("--consent-origin", "form 2024", "--evidence", "file 17")
    assert "would be: 1 added" in bring(file, editor, *proof, "--check").output
    result = bring(file, editor)
    assert result.exit_code == 0, result.output
    assert "import 2: 1 added" in result.output
    with runtime.db.read() as session:
        assert session.scalars(select(Destination.address)).one() == "ali@example.org"
    shown = invoke("subscriber", "show", "ali@example.org", "--staff", editor)
    assert "live\tiklim-cevre\tthe whole city\tdaily" in shown.output
    why = ("--staff", editor, "--reason", "Wrong list")
    undone = invoke("subscriber", "undo-import", "2", *why)
    assert "import 2 undone: 1 ended, 1 erased" in undone.output, undone.output
    assert "nothing to undo" in invoke("subscriber", "undo-import", "2", *why).output
    assert "nobody is known" in invoke("subscriber", "show", "ali@example.org", *why[:2]).output
    with runtime.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == [
        *("import.check", "import.check", "import.store"),
        *("subscriber.look", "import.undo", "subscriber.look"),
    ]


def test_subscriptions_are_ended_by_hand(runtime: Runtime, editor: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("address,topics,places,frequency,language\nali@example.org,,,,\n")
    bring(file, editor)
    why = ("--staff", editor, "--reason", "By phone")
    assert invoke("subscriber", "end", "ali@example.org", *why).output == "1 ended.\n"
    assert "None of these" in invoke("subscriber", "end", "ali@example.org", *why).output


def test_an_import_asks_for_the_origin_of_the_consent(
    runtime: Runtime, editor: str, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("address,topics,places,frequency,language\n")
    assert "Missing option '--consent-origin'" in bring(file, editor, "--by-letter").output
    for more in (
        (" ", "--evidence", "file"),
        ("form",),
        ("form", "--evidence", "x", "--by-letter"),
    ):
        result = bring(file, editor, "--consent-origin", *more)
        assert result.exit_code == 2, more


def test_an_import_with_mistakes_lists_them(runtime: Runtime, editor: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("address,topics,places,frequency,language\n" + "x,,,,\n" * 60)
    result = bring(file, editor)
    assert result.exit_code == 2
    assert "line 2: address: an address has an @" in result.output
    assert "nothing was imported: 60 errors" in result.output


def test_an_import_that_is_not_utf_8_says_so(runtime: Runtime, editor: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes("address,topics\nışık@example.org".encode("iso-8859-9"))
    result = bring(file, editor)
    assert result.exit_code == 2
    assert "is not UTF-8" in result.output


def test_an_audit_of_a_sound_ledger_is_quiet(runtime: Runtime) -> None:
    assert invoke("audit").exit_code == 0


def test_an_audit_of_a_broken_ledger_exits_1(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.add(Notification(kind="service", state="planned", planned=3, release_at=utcnow()))
    result = invoke("audit")
    assert result.exit_code == 1
    assert "planned 3, rows 0" in result.output


def test_migrating_twice_changes_nothing(runtime: Runtime) -> None:
    assert invoke("migrate").exit_code == 0
    assert invoke("migrate").exit_code == 0
