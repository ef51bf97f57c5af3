"""What the doctor says of relays: encrypted or not, with or without a login, willing or not."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from service.doctor import Finding, Level
from service.doctor.relay import Probe
from service.smtp import Server
from tests.integration.doctor.relay import GREETING, certificate, served

SENDER, RECIPIENT = "b+doctor@haber.example.org", "haber@haber.example.org"


def probe(url: str) -> tuple[dict[str, Finding], Probe]:
    one = Probe(Server.of(url), SENDER, RECIPIENT)
    found = one.run()
    by_check = {finding.check: finding for finding in found}
    assert len(by_check) == len(found)
    return by_check, one


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for 127.0.0.1 that this process trusts."""
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def test_a_relay_is_asked_for_an_envelope_and_gets_no_letter() -> None:
    with served() as (desk, port):
        found, one = probe(f"smtp://127.0.0.1:{port}")

    assert found["envelope"].level == Level.OK
    assert desk.asked == [SENDER, RECIPIENT]
    assert desk.letters == 0
    assert (one.greeting, str(one.address)) == (GREETING, "127.0.0.1")


@pytest.mark.parametrize(("scheme", "is_smtps"), [("smtp+starttls", False), ("smtps", True)])
def test_a_trusted_certificate_is_shown_with_its_days(
    trusted: Path, scheme: str, is_smtps: bool
) -> None:
    with served(trusted, is_smtps=is_smtps) as (_, port):
        found, _ = probe(f"{scheme}://127.0.0.1:{port}")

    assert (found["TLS"].level, found["envelope"].level) == (Level.OK, Level.OK)
    assert "is trusted and ends in 90 days" in found["TLS"].says


def test_an_own_authority_vouches_as_it_does_for_the_sender(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    with served(file, is_smtps=True) as (_, port):
        url = f"smtps://127.0.0.1:{port}"
        found = Probe(Server.of(url), SENDER, RECIPIENT, file.read_text()).run()

    (tls,) = [finding for finding in found if finding.check == "TLS"]
    assert tls.level == Level.OK


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
@pytest.mark.parametrize(
    ("name", "days", "is_known", "says"),
    [
        ("127.0.0.1", 90, False, "self-signed certificate"),
        ("relay.example.net", 90, True, "IP address mismatch"),
        ("127.0.0.1", -1, True, "certificate has expired"),
    ],
)
def test_a_certificate_that_is_not_trusted_ends_the_conversation(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    name: str,
    days: float,
    is_known: bool,
    says: str,
) -> None:
    file = certificate(tmp_path, name, days)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with served(file, is_smtps=scheme == "smtps") as (desk, port):
        found, _ = probe(f"{scheme}://127.0.0.1:{port}")

    assert (found["TLS"].level, says in found["TLS"].says) == (Level.WRONG, True), found
    assert "envelope" not in found
    assert desk.asked == []


def test_a_certificate_that_ends_soon_is_wrong_but_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, days=3.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with served(file) as (_, port):
        found, _ = probe(f"smtp+starttls://127.0.0.1:{port}")

    assert (found["TLS"].level, found["TLS"].mend) == (Level.WRONG, "renew it")
    assert "ends in 3 days" in found["TLS"].says
    assert found["envelope"].level == Level.OK


def test_a_relay_without_starttls_is_said_where_the_url_asks_for_it() -> None:
    with served() as (_, port):
        found, _ = probe(f"smtp+starttls://127.0.0.1:{port}")

    assert "offers no STARTTLS" in found["TLS"].says
    assert "envelope" not in found


def test_smtps_to_a_plain_port_is_said() -> None:
    with served() as (_, port):
        found, _ = probe(f"smtps://127.0.0.1:{port}")

    assert "no TLS with 127.0.0.1" in found["TLS"].says
    assert "smtp+starttls://" in found["TLS"].mend


@pytest.mark.parametrize(
    ("password", "takes_login", "level", "says"),
    [
        ("right", True, Level.OK, "takes the login of ayse"),
        ("wrong", True, Level.WRONG, "refuses the login of ayse: 535"),
        ("yanlış", True, Level.WRONG, "refuses the login of ayse: 535"),
        ("right", False, Level.WRONG, "takes no login"),
    ],
)
def test_the_login_is_tried(password: str, takes_login: bool, level: Level, says: str) -> None:
    with served(takes_login=takes_login) as (_, port):
        found, _ = probe(f"smtp://ayse:{password}@127.0.0.1:{port}")

    assert (found["login"].level, says in found["login"].says) == (level, True), found
    assert ("envelope" in found) == (level == Level.OK)
    assert password not in "".join(f"{one.says}{one.mend}" for one in found.values())


@pytest.mark.parametrize(
    ("verb", "answer", "says"),
    [
        ("MAIL", "553 5.7.1 not yours", f"refuses {SENDER} as the sender: 553 5.7.1 not yours"),
        ("RCPT", "554 5.7.1 no relaying\x07", f"letter to {RECIPIENT}: 554 5.7.1 no relaying."),
        ("RCPT", "450 4.2.0 later", "450 4.2.0 later"),
    ],
)
def test_an_envelope_that_is_refused_is_said(verb: str, answer: str, says: str) -> None:
    with served(answers={verb: answer}) as (_, port):
        found, _ = probe(f"smtp://127.0.0.1:{port}")

    assert (found["envelope"].level, says in found["envelope"].says) == (Level.WRONG, True), found


def test_a_relay_that_is_away_is_said() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        found, one = probe(f"smtp://127.0.0.1:{port}")

    assert found["relay"].says.startswith(f"nobody answers at 127.0.0.1 port {port}: ")
    assert one.address is None


@pytest.mark.parametrize(
    "said",
    [
        b"554 5.3.2 no\r\n",
        b"",
        b"220 hi\r\n",
        b"220 hi\r\n250-\xff" + b"x" * 20_000,
        b"220 hi\r\n554 no\r\n554 no\r\n",
        b"220 hi\r\n250 x.y\r\nrubbish\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
    ids=["refuses", "hangs up", "hangs up later", "endless", "no EHLO", "rubbish", "HTTP"],
)
def test_whatever_a_relay_says_is_one_sentence(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(said)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(5)
                with suppress(ConnectionResetError):
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=once)
        thread.start()
        found, _ = probe(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(10)

    bad = [one for one in found.values() if one.level.is_bad]
    assert len(bad) == 1
    assert "\n" not in bad[0].says
    assert bad[0].mend


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://relay.example", "begins with http://"),
        ("relay:25", "begins with relay://"),
        ("smtp://", "names no host"),
        ("smtp://ayse:geheim", "names no port that there is"),
        ("smtp://relay.example:70000", "names no port that there is"),
        ("smtp://[ayse:geheim]", "names no host that there could be"),
        ("smtp+tls://relay.example", "begins with smtp"),
    ],
)
def test_an_address_of_no_relay_is_refused(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Server.of(url)
