"""`tellal doctor`: all of it in one run, its exit code, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.dkim import txt_record
from service.settings import Settings
from tests.integration.doctor import relay
from tests.integration.doctor.zone import Zone, served
from tests.unit.messages.signing import pem

DOMAIN = "haber.example.org"
ADDRESS = "203.0.113.7"
REVERSE = "7.113.0.203.in-addr.arpa"


@pytest.fixture
def zone() -> Iterator[Zone]:
    """All that a domain needs."""
    key = txt_record(pem())
    with served(
        {
            (DOMAIN, "TXT"): [f'"v=spf1 ip4:{ADDRESS} -all"'],
            (DOMAIN, "MX"): ["10 relay.example.org."],
            (f"_dmarc.{DOMAIN}", "TXT"): [f'"v=DMARC1; p=reject; rua=mailto:dmarc@{DOMAIN}"'],
            (f"2026a._domainkey.{DOMAIN}", "TXT"): [f'"{key[:200]}" "{key[200:]}"'],
            ("relay.example.org", "A"): [ADDRESS],
            (REVERSE, "PTR"): ["relay.example.org."],
        }
    ) as zone:
        yield zone


@pytest.fixture
def doctor(zone: Zone, command_line: None, monkeypatch) -> Iterator[Callable[..., Result]]:
    """Runs the command in an installation that has everything."""
    with relay.served() as (desk, port):
        monkeypatch.setenv("TELLAL_SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("TELLAL_MAIL_FROM", f"haber@{DOMAIN}")
        monkeypatch.setenv("TELLAL_DKIM_KEY", pem())
        monkeypatch.setenv("TELLAL_DKIM_SELECTOR", "2026a")

        def run(*words: str) -> Result:
            asked = ["--dns", f"127.0.0.1:{zone.port}", "--sending-address", ADDRESS]
            return CliRunner().invoke(cli, ["doctor", *asked, *words])

        yield run
        assert desk.letters == 0


def test_where_all_is_right_it_says_so(doctor) -> None:
    result = doctor("--json")

    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)
    assert shown["wrong"] == 0
    levels = {one["check"]: one["level"] for one in shown["findings"]}
    everything = {"keys", "database", "archives", "broker", "relay", "envelope"}
    assert set(levels) == everything | {"SPF", "DKIM", "DMARC", "MX", "PTR"}
    assert {level for check, level in levels.items() if check != "relay"} == {"ok"}
    assert doctor().output.endswith("\nNothing is wrong.\n")


def test_what_is_wrong_is_one_line_with_its_remedy(doctor, zone: Zone) -> None:
    del zone.records[f"_dmarc.{DOMAIN}", "TXT"]

    result = doctor()

    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("wrong")]
    assert "DMARC" in line
    assert f"Do: publish at _dmarc.{DOMAIN}: TXT" in line
    assert "1 of 11 are wrong" in result.output


def test_what_the_dns_says_cannot_steer_a_terminal(doctor, zone: Zone) -> None:
    zone.records[f"_dmarc.{DOMAIN}", "TXT"] = [
        rf'"v=DMARC1; p=reject; rua=mailto:\027[2Jdmarc@{DOMAIN}"'
    ]

    output = doctor().output

    assert f"mailto:?[2Jdmarc@{DOMAIN}" in output
    assert "\x1b" not in output


def test_a_dns_that_is_away_is_said_as_such(doctor, zone: Zone) -> None:
    zone.broken |= {name for name, _ in zone.records}

    shown = json.loads(doctor("--json").output)

    levels = {one["check"]: one["level"] for one in shown["findings"]}
    names = {"SPF", "DKIM", "DMARC", "MX", "PTR"}
    assert {check for check, level in levels.items() if level == "unseen"} == names
    says = [one["says"] for one in shown["findings"] if one["level"] == "unseen"]
    assert all("whether the record is right is not known" in text for text in says)
    assert shown["wrong"] == 5


def test_without_a_relay_mail_stays_in_the_built_in_mailbox(
    settings: Settings, command_line: None
) -> None:
    result = CliRunner().invoke(cli, ["doctor"])

    assert result.exit_code == 0, result.output
    assert "mail goes to the built-in mailbox, /dev/mailbox, and nothing leaves" in result.output
    assert "SPF" not in result.output


def test_an_empty_installation_is_told_what_it_lacks(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TELLAL_VAR_DIR", str(tmp_path))

    result = CliRunner().invoke(cli, ["doctor"])

    assert result.exit_code == 1, result.output
    assert "TELLAL_SECRET_KEY is not set" in result.output
    assert "there is no database in" in result.output
    assert "the broker does not answer" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_its_migrations_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TELLAL_VAR_DIR", str(tmp_path))
    (tmp_path / "tellal.db").touch()

    assert "run `tellal migrate`" in CliRunner().invoke(cli, ["doctor"]).output


def test_a_password_is_never_shown(doctor, monkeypatch) -> None:
    monkeypatch.setenv("TELLAL_DATABASE_URL", "postgresql://ayse:geheim@127.0.0.1:1/x")
    away = doctor()
    assert "PostgreSQL does not answer" in away.output

    monkeypatch.setenv("TELLAL_SMTP_URL", "smtp+tls://ayse:geheim@relay.example")
    refused = doctor()
    assert refused.exit_code != 0
    said = f"{refused.output}{refused.exception}"
    assert "TELLAL_SMTP_URL: begins with smtp+tls://, not with smtp, smtp+starttls, smtps" in said
    assert "geheim" not in f"{away.output}{said}"


@pytest.mark.parametrize(
    "words",
    [
        ["--sending-address", "here"],
        ["--dns", "dns.example"],
        ["--dns", "127.0.0.1:x"],
        ["--recipient", "nobody"],
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_refused(words: list[str], command_line: None) -> None:
    result = CliRunner().invoke(cli, ["doctor", *words])
    assert result.exit_code == 2
    assert "Error: Invalid value for" in result.output


def test_the_relay_that_steps_in_is_looked_at_as_well(doctor, monkeypatch) -> None:
    monkeypatch.setenv("TELLAL_SMTP_FALLBACK_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("TELLAL_SMTP_MORE_URLS", "smtp://127.0.0.1:2 smtp://127.0.0.1:3#weight=2")

    result = doctor("--json")

    assert result.exit_code == 1
    levels = {one["check"]: one["level"] for one in json.loads(result.output)["findings"]}
    assert levels["relay"] == "note"
    for which in ("no. 2", "no. 3", "last"):
        assert levels[f"{which} relay"] == "wrong"
