"""docs/security.md names tests: each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_it_names_is_there(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()


def test_every_line_of_what_applies_names_a_test() -> None:
    part = TEXT.partition("## What applies")[2].partition("## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|V")]
    assert len(lines) == len(NAMED) >= 40
