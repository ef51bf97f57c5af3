"""The intake over a real socket: 250 after the commit, 451 while there can be none, no bounces."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from service.models import Bounce, Destination, Subscription, Suppression
from tests.integration.email.intake import listening
from workers.email import lmtp as intake

UNKNOWN, FULL = "dsn_5.1.1_unknown_user.eml", "dsn_4.2.2_mailbox_full_expired.eml"


class Away:
    """A database that fails some times: at the beginning of a transaction, or at its commit."""

    def __init__(self, db: Any, times: int, when: str) -> None:
        self._db, self.times, self._when = db, times, when

    @contextmanager
    def write(self) -> Iterator[Any]:
        is_away, self.times = self.times > 0, self.times - 1
        gone = OperationalError("", None, Exception("gone"))
        if is_away and self._when == "begin":
            raise gone
        with self._db.write() as session:
            yield session
            if is_away:
                raise gone


@contextmanager
def connected(port: int) -> Iterator[smtplib.LMTP]:
    client = smtplib.LMTP("127.0.0.1", port, local_hostname="mx.test")
    client.sock.settimeout(10)
    try:
        yield client
    finally:
        client.close()


def hand_over(port: int, raw: bytes, *recipients: str) -> tuple[int, bytes]:
    """The answer to the message, or to its recipient where that is refused."""
    with connected(port) as client:
        client.ehlo()
        assert client.mail("")[0] == 250
        for recipient in recipients:
            code, text = client.rcpt(recipient)
            if code != 250:
                return code, text
        return client.data(raw)


@pytest.fixture
def port(runtime) -> Iterator[int]:
    with listening(runtime) as port:
        yield port


def test_a_bounce_that_is_handed_over_suppresses_before_it_is_answered(port, town, report, verp):
    reader = town.reader()

    assert hand_over(port, report(UNKNOWN, reader), verp(reader))[0] == 250

    (row,) = town.all(Suppression)
    assert row.address_hash == town.get(Destination, reader).address_hash
    assert hand_over(port, report(UNKNOWN, reader), verp(reader).upper())[0] == 250
    assert town.count(Bounce) == 1


def test_the_envelope_says_whom_a_report_is_about(port, town, report, verp):
    named, meant = town.reader(), town.reader()

    assert hand_over(port, report(UNKNOWN, named), verp(meant))[0] == 250

    assert [one.destination_id for one in town.all(Bounce)] == [meant]


def test_a_forged_token_is_taken_and_has_no_effect(port, town, report, verp):
    reader = town.reader()
    token, _, domain = verp(reader).partition("@")
    forged = f"{token[:-3]}{'aaa' if token[-3:] != 'aaa' else 'bbb'}@{domain}"

    assert hand_over(port, report(UNKNOWN, reader), forged)[0] == 250
    assert hand_over(port, b"Subject: hello\r\n\r\nbuy this", verp(reader))[0] == 250

    assert town.count(Bounce) == town.count(Suppression) == 0


def test_a_complaint_comes_to_an_address_of_its_own(port, town, report):
    reader = town.reader()

    assert hand_over(port, report("arf.eml", reader), "FBL@tellal.example")[0] == 250

    assert [one.reason for one in town.all(Suppression)] == ["complaint"]


def test_a_mailed_wish_to_leave_is_the_act_of_the_one_click(port, town, runtime):
    reader = town.reader()
    (subscription,) = town.all(Subscription)
    kept = town.subscribe(reader, topic=None)
    token = runtime.vault.token("unsubscribe", 4711, reader, subscription.id)

    for _ in range(2):
        code, _ = hand_over(port, b"Subject: unsubscribe\r\n\r\n", f"u+{token}@tellal.example")
        assert code == 250

    ended = town.get(Subscription, subscription.id)
    assert ended.ended_at is not None
    assert ended.end_reason == "one-click"
    assert town.get(Subscription, kept).ended_at is None
    assert town.count(Suppression) == 0


@pytest.mark.parametrize(
    "recipient",
    [
        "haber@tellal.example",
        "b+@tellal.example",
        "b+aa@x",
        "postmaster",
        "c+aaaaaaaaaaaaaaaaaaaa@x",
    ],
)
def test_other_recipients_are_refused(port, recipient):
    assert hand_over(port, b"", recipient)[0] in (550, 553)


def test_each_recipient_is_answered_for_itself(port, town, report, verp):
    first, second = town.reader(), town.reader()

    assert hand_over(port, b"", verp(first), verp(second))[0] == 452


@pytest.mark.parametrize("when", ["begin", "commit"])
def test_while_the_database_is_away_the_mail_server_keeps_the_message(
    when, runtime, town, report, verp
):
    reader = town.reader()
    flaky = replace(runtime, db=Away(runtime.db, 2, when))
    with listening(flaky) as port:
        answers = [hand_over(port, report(UNKNOWN, reader), verp(reader))[0] for _ in range(2)]
        assert answers == [451, 451]
        assert town.count(Bounce) == town.count(Suppression) == 0

        assert hand_over(port, report(UNKNOWN, reader), verp(reader))[0] == 250

    assert town.count(Bounce) == town.count(Suppression) == 1


def test_an_error_of_ours_loses_nothing_either(port, town, report, verp, monkeypatch):
    reader = town.reader()
    monkeypatch.setattr(intake, "take", lambda *_: 1 // 0)

    assert hand_over(port, report(UNKNOWN, reader), verp(reader))[0] == 451


def test_long_lines_are_taken_and_too_large_a_message_is_not(port, town, report, verp):
    reader = town.reader()
    raw = report(UNKNOWN, reader).replace(b"User unknown", b"User unknown " + b"x" * 30_000)

    assert hand_over(port, raw, verp(reader))[0] == 250
    assert town.count(Bounce) == 1
    lines = (b"x" * 70 + b"\r\n") * (intake.MAX_MESSAGE_BYTES // 72 + 1)
    assert hand_over(port, lines, verp(reader))[0] == 552


def test_one_connection_too_many_is_told_to_come_later(port, monkeypatch, town, report, verp):
    monkeypatch.setattr(intake, "MAX_CONNECTIONS", 1)
    with connected(port):
        second = smtplib.LMTP("", local_hostname="mx.test")
        assert second.connect("127.0.0.1", port)[0] == 421
        second.close()


def test_it_listens_on_a_unix_socket_though_a_killed_one_left_it_behind(
    runtime, tmp_path, town, report, verp
):
    reader, path = town.reader(), tmp_path / "b.sock"
    path.touch()
    with listening(runtime, str(path)):
        client = smtplib.LMTP(str(path), local_hostname="mx.test")
        client.sendmail("", verp(reader), report(FULL, reader))
        client.quit()

    assert [one.status for one in town.all(Bounce)] == ["4.2.2"]
