"""Mail leaves encrypted where that is asked for, to the relay that was meant, or not at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from service.models import Batch, BatchState, Delivery, DeliveryState
from service.setting_sources import SettingsError
from service.settings import load
from tests.integration.email import letters
from tests.integration.email.letters import Letters, Narrow
from tests.integration.email.script import DOT, HANG_UP, MIDDLE, Script, at
from tests.integration.email.scripted import playing
from tests.integration.email.security import Authority, Security

SENT, QUEUED, UNKNOWN = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.UNKNOWN
SCHEMES = ("smtps", "smtp+starttls")
LOGIN = ("tellal@relay", "gizli: p/w@ö%")
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def waits(town, clock, said) -> Callable[[int, str], None]:
    """Nothing has left, nobody has lost an attempt, and the log says why in one line."""

    def check(notification: int, why: str) -> None:
        assert set(town.states(notification).values()) == {QUEUED}
        assert {row.attempts for row in town.all(Delivery)} == {0}
        (batch,) = town.all(Batch)
        assert (batch.state, batch.attempts) == (BatchState.READY, 0)
        assert batch.due_at > clock() + timedelta(seconds=20)
        (line,) = [line for line in said().splitlines() if '"peer away"' in line]
        assert why in line
        assert town.findings() == []

    return check


def url(scheme: str, script: Script, login: tuple[str, str] | None = None) -> str:
    who = f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@" if login else ""
    return f"{scheme}://{who}127.0.0.1:{script.port}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_letters_leave_encrypted_to_a_relay_that_an_own_authority_vouches_for(
    town, sending, authority, scheme
):
    readers = {f"okur{n}@example.org": 0 for n in range(30)}
    for address in readers:
        readers[address] = town.reader(address=address)
    notification = town.planned()

    with playing(Script(security=Security(authority.context(), scheme == "smtps"))) as script:
        told = {"smtp_url": SecretStr(url(scheme, script)), "smtp_ca": authority.pem}
        sending(**told)(notification)

    assert town.states(notification) == dict.fromkeys(readers.values(), SENT)
    assert script.accepted == dict.fromkeys(readers, 1)
    assert town.findings() == []


@only_sqlite
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("name", "days", "is_known", "why"),
    [
        ("relay.example", 90, True, "IP address mismatch"),
        ("127.0.0.1", -1, True, "certificate has expired"),
        ("127.0.0.1", 90, False, "unable to get local issuer certificate"),
    ],
)
def test_to_a_relay_that_is_not_the_one_that_was_meant_nothing_leaves(
    town, sending, authority, waits, scheme, name, days, is_known, why
):
    town.readers(3)
    notification = town.planned()
    security = Security(authority.context(name, days), scheme == "smtps")

    with playing(Script(security=security)) as script:
        sending(smtp_url=SecretStr(url(scheme, script)), smtp_ca=authority.pem if is_known else "")(
            notification
        )

    assert script.seen == {}
    waits(notification, why)


@only_sqlite
def test_a_relay_that_offers_no_encryption_gets_neither_letter_nor_password(
    town, sending, authority, waits, said
):
    town.readers(3)
    notification = town.planned()

    with playing(Script()) as script:
        sending(smtp_url=SecretStr(url("smtp+starttls", script, LOGIN)))(notification)

    assert (script.seen, script.logins) == ({}, [])
    waits(notification, "STARTTLS extension not supported")
    assert_secret(said())


@only_sqlite
@pytest.mark.parametrize("mechanisms", [b"PLAIN", b"LOGIN", b"CRAM-OTHER PLAIN LOGIN"])
@pytest.mark.parametrize("password", ["gizli: p/w@%", LOGIN[1]])
def test_the_sender_signs_in_once_for_all_letters(
    town, sending, authority, mechanisms, password, said
):
    town.readers(3)
    notification = town.planned()
    login = LOGIN[0], password
    security = Security(authority.context(), login=login, mechanisms=mechanisms)

    with playing(Script(security=security)) as script:
        told = url("smtp+starttls", script, login)
        sending(smtp_url=SecretStr(told), smtp_ca=authority.pem)(notification)

    assert set(town.states(notification).values()) == {SENT}
    assert script.logins == [(LOGIN[0].encode(), password.encode())]
    assert_secret(said(), password)


@only_sqlite
@pytest.mark.parametrize("mechanisms", [b"PLAIN", b"LOGIN"])
def test_where_the_password_is_wrong_mail_waits_and_the_log_does_not_tell_it(
    town, sending, authority, waits, mechanisms, said
):
    town.readers(3)
    notification = town.planned()
    security = Security(authority.context(), login=("tellal@relay", "x"), mechanisms=mechanisms)

    with playing(Script(security=security)) as script:
        told = url("smtp+starttls", script, LOGIN)
        sending(smtp_url=SecretStr(told), smtp_ca=authority.pem)(notification)

    assert script.seen == {}
    assert script.logins
    waits(notification, "535")
    assert_secret(said())


@only_sqlite
def test_a_relay_that_wants_a_login_first_costs_nobody_an_attempt(town, sending, authority, waits):
    town.readers(3)
    notification = town.planned()
    security = Security(authority.context(), login=LOGIN)

    with playing(Script(security=security)) as script:
        sending(smtp_url=SecretStr(url("smtp", script)))(notification)

    assert (script.accepted, script.stray) == ({}, [])
    waits(notification, "530 5.7.0 who are you")


def assert_secret(log: str, password: str = LOGIN[1]) -> None:
    """Neither in clear nor as a URL or a command would have it."""
    whole = f"\0{LOGIN[0]}\0{password}".encode()
    for shown in (password, quote(password, safe=""), base64.b64encode(whole).decode()):
        assert shown not in log
    assert base64.b64encode(password.encode()).decode() not in log


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("is_pipelining", [True, False])
def test_large_letters_over_slow_links_arrive_whole(authority, scheme, is_pipelining) -> None:
    many = Letters(letters.readers(40), size=200_000)
    security = Security(authority.context(), scheme == "smtps")

    with playing(Script(security=security, is_pipelining=is_pipelining)) as script:
        told = url(scheme, script)
        with letters.relays(told, authorities=authority.pem, kind=Narrow) as relays:
            letters.send(relays, many, links=3)

    assert set(many.states().values()) == {SENT}
    assert script.accepted == dict.fromkeys(letters.readers(40), 1)
    assert {raw for _, _, raw in script.letters} == {many.raw}


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", MIDDLE, DOT])
def test_a_relay_that_hangs_up_in_the_middle_leaves_one_outcome_each(authority, verb: str) -> None:
    """Where a letter may have been taken it is unknown, else another link sends it."""
    readers = letters.readers(20)
    many, hit = Letters(readers, size=200_000), set(readers[::7])
    rule = at(verb, HANG_UP, lambda who: who in hit, times=1)
    security = Security(authority.context())

    with playing(Script(rule, security=security)) as script:
        # The sender's address is the same for all, so at MAIL each connection is one of these.
        script.name_of = lambda _sender: next(iter(hit))
        told = url("smtp+starttls", script)
        with letters.relays(told, authorities=authority.pem, kind=Narrow) as relays:
            letters.send(relays, many)

    unknown = hit if verb in (MIDDLE, DOT) else set()
    assert many.states() == {who: UNKNOWN if who in unknown else SENT for who in readers}
    assert {who for who, state in many.states().items() if state == SENT} <= set(script.accepted)
    assert set(script.accepted.values()) == {1}
    assert script.stray == []


def test_an_authority_that_is_none_is_refused_at_the_start(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    monkeypatch.setenv("TELLAL_SMTP_CA_FILE", str(file))
    with pytest.raises(SettingsError, match="TELLAL_SMTP_CA: holds no certificate in PEM"):
        load(var_dir=tmp_path)
