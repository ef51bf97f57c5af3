"""`make soak`: the processes of `make run` for an hour under load, with people who come and go.

SOAK=3600 seconds, RATE=300 deliveries a second, READERS=3000 mailboxes. Starts `tellal up` in a
folder and on ports of its own, posts an article every READERS/RATE seconds, and lets somebody sign
up and another leave every few seconds. Each minute (of a shorter run thirty times) it looks what
all processes hold. Writes `docs/performance/soak.json` and from it `soak.md` with its pictures;
`python -m tests.bench.soak page` makes the page anew. Exit code 1: lost, doubled, or growing.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

from tests.bench.report import machine
from tests.bench.soak import document
from tests.bench.soak.counting import Counting
from tests.bench.soak.sampling import sample
from tests.bench.soak.visitors import Visitors
from tests.chaos.city import City

SECONDS, RATE, READERS = 3600.0, 300.0, 3_000
LOOK_S, LOOKS = 60.0, 30
VISIT_S = 3.0  # 1,200 an hour; sign-ups above 2,000 get no letter
PROXIED = {"TELLAL_TRUSTED_PROXIES": "1"}  # as behind nginx: visitors have addresses of their own
END_S = 300.0  # in which the last deliveries must be made


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    if sys.argv[1:] == ["page"]:
        document.write(document.read())
        return 0
    if sys.argv[1:]:
        say(__doc__ or "")
        return int(sys.argv[1:] != ["--help"]) * 2
    seconds = float(os.environ.get("SOAK") or SECONDS)
    rate = float(os.environ.get("RATE") or RATE)
    readers = int(os.environ.get("READERS") or READERS)
    busy, load = machine.busy(), machine.load()
    with City(None, readers, channels=0, waits=PROXIED) as city:
        found = soak(city, seconds, readers / rate)
        found["audit"] = city.audit()
    found |= {
        "taken": datetime.now(UTC).isoformat(timespec="minutes"),
        "rate": rate,
        "readers": readers,
        "busy_before": busy,
        "load_before": load,
        "load_after": machine.load(),
        "machine": machine.facts(),
    }
    document.write(found)
    say(f"wrote {document.PAGE}")
    say(document.summary(found))
    return int(document.is_bad(found))


def soak(city: City, seconds: float, every_s: float) -> dict[str, Any]:
    """Post, look, judge; what was found, with all readings."""
    counting, visitors = Counting(city), Visitors(city, VISIT_S)
    readings: list[dict[str, float]] = []
    look_s, began, posted, looked = min(LOOK_S, seconds / LOOKS), time.monotonic(), 0, 0
    visitors.start()
    while (at := time.monotonic() - began) < seconds:
        if at >= posted * every_s:
            mark = f"soak-{posted}"
            city.post(mark)
            counting.articles.append(mark)
            posted += 1
        elif at >= looked * look_s:
            counting.look()
            readings.append({"at": round(at, 1), **sample(city, city.supervisor)})
            looked += 1
            say(_progress(readings[-1], posted, visitors))
        time.sleep(0.05)
    visitors.stop()
    ended = time.monotonic() - began
    last_s = _finish(city, counting)
    return {
        "seconds": round(ended),
        "look_s": look_s,
        "posted": posted,
        "end_s": round(last_s, 1),
        "visitors": {"came": visitors.came, "left": visitors.left, "trouble": visitors.trouble},
        "counts": dict(counting.counts),
        "readings": readings,
    }


def _finish(city: City, counting: Counting) -> float:
    """Wait for the last deliveries, and judge what is left; seconds that took."""
    began = time.monotonic()
    while counting.articles and time.monotonic() - began < END_S:
        time.sleep(1.0)
        counting.look()
    took = time.monotonic() - began
    time.sleep(1.0)  # for a copy that somebody might still send
    counting.look(is_last=True)
    return took


def _progress(reading: dict[str, float], posted: int, visitors: Visitors) -> str:
    memory = sum(value for name, value in reading.items() if name.startswith("rss_mb"))
    return (
        f"{reading['at']:7.0f} s  {posted} articles, {reading['unsent']:,.0f} unsent, "
        f"{memory:,.0f} MB, {reading['files']:.0f} files, {reading['connections']:.0f} "
        f"connections, {visitors.came} came, {visitors.left} left, "
        f"{len(visitors.trouble)} in trouble"
    )


if __name__ == "__main__":
    sys.exit(main())
