"""One run of one sender: a process of its own, its time and the most memory it held."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.mail.peers import program

LOOK_EVERY_S = 0.05  # at the memory, which only grows


@dataclass(frozen=True)
class Run:
    """`rate` is letters a second, or signatures where no letters are sent."""

    rate: float
    rss_mb: float


def of_module(
    module: str, port: int, count: int, *words: str, environment: Mapping[str, str] | None = None
) -> Run:
    """A sender in Python: `python -m MODULE PORT COUNT LETTERS …`, the last of them a file.

    It sends and then prints the seconds that took, from the first connection to the last answer,
    as JSON: {"seconds": 1.5}, with "sent" beside it where those were not COUNT.
    """
    return _of([sys.executable, "-m", module, str(port), str(count), *words], count, environment)


def of_script(python: str, file: Path, port: int, count: int, *words: str) -> Run:
    """The same for a file that another Python runs, which has what ours has not."""
    return _of([python, str(file), str(port), str(count), *words], count)


def _of(command: list[str], count: int, environment: Mapping[str, str] | None = None) -> Run:
    output, _, rss_mb = _watched(command, environment)
    said = json.loads(output.splitlines()[-1])
    return Run(said.get("sent", count) / float(said["seconds"]), rss_mb)


def of_smtp_source(port: int, count: int, length: int, connections: int = 16) -> Run:
    """Postfix's sender, which builds no letter: the same bytes each time, `length` of them."""
    words = ["-d", "-s", str(connections), "-m", str(count), "-l", str(length)]
    envelope = ["-f", "b@haber.example.org", "-t", "okur@example.org"]
    command = [program("smtp-source"), *words, *envelope, f"127.0.0.1:{port}"]
    _, seconds, rss_mb = _watched(command)
    return Run(count / seconds, rss_mb)


def of_openssl(seconds: int, processes: int = 2) -> Run:
    """How many signatures of RSA with 2,048 bits all cores together could make."""
    words = ["-seconds", str(seconds), "-multi", str(processes), "rsa2048"]
    output, _, rss_mb = _watched([program("openssl"), "speed", *words])
    return Run(signs_per_second(output), rss_mb)


def signs_per_second(output: str) -> float:
    """The figure below the head `sign/s` of what `openssl speed` prints.

    Raises:
        ValueError: there is none.
    """
    column = None
    for line in output.splitlines():
        words = line.split()
        if "sign/s" in words:
            column = words.index("sign/s") - len(words)  # from the right: heads lack the name
        elif column is not None and words[:2] == ["rsa", "2048"]:
            return float(words[column])
    raise ValueError("openssl speed named no sign/s")


def _watched(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[str, float, float]:
    """Output, seconds, and the largest resident size of the process or one of its children."""
    peaks: dict[int, float] = {}
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                for pid in _family(process.pid):
                    peaks[pid] = max(peaks.get(pid, 0.0), _peak_mb(pid))
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors[-2000:]}")
    return output, seconds, round(max(peaks.values(), default=0.0), 1)


def _family(pid: int) -> list[int]:
    """A process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return [pid]
    return [pid, *map(int, children.split())]


def _peak_mb(pid: int) -> float:
    """VmHWM, which a new program begins anew; `ru_maxrss` would keep what forked it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0  # it has just ended
    line = next((one for one in status.splitlines() if one.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024
