"""A sender that goes on and on: whether its memory, its open files or its connections grow.

SOAK=600: seconds; else twenty. The sender is the pipeline, begun anew for every thousand letters as
the batches of a worker are, with connections that rest in between.
`python -m tests.bench.mail.soak PORT SECONDS` is that sender; it prints how many it has sent.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.mail import peers
from tests.bench.mail.letters import readers
from tests.bench.mail.ours import DOMAIN, Letters, Steady, writer
from workers.email.pipeline import Pipeline
from workers.email.relay import Relay, Relays

SECONDS, BATCH, LOOK_S = 20, 1_000, 0.5
WARM = 4  # the first quarter does not count


@dataclass(frozen=True)
class Reading:
    """Of the sending process at a moment: seconds, megabytes, open files, those that are
    sockets."""

    at: float
    rss_mb: float
    files: int
    sockets: int


@dataclass(frozen=True)
class Soak:
    """`growth_mb` is what the memory grows in a minute, by least squares."""

    seconds: float
    letters: int
    growth_mb: float
    most_files: int
    most_sockets: int

    def __str__(self) -> str:
        return (
            f"{self.letters:,} letters in {self.seconds:.0f} s: memory grows by "
            f"{self.growth_mb:.2f} MB a minute; at most {self.most_files} open files, "
            f"{self.most_sockets} of them sockets."
        )


def measure(seconds: float) -> Soak:
    """Send for so long, and look at the sender meanwhile."""
    found: list[Reading] = []
    with peers.sink() as port:
        command = [sys.executable, "-m", "tests.bench.mail.soak", str(port), str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it begins
            started = time.monotonic()
            while process.poll() is None:
                if reading := _read(process.pid, time.monotonic() - started):
                    found.append(reading)
                time.sleep(LOOK_S)
            letters = int(process.stdout.read())
    warm = found[len(found) // WARM :]
    line = statistics.linear_regression([one.at for one in warm], [one.rss_mb for one in warm])
    return Soak(
        found[-1].at,
        letters,
        line.slope * 60,
        max(one.files for one in warm),
        max(one.sockets for one in warm),
    )


def _read(pid: int, at: float) -> Reading | None:
    """None: it has just ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        files = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return None
    sockets = sum(file.startswith("socket:") for file in files)
    return Reading(at, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(files), sockets)


def main() -> None:
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    relays = Relays([Relay.of(f"smtp://127.0.0.1:{port}", DOMAIN)])
    write, sent = writer(is_signed=False), 0
    print(flush=True)
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        Pipeline(relays, Steady()).run(Letters(readers(BATCH), write))
        sent += BATCH
    relays.close()
    print(sent)


if __name__ == "__main__":
    main()
