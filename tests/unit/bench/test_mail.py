"""What the mail benchmark makes of what it measured."""

from __future__ import annotations

import socket
import threading
import xml.etree.ElementTree as ET

import pytest

from tests.bench.mail import peers
from tests.bench.mail.figures import figures, judged, median, table
from tests.bench.mail.plot import draw
from tests.bench.mail.rows import (
    APPRISE,
    MAILMAN,
    OPENSSL,
    OURS,
    RELAYED,
    SIGNED,
    SIGNED_RELAYED,
    SMTP_SOURCE,
    SMTPLIB,
    WORKER,
)
from tests.bench.mail.run import Run, signs_per_second

OF_3_0 = """\
Forked child 0
+F2:2:2048:0.000517:0.000015
version: 3.0.19
                  sign    verify    sign/s verify/s
rsa 2048 bits 0.000254s 0.000008s   3930.5 131578.9
"""
OF_3_5 = """\
                   sign    verify    encrypt   decrypt   sign/s verify/s  encr./s  decr./s
rsa  2048 bits 0.000258s 0.000007s 0.000008s 0.000260s   3876.0 142857.1 125000.0   3846.2
"""
MEASURED = {
    (SMTP_SOURCE, 0): Run(8000.0, 9.0),
    (SMTPLIB, 20): Run(170.0, 20.0),
    (APPRISE, 0): Run(20.0, 110.0),
    (OPENSSL, 0): Run(4000.0, 13.0),
}
OWN = {
    (OURS, 0): Run(10_000.0, 40.0),
    (OURS, 20): Run(680.0, 40.0),
    (SIGNED, 0): Run(2_400.0, 80.0),
    (WORKER, 0): Run(8_500.0, 90.5),
    (RELAYED, 0): Run(1_000.0, 9.0),
    (SIGNED_RELAYED, 0): Run(640.0, 70.0),
}


@pytest.mark.parametrize(("output", "rate"), [(OF_3_0, 3930.5), (OF_3_5, 3876.0)])
def test_the_rate_of_signatures_is_read_from_every_openssl(output: str, rate: float) -> None:
    assert signs_per_second(output) == rate


@pytest.mark.parametrize("output", ["", "rsa 2048 bits 1 2 3 4", OF_3_0.rpartition("rsa")[0]])
def test_an_output_without_that_rate_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="named no sign/s"):
        signs_per_second(output)


def test_figures_are_by_the_row_that_they_name() -> None:
    listed = {(MAILMAN, 0): Run(100.0, 60.0)}
    assert figures(MEASURED | OWN | listed) == {
        "unsigned_vs_smtp_source": 1.25,
        "signed_vs_openssl": 0.6,
        "worker_vs_bare": 0.85,
        "at_20ms_vs_smtplib": 4.0,
        "vs_postfix_source": 0.64,
        "vs_apprise": 500.0,
        "worker_vs_mailman": 85.0,
        "worker_vs_smtplib": None,
        "rss_mb": 90.5,
    }


def test_each_figure_is_judged_in_words_by_its_own_bar() -> None:
    shown = {"worker_vs_bare": 0.79, "rss_mb": 120.0, "vs_apprise": 9.0, "signed_vs_openssl": None}
    assert judged(shown)[2:] == [
        "|worker_vs_bare||0.79|≥ 0.8|not met|",
        "|rss_mb||120|≤ 120|met|",
        "|vs_apprise||9|||",
        "|signed_vs_openssl|2|not measured|≥ 0.55||",
    ]


def test_what_is_sent_to_postfix_is_compared_with_what_was_sent_there_too() -> None:
    (row,) = [row for row in table(MEASURED | OWN) if SIGNED_RELAYED in row]
    assert "|64.0%|" in row


def test_a_row_that_was_not_measured_leaves_its_figures_open() -> None:
    assert set(figures(MEASURED).values()) == {None}


def test_the_median_rate_counts_and_the_largest_memory() -> None:
    assert median([Run(3.0, 1.0), Run(1.0, 9.0), Run(2.0, 1.0)]) == Run(2.0, 9.0)


def test_the_table_has_every_row_and_the_picture_every_sender() -> None:
    rows = table(MEASURED)[2:]
    assert [row.split("|")[1] for row in rows] == [SMTP_SOURCE, OPENSSL, APPRISE, SMTPLIB]

    drawn = ET.fromstring(draw(MEASURED))
    said = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {SMTP_SOURCE, SMTPLIB, APPRISE, "20 ms round trip"} <= said
    assert OPENSSL not in said


def test_the_longer_way_loses_no_byte_and_ends_when_both_ends_have() -> None:
    sent = bytes(range(256)) * 8_192
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def echo() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as reader:
                connection.sendall(reader.read())

        thread = threading.Thread(target=echo)
        thread.start()
        with (
            peers.carried(listener.getsockname()[1], 4) as far,
            socket.create_connection(("127.0.0.1", far), 10) as client,
            client.makefile("rb") as reader,
        ):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert reader.read() == sent
        thread.join(10)
