"""`tellal mail key`: a key in a file, and the record for the DNS."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.dkim import txt_record
from service.settings import load


def key(*words: str) -> Result:
    return CliRunner().invoke(cli, ["mail", "key", *words])


def test_it_makes_a_key_that_works_as_it_says(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TELLAL_MAIL_FROM", "haber@haber.example.org")
    file = tmp_path / "2026a.pem"

    shown = key("2026a", "--out", str(file)).output

    pem = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "2026a._domainkey.haber.example.org. IN TXT" in shown
    assert "".join(re.findall('"([^"]*)"', shown)) == txt_record(pem)
    assert pem.splitlines()[1] not in shown
    for name, value in re.findall(r"(?m)^(TELLAL_\w+)=(.*)$", shown):
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.dkim_key.get_secret_value() == pem.strip()
    assert settings.dkim_selector == "2026a"


def test_a_key_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("mine")

    refused = key("2026a", "--out", str(file))

    assert "is there already" in refused.output
    assert file.read_text() == "mine"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "cannot be written" in key("a", "--out", str(tmp_path / "no" / "key")).output


@pytest.mark.parametrize("selector", ["", "a b", "ğ", "a..b", "a-", "a;b", "x" * 64])
def test_a_name_that_the_dns_does_not_take_is_refused(selector: str, tmp_path: Path) -> None:
    refused = key(selector, "--out", str(tmp_path / "key"))

    assert "no selector" in refused.output
    assert not (tmp_path / "key").exists()
