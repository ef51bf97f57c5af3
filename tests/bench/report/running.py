"""Runs the benches one after the other, each as a process of its own; one that fails stops none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from tests.bench.report import machine
from tests.bench.report.figures import Bench

LIMIT_S = 3 * 3600.0


def run_all(
    benches: Iterable[Bench], keep: Callable[[str, dict[str, Any]], None], *, is_quick: bool
) -> list[str]:
    """Run them and hand each one's record to `keep` as soon as it is there; those that failed."""
    benches = list(benches)
    failed = []
    for number, bench in enumerate(benches, 1):
        if bench.needs and not os.environ.get(bench.needs):
            say(f"[{number}/{len(benches)}] {bench.name}: left out, {bench.needs} is not set")
            continue
        say(f"[{number}/{len(benches)}] {bench.name}: python -m {bench.module}")
        record = run(bench, is_quick=is_quick)
        keep(bench.name, record)
        say(f"[{number}/{len(benches)}] {bench.name}: {record['outcome']}, {record['seconds']} s")
        if record["outcome"] != "ok":
            failed.append(bench.name)
    return failed


def run(bench: Bench, *, is_quick: bool, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """One bench; what it says goes to standard error as it comes."""
    load, busy = machine.load(), machine.busy()
    began = time.monotonic()
    output, outcome = _run([sys.executable, "-m", bench.module], limit_s)
    figures: dict[str, Any] = {}
    if outcome == "ok":
        try:
            figures = said(output)
        except ValueError as error:
            outcome = f"failed: {error}"
    seconds = round(time.monotonic() - began)
    return {
        "taken": datetime.now(UTC).isoformat(timespec="minutes"),
        "is_quick": is_quick,
        "seconds": seconds,
        "load_before": load,
        "load_after": machine.load(),
        "busy_before": busy,
        "busy_after": machine.busy(),
        "outcome": outcome,
        "figures": figures,
    }


def _run(command: list[str], limit_s: float) -> tuple[str, str]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            return "", f"failed: not done after {limit_s:g} s"
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    code = process.returncode
    return output, "ok" if code == 0 else f"failed: exit code {code}"


def said(output: str) -> dict[str, Any]:
    """The figures: all that was printed, or its last line, is one JSON object.

    Raises:
        ValueError: it is not.
    """
    for text in (output, output.strip().rpartition("\n")[2]):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise ValueError("no JSON line at its end")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
