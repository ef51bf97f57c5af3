"""What the tests ask of a feed reader, whichever it is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest


@dataclass(frozen=True)
class Item:
    """An article as a reader shows it to somebody."""

    guid: str
    title: str
    link: str

    @property
    def article_id(self) -> int:
        return int(self.guid.rpartition("/")[2])


Titles = dict[int, str]


class Client(Protocol):
    """A reader that follows one feed in each of its formats."""

    name: str
    formats: tuple[str, ...]

    def poll(self) -> None:
        """Ask for each feed once, and keep what came."""

    def shown(self, suffix: str) -> list[Item]:
        """All that it shows of a feed."""

    def expected(self, before: Titles, feed: Titles) -> Titles:
        """What it has to show, by its own rules, after it showed `before` and read `feed`."""

    def close(self) -> None: ...


def merged(before: Titles, feed: Titles) -> Titles:
    """The rule of a reader that keeps what it has read, and takes edits over."""
    return {**before, **feed}


def program(name: str, package: str) -> str:
    """The path of a reader that is a program of its own."""
    if found := shutil.which(name):
        return found
    pytest.fail(f"no {name} on this machine: apt install {package}", False)


def environment(home: Path) -> dict[str, str]:
    """Of a program that must see nothing of whoever runs the tests, nor a proxy."""
    home.mkdir(exist_ok=True)
    path = os.environ.get("PATH", os.defpath)
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}
