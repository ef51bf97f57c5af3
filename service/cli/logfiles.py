"""Log files of the supervised programs: appended to by them, kept small by the supervisor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LARGEST_BYTES = 20 * 1024 * 1024
TAIL_BYTES = 4096
LINE_LENGTH = 200


def bound(path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
    """Move the content of a log that has grown too large to `….1`, of which one is kept.

    It is copied and cut, not renamed: the program that writes holds it open. Lines written in
    between are lost, which is the price of not sitting in the middle of every line.
    """
    try:
        if path.stat().st_size <= largest_bytes:
            return
    except FileNotFoundError:
        return
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)


def last_line(path: Path) -> str:
    """The last line that says something, cut to what fits on a terminal."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:LINE_LENGTH] if said else f"it said nothing in {path}"
