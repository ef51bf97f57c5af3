"""The scripted relay is right: what the standard library's client and a rude one make of it."""

from __future__ import annotations

import smtplib
import socket

import pytest

from tests.integration.email.script import DOT, HANG_UP, Script, at, either
from tests.integration.email.scripted import playing

SENDER, READER, OTHER = "b@example.org", "okur@example.org", "baska@example.org"
LETTER = "Subject: x\r\n\r\nbir\r\n.iki\r\n"


def is_reader(who: str) -> bool:
    return who == READER


def send(script: Script, *recipients: str) -> list[int]:
    """The code of each letter's last answer; 0 where the connection was lost."""
    codes = []
    for recipient in recipients:
        try:
            with smtplib.SMTP("127.0.0.1", script.port, timeout=5) as smtp:
                smtp.ehlo()
                codes.append(_one(smtp, recipient))
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            codes.append(0)
    return codes


def _one(smtp: smtplib.SMTP, recipient: str) -> int:
    for code, wanted in ((smtp.mail(SENDER)[0], 250), (smtp.rcpt(recipient)[0], 250)):
        if code != wanted:
            return code
    try:
        return smtp.data(LETTER)[0]
    except smtplib.SMTPDataError as error:
        return error.smtp_code


def talk(script: Script, *parts: bytes) -> list[bytes]:
    """Send all of it in one go after the greeting, hang up, and read every line that came."""
    with socket.create_connection(("127.0.0.1", script.port), 5) as connection:
        connection.sendall(b"".join(parts))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            return [line.rstrip() for line in answers]


@pytest.mark.parametrize("is_in_crumbs", [False, True])
def test_without_a_rule_it_takes_every_letter(is_in_crumbs: bool) -> None:
    with playing(Script(is_in_crumbs=is_in_crumbs)) as script:
        assert send(script, READER, OTHER) == [250, 250]

    assert script.accepted == {READER: 1, OTHER: 1}
    assert script.letters[0] == (SENDER, READER, LETTER.encode())
    assert script.stray == []


@pytest.mark.parametrize("is_in_crumbs", [False, True])
@pytest.mark.parametrize("verb", ["RCPT", "DATA", DOT])
@pytest.mark.parametrize("answer", [b"550 5.1.1 no", b"451 4.3.0 later", b"421 4.3.2 bye"])
def test_a_refusal_is_for_whom_it_is_meant(verb: str, answer: bytes, is_in_crumbs: bool) -> None:
    rule = at(verb, answer, is_reader)
    with playing(Script(rule, is_in_crumbs=is_in_crumbs)) as script:
        assert send(script, READER, OTHER) == [int(answer[:3]), 250]

    assert script.accepted == {OTHER: 1}


def test_mail_is_refused_by_what_the_sender_stands_for() -> None:
    rule = at("MAIL", b"451 4.7.1 later", is_reader)
    with playing(Script(rule, name_of=lambda sender: READER)) as script:
        assert send(script, OTHER) == [451]


@pytest.mark.parametrize("verb", ["RCPT", "DATA", DOT])
def test_it_hangs_up_as_often_as_it_is_told(verb: str) -> None:
    with playing(Script(at(verb, HANG_UP, is_reader, times=1))) as script:
        assert send(script, READER, READER) == [0, 250]

    # A letter whose answer never left was taken all the same.
    assert script.accepted == {READER: 2 if verb == DOT else 1}


def test_refusals_come_in_the_middle_of_what_came_in_one_go() -> None:
    rule = at("RCPT", b"550 5.1.1 no", is_reader)
    envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<%s>\r\nDATA\r\n"
    with playing(Script(rule)) as script:
        said = talk(
            script,
            b"EHLO x\r\n",
            (envelope % READER).encode(),
            (envelope % OTHER).encode(),
            b"\r\nhi\r\n.\r\nQUIT\r\n",
        )

    codes = [line[:3] for line in said if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"550", b"554", b"250", b"250", b"354", b"250", b"221"]
    assert b"250-PIPELINING" in said
    assert script.accepted == {OTHER: 1}


def test_a_letter_that_nobody_may_get_is_noticed() -> None:
    rule = either(
        at("RCPT", b"550 5.1.1 no", is_reader), at("DATA", b"354 all the same", is_reader)
    )
    envelope = f"EHLO x\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<{READER}>\r\nDATA\r\n".encode()
    with playing(Script(rule)) as script:
        polite = talk(script, envelope, b".\r\n")
        assert (polite[-1][:3], script.stray) == (b"554", [])

        talk(script, envelope, b"\r\nsecret\r\n.\r\n")
        talk(script, envelope, b"\r\nhalf")

    assert script.stray == [b"\r\nsecret\r\n", b"\r\nhalf"]
    assert script.accepted == {}


def test_pipelining_is_announced_only_where_it_is_meant() -> None:
    with playing(Script(is_pipelining=False)) as script:
        assert not any(b"PIPELINING" in line for line in talk(script, b"EHLO x\r\nQUIT\r\n"))
