"""What the two ends tell the table, and what they are told: one file each way.

An end appends a line for everything it accepts or refuses, before it answers, so that a line is
there even where the answer is not. It reads its rules anew whenever their file has changed. Times
are readings of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What an end does at a command (EHLO, MAIL, RCPT, DATA, MID, DOT, POST) instead of its work.

    `do`: a status code; `disconnect` (hang up, nothing taken); `swallow` (take it, hang up without
    an answer); `slow` (go on after `seconds`). Of all commands a `share` is hit, `times` at most.
    """

    at: str
    do: str
    share: float = 1.0
    seconds: float = 0.0
    times: int = 1_000_000


class Recorder:
    """An end's side: what it writes, and the rules it follows."""

    def __init__(self, folder: Path, name: str) -> None:
        self._rules_path = folder / f"{name}.rules"
        self._file = os.open(folder / f"{name}.tape", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._rules: list[tuple[Rule, list[int]]] = []
        self._stamp = 0, 0
        self._chance = random.Random(0)

    def write(self, **values: Any) -> None:
        """Append one line; it is there when this returns, whoever dies next."""
        line = {"at": time.monotonic(), "wall": time.time(), **values}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def rule(self, at: str) -> Rule | None:
        """The rule that hits this command, if any; it counts as used."""
        self._look()
        for rule, used in self._rules:
            if rule.at == at and used[0] < rule.times and self._chance.random() < rule.share:
                used[0] += 1
                return rule
        return None

    def _look(self) -> None:
        try:
            found = self._rules_path.stat()
            stamp = found.st_mtime_ns, found.st_ino
            if stamp != self._stamp:
                told = json.loads(self._rules_path.read_text())
                self._rules = [(Rule(**values), [0]) for values in told["rules"]]
                self._chance = random.Random(told["seed"])
                self._stamp = stamp
        except FileNotFoundError:
            return


def tell(folder: Path, name: str, rules: list[Rule], seed: int = 0) -> None:
    """Give an end new rules in place of its old ones."""
    path = folder / f"{name}.rules"
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"seed": seed, "rules": [asdict(rule) for rule in rules]}))
    new.replace(path)


@dataclass
class Arrivals:
    """Everything that the ends have recorded about one article."""

    ids: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    times: dict[str, list[float]] = field(default_factory=lambda: {"mail": [], "chat": []})

    @property
    def count(self) -> int:
        """Messages, copies included."""
        return sum(map(len, self.ids.values()))


class Tapes:
    """The table's side: reads on where it stopped."""

    def __init__(self, folder: Path) -> None:
        self._paths = {kind: folder / f"{kind}.tape" for kind in ("mail", "chat")}
        self._read = dict.fromkeys(self._paths, 0)
        self.arrived: defaultdict[str, Arrivals] = defaultdict(Arrivals)
        self.refused: set[str] = set()  # told no for good, since `forget`
        self.in_doubt = 0  # how often an end left its guest without an answer, since `forget`
        self.grew = time.monotonic()

    def read(self) -> None:
        """Take up every complete line that is new."""
        for kind, path in self._paths.items():
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(self._read[kind])
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read[kind] += len(whole)
            for line in whole.splitlines():
                self._take(kind, json.loads(line))

    def forget(self) -> None:
        """A new row begins."""
        self.refused, self.in_doubt = set(), 0

    def _take(self, kind: str, line: dict[str, Any]) -> None:
        if "mark" in line:
            found = self.arrived[line["mark"]]
            found.ids[line["to"]].append(line["id"])
            found.times[kind].append(line["at"])
            self.grew = time.monotonic()
        elif line["do"].startswith("5") and kind == "mail":
            self.refused.add(line["to"])
        if line.get("is_in_doubt"):
            self.in_doubt += 1
