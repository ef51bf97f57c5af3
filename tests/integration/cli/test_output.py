"""What a command says is its own: what is logged meanwhile goes beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("command_line")


def tellal(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "service.cli", "channel", *words),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_secret_can_go_straight_into_a_file() -> None:
    added = tellal("add", "Kent uygulaması", "https://93.184.216.34/hook")
    assert added.stdout.splitlines()[1:] == [
        'Nothing is sent there before: tellal channel secret "Kent uygulaması"'
    ]

    made = tellal("secret", "Kent uygulaması")

    said, secret = made.stdout.splitlines()
    assert said == "Its secret, shown only now:"
    assert secret.startswith("whsec_")
    assert secret not in made.stderr
    assert '"act": "channel.secret"' in made.stderr
