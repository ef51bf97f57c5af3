"""The two ends themselves: what they record, and how they misbehave towards a client."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import Header
from pathlib import Path

import pytest
import requests

from tests.chaos.city import free_port, listens
from tests.chaos.tape import Rule, Tapes, tell

TO = "a@tellal.example"
TITLE = "Körfez için iklim eylem planı: karbon salımı azalıyor (the mark)"
SUBJECT = Header(TITLE).encode()
LETTER = f"Subject: {SUBJECT}\nMessage-ID: <1@tellal.example>\n\n{'text ' * 10}\n"


@contextmanager
def running(end: str, port: int, folder: Path) -> Iterator[None]:
    """An end, until it gets kill -9."""
    command = [sys.executable, "-m", f"tests.chaos.{end}", str(port), str(folder)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 20
    while not listens(port):
        assert time.monotonic() < deadline, f"the {end} does not listen"
        time.sleep(0.02)
    yield
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    port, folder = free_port(), tmp_path_factory.mktemp("sink")
    with running("sink", port, folder):
        yield port, folder


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


def test_a_room_of_matrix_takes_a_number_once_even_if_its_server_dies(tmp_path: Path) -> None:
    port = free_port()
    room = f"http://127.0.0.1:{port}/_matrix/client/v3/rooms/%213:tellal.example"
    message = {"body": f"{TITLE}\n\nGövde (1)"}

    def put(number: str) -> int:
        url = f"{room}/send/m.room.message/{number}"
        return requests.put(url, json=message, timeout=10).status_code

    with running("receiver", port, tmp_path):
        assert [put("7-3"), put("7-3"), put("8-3")] == [200] * 3
        tell(tmp_path, "chat", [Rule("POST", "429")])
        assert put("9-3") == 429
        tell(tmp_path, "chat", [])
    with running("receiver", port, tmp_path):
        assert [put("7-3"), put("9-3")] == [200] * 2

    tapes = Tapes(tmp_path)
    tapes.read()
    assert tapes.arrived["the mark"].ids == {"/room/3": ["7-3", "8-3", "9-3"]}
