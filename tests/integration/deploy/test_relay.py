"""The relay of docker-compose.yml: Postfix understands its files, its health tells the truth."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.chaos.city import free_port
from tests.integration.email.peer import Peer, Relay

RELAY = Path(__file__).parents[3] / "config" / "postfix"


def answers(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RELAY / "answers", str(port)], capture_output=True, text=True, check=False, timeout=60
    )


def test_postfix_knows_every_parameter_and_service() -> None:
    postconf = shutil.which("postconf", path=os.defpath + ":/usr/sbin")
    assert postconf, "postconf is not here: apt install postfix"
    for words in (["-n"], ["-M"]):
        done = subprocess.run(
            [postconf, "-c", str(RELAY), *words], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
    assert re.search(r"^smtp +inet .* smtpd$", done.stdout, re.MULTILINE)
    shown = subprocess.run(
        [postconf, "-c", str(RELAY), "-hx", "smtpd_relay_restrictions", "mydestination"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.splitlines() == ["permit_mynetworks, reject", ""]


@pytest.mark.parametrize(
    ("refusal", "is_well"), [({}, True), ({"probe@example.com": "554 5.7.1 no"}, False)]
)
def test_a_relay_that_would_take_a_letter_is_well(refusal: dict[str, str], is_well: bool) -> None:
    peer = Peer(answers=refusal)
    relay = Relay(peer, hostname="127.0.0.1", port=0)
    relay.start()
    try:
        assert (answers(relay.port).returncode == 0) is is_well
    finally:
        relay.stop()
    assert peer.mails == []


def test_one_that_is_not_there_is_ill() -> None:
    assert answers(free_port()).returncode != 0
