"""The sink itself: what it records, and how it misbehaves towards a client."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from email.header import Header
from pathlib import Path

import pytest

from tests.chaos.city import free_port, listens
from tests.chaos.tape import Rule, Tapes, tell

TO = "a@tellal.example"
SUBJECT = Header("Körfez için iklim eylem planı: karbon salımı azalıyor (the mark)").encode()
LETTER = f"Subject: {SUBJECT}\nMessage-ID: <1@tellal.example>\n\n{'text ' * 10}\n"


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    port, folder = free_port(), tmp_path_factory.mktemp("sink")
    process = subprocess.Popen([sys.executable, "-m", "tests.chaos.sink", str(port), str(folder)])
    deadline = time.monotonic() + 20
    while not listens(port):
        assert time.monotonic() < deadline, "the sink does not listen"
        time.sleep(0.02)
    yield port, folder
    process.kill()
    process.wait()


def send(port: int) -> int:
    """Send one letter; the code of the refusal, 250, or 0 where the sink hung up."""
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("city@tellal.example", [TO], LETTER)
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients[TO][0]
    except smtplib.SMTPServerDisconnected:
        return 0
    except smtplib.SMTPResponseException as error:
        return 0 if error.smtp_code in (-1, 421) else error.smtp_code
    return 250


@pytest.mark.parametrize(
    ("rule", "code", "copies", "doubts"),
    [
        (None, 250, 1, 0),
        *((Rule(at, "451"), 451, 0, 0) for at in ("EHLO", "MAIL", "RCPT", "DATA", "DOT")),
        (Rule("RCPT", "550"), 550, 0, 0),
        *((Rule(at, "disconnect"), 0, 0, 0) for at in ("EHLO", "MAIL", "RCPT", "DATA")),
        *((Rule(at, "disconnect"), 0, 0, 1) for at in ("MID", "DOT")),
        (Rule("DOT", "swallow"), 0, 1, 1),
        (Rule("DOT", "slow", seconds=0.01), 250, 1, 0),
    ],
)
def test_the_sink_does_as_it_is_told_and_keeps_a_line(
    sink: tuple[int, Path], rule: Rule | None, code: int, copies: int, doubts: int
) -> None:
    port, folder = sink
    tapes = Tapes(folder)
    tapes.read()
    before = len(tapes.arrived["the mark"].ids[TO])
    tapes.forget()
    tell(folder, "mail", [rule] if rule else [])
    assert send(port) == code
    tapes.read()
    ids = tapes.arrived["the mark"].ids[TO]
    assert len(ids) - before == copies
    assert set(ids) <= {"1@tellal.example"}
    assert tapes.in_doubt == doubts
    assert tapes.refused == ({TO} if code == 550 else set())
