"""Settings as the command line shows them, and how a wrong one is said."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from types import FunctionType

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.dkim import new_key
from service.setting_sources import PREFIX, SettingsError
from service.settings import Settings, load
from service.settings.part import Part

ROOT = Path(__file__).parents[3]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def in_process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a person calls it, so that the last net of `main` is part of the test."""
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_dump_names_every_setting_and_its_meaning() -> None:
    shown = invoke("config", "dump").output
    for name, field in Settings.model_fields.items():
        assert f"{PREFIX}{name.upper()}=" in shown
        assert field.description, f"{name} has no description"


def test_dump_masks_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [n for n, f in Settings.model_fields.items() if "Secret" in str(f.annotation)]
    for name in secrets:
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", "gizli-parola-uzun")
    for name in ("SMTP_URL", "SMTP_FALLBACK_URL", "SMTP_MORE_URLS"):
        monkeypatch.setenv(f"{PREFIX}{name}", f"smtps://ayse:gizli-parola@relay{len(name)}.example")
    monkeypatch.setenv("TELLAL_AMQP_URL", "amqp://ayse:gizli-parola@broker.example")
    monkeypatch.setenv("TELLAL_DKIM_KEY", pem := new_key())
    monkeypatch.setenv("TELLAL_METRICS_TOKEN", "gizli-parola-of-16")
    monkeypatch.setenv("TELLAL_DKIM_SELECTOR", "2026a")
    shown = invoke("config", "dump").output
    assert len(secrets) >= 5
    assert "gizli" not in shown
    assert pem[40:60] not in shown
    assert shown.count("********") == len(secrets)


def test_example_environment_is_as_the_settings_define_it() -> None:
    expected = invoke("config", "example").output
    found = (ROOT / "config" / "tellal.env.example").read_text(encoding="utf-8")
    assert found == expected, "run: tellal config example > config/tellal.env.example"


def test_no_part_takes_the_place_of_what_another_one_checks() -> None:
    """Of two validators with one name Pydantic would drop one without a word."""
    parts = [one for one in Settings.__mro__ if issubclass(one, Part) and one is not Part]
    kinds = (classmethod, property, cached_property, FunctionType)
    fields = [name for part in parts for name in inspect.get_annotations(part)]
    functions = [
        name
        for part in parts
        for name, value in vars(part).items()
        if isinstance(value, kinds) and not name.startswith("__")
    ]
    assert sorted(fields) == sorted(Settings.model_fields)
    assert "_has_a_first_relay" in functions
    assert len(set(functions)) == len(functions)


def test_check_shows_the_brand_and_every_contrast() -> None:
    found = invoke("config", "check")
    assert found.exit_code == 0
    assert "/en   İzmir Metropolitan Municipality" in found.output
    assert len(re.findall(r"[0-9.]+:1  \(at least (?:4\.5|3\.0):1\)", found.output)) > 50


def test_check_refuses_a_colour_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "brand.yaml").write_text('colours: {brand: "#33aaff"}')
    found = in_process("config", "check", TELLAL_CONFIG_DIR=str(tmp_path))
    assert found.returncode == 2
    assert (
        f"{tmp_path}/brand.yaml:1: colours: brand #33aaff has a contrast of 2.18:1" in found.stderr
    )
    assert "#0071b3 would do" in found.stderr
    assert "Traceback" not in found.stderr


def test_example_environment_sets_nothing() -> None:
    lines = invoke("config", "example").output.splitlines()
    assert all(not line or line.startswith("#") for line in lines)


def test_a_secret_can_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.delenv("TELLAL_SECRET_KEY", raising=False)
    monkeypatch.setenv("TELLAL_SECRET_KEY_FILE", str(tmp_path / "key"))
    assert load().secret_key.get_secret_value() == "from the file"


def test_a_variable_wins_over_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from the file")
    monkeypatch.setenv("TELLAL_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("TELLAL_SECRET_KEY", "from the variable")
    assert load().secret_key.get_secret_value() == "from the variable"


def test_a_secret_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELLAL_SECRET_KEY", raising=False)
    monkeypatch.setenv("TELLAL_SECRET_KEY_FILE", "/nowhere/key")
    with pytest.raises(SettingsError, match=r"TELLAL_SECRET_KEY_FILE names /nowhere/key"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELLAL_PORT", "eighty"),
        ("TELLAL_REVIEW_WAIT_S", "-1"),
        ("TELLAL_BOUNCE_LMTP", "2424"),
        ("TELLAL_BOUNCE_LMTP", "localhost:port"),
        ("TELLAL_SECURITY_CONTACT", "security@example.org"),
    ],
)
def test_a_bad_value_is_one_line_and_exit_2(name: str, value: str) -> None:
    done = in_process("config", "dump", **{name: value})
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert name in done.stderr


def test_missing_keys_are_one_line_and_exit_2(tmp_path: Path) -> None:
    keys = {"TELLAL_SECRET_KEY": "", "TELLAL_ENCRYPTION_KEY": ""}
    done = in_process("audit", TELLAL_VAR_DIR=str(tmp_path), **keys)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "TELLAL_SECRET_KEY is not set" in done.stderr


def test_compose_secrets_are_made_once_in_a_closed_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert invoke("config", "secrets", str(folder)).exit_code == 0
    first = {path.name: path.read_text() for path in folder.iterdir()}
    assert invoke("config", "secrets", str(folder)).exit_code == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert invoke("config", "secrets", str(folder)).exit_code == 0
    assert folder.stat().st_mode & 0o777 == 0o750, "a service that enters by its group goes on"
    assert first["postgres_password"] in first["database_url"]


def test_a_command_in_another_terminal_finds_the_running_instance(tmp_path: Path) -> None:
    running = {"port": 8123, "host": "127.0.0.1", "allow_private_hosts": ["127.0.0.1"]}
    (tmp_path / "running.json").write_text(json.dumps(running), encoding="utf-8")

    settings = load(var_dir=tmp_path)

    assert settings.public_url == "http://localhost:8123"
    assert settings.allow_private_hosts == ("127.0.0.1",)


def test_a_key_without_its_selector_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_DKIM_KEY", new_key())
    with pytest.raises(SettingsError, match="DKIM_SELECTOR go together: set both"):
        load()


def test_a_signature_that_mailboxes_would_not_count_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELLAL_MAIL_FROM", "haber@haber.example.org")
    monkeypatch.setenv("TELLAL_DKIM_DOMAIN", "example.org")
    assert load().signing_domain == "example.org"  # a parent counts
    for wrong in ("er.example.org", "example.net", "a.haber.example.org", "örnek.org", "a b"):
        monkeypatch.setenv("TELLAL_DKIM_DOMAIN", wrong)
        with pytest.raises(SettingsError, match="DKIM_DOMAIN"):
            load()


def test_a_sender_whose_domain_cannot_sign_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_MAIL_FROM", "haber@örnek.example")
    assert load().mail_domain == "örnek.example"  # without a key it signs nothing
    monkeypatch.setenv("TELLAL_DKIM_KEY", new_key())
    monkeypatch.setenv("TELLAL_DKIM_SELECTOR", "2026a")
    with pytest.raises(SettingsError, match="cannot sign"):
        load()
    monkeypatch.setenv("TELLAL_MAIL_FROM", "haber@xn--rnek-4qa.example")
    assert load().signing_domain == "xn--rnek-4qa.example"


def test_a_broken_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_DKIM_KEY", "gizli-parola")
    with pytest.raises(SettingsError, match="no private key in PEM form") as refused:
        load()
    assert "gizli" not in str(refused.value)


@pytest.mark.parametrize(
    "contact",
    [
        "mailto:guvenlik@example.bel.tr",
        "https://www.example.bel.tr/guvenlik?form=1#bildir",
        "https://example.org:8443",
    ],
)
def test_a_contact_for_holes_is_mail_or_a_page(
    monkeypatch: pytest.MonkeyPatch, contact: str
) -> None:
    assert load().security_contact == ""
    monkeypatch.setenv("TELLAL_SECURITY_CONTACT", contact)
    assert load().security_contact == contact


@pytest.mark.parametrize(
    "contact",
    [
        "http://example.org/report",  # RFC 9116, section 2.5.3
        "mailto:",
        "mailto:a@b@example.org",
        "mailto:a@example.org?bcc=b@example.org",
        "https://",
        "https://name:word@example.org/",
        "https://example.org/a b",
        "https://example.org/\nContact: mailto:b@example.org",
        "mailto:a@example.org\n",
        "https://örnek.example/",
        "javascript:alert(1)",
    ],
)
def test_what_would_be_no_contact_for_holes_is_refused(
    monkeypatch: pytest.MonkeyPatch, contact: str
) -> None:
    monkeypatch.setenv("TELLAL_SECURITY_CONTACT", contact)
    with pytest.raises(SettingsError, match="SECURITY_CONTACT"):
        load()
