"""`make bench-chat`: messages to many channels, against a plain loop of `Apprise.notify()`.

500 HTTP channels through the whole ledger, in rounds in which both take turns (QUICK=1: fewer, and
the document is left alone); what one dead channel of fifty costs the others; whether memory stays
flat; how near to its rate a service is served. Prints its table to standard error and the figures
as JSON, and writes `docs/performance/chat.md` with its picture.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import apprise

from service import logs
from tests.bench.chat.city import City, city
from tests.bench.chat.document import write
from tests.bench.chat.paced import per_second
from tests.bench.chat.receiver import Receiver, receiving
from workers.chat import send_chat_batch
from workers.recover import INTERVAL_S, Sweeper

QUICK = os.environ.get("QUICK") == "1"
CHANNELS = 200 if QUICK else 500
LOOP_100 = 20 if QUICK else 100  # of the loop's messages at 100 ms, whose rate no number changes
ROUNDS = 3 if QUICK else 5
AMONG = 50
PACED = 120 if QUICK else 600
TITLE = "Körfez için iklim eylem planı"
BODY = "İklim eylem planı kabul edildi.\n\nÇevre · https://www.example.bel.tr/haber/1"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def loop(urls: list[str]) -> float:
    """Messages a second of one `notify()` after the other; the objects were made before."""
    found = []
    for url in urls:
        one = apprise.Apprise()
        one.add(url)
        found.append(one)
    began = time.perf_counter()
    for one in found:
        assert one.notify(title=TITLE, body=BODY)
    return len(urls) / (time.perf_counter() - began)


def against_loop(town: City, receiver: Receiver, how: str) -> tuple[list[float], list[float]]:
    """Messages a second of both, round by round."""
    urls = [receiver.url(how, number) for number in range(CHANNELS)]
    town.has(urls)
    town.tell()  # modules are loaded, connections of the database are made
    loop(urls[:5])
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(CHANNELS / town.tell())
        theirs.append(loop(urls if how == "0" else urls[:LOOP_100]))
        say(f"{how:>4} ms {ours[-1]:10,.0f} {theirs[-1]:10,.0f} {ours[-1] / theirs[-1]:8.2f}")
    return ours, theirs


def delay_by_dead_ms(town: City, receiver: Receiver) -> float:
    """How much later the last of the others gets its message when the first never answers."""
    others = [receiver.url("20", number) for number in range(AMONG - 1)]
    found = []
    for number in range(ROUNDS):
        late_s = []
        for how in ("20", "dead"):  # a new one each time: the last one is known to be silent
            town.has([receiver.url(how, 1_000 + number), *others])
            receiver.came()
            began = time.monotonic()
            town.tell()
            late_s.append(receiver.came()[1] - began)
        found.append((late_s[1] - late_s[0]) * 1000)
        say(f"dead {late_s[0] * 1000:10,.1f} {late_s[1] * 1000:10,.1f} {found[-1]:8.1f}")
    return statistics.median(found)


def retry_late_ms(town: City, receiver: Receiver) -> float:
    """How long after the end of `Retry-After: 2` the next try comes, with a sweeper that looks
    every second; the latest of the rounds. Below zero: too early."""
    town.has([receiver.url("busy", 0)])
    sweeper, found = Sweeper(town.runtime), []
    for _ in range(ROUNDS):
        receiver.came()
        for batch in town.plan(town.news()):
            send_chat_batch(town.runtime, batch)
        _, first = receiver.came()
        while True:
            time.sleep(INTERVAL_S)
            sweeper.sweep()
            for batch in town.ready():
                send_chat_batch(town.runtime, batch)
            count, again = receiver.came()
            if count:
                break
        found.append((again - first - 2.0) * 1000)
        say(f"late {found[-1]:10,.0f}")
    return max(found)


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of each round."""
    return round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 2)


def main() -> None:
    logs.configure("CRITICAL")
    with receiving() as receiver, tempfile.TemporaryDirectory() as folder:
        with city() as town:
            far = against_loop(town, receiver, "100")
            near = against_loop(town, receiver, "0")
            before_mb = town.rss_mb()
            for _ in range(2 * ROUNDS):
                town.tell()
            after_mb = town.rss_mb()
            delay_ms = delay_by_dead_ms(town, receiver)
            late_ms = retry_late_ms(town, receiver)
        paced = per_second(receiver, Path(folder), PACED)
    figures = {
        "ours_vs_apprise_loop": ratio(*far),
        "ours_vs_apprise_loop_0ms": ratio(*near),
        "delay_by_dead_channel_ms": round(delay_ms, 1),
        "retry_after_late_ms": round(late_ms),
        "rss_mb": round(after_mb, 1),
        "rss_grew_mb": round(after_mb - before_mb, 1),
        "ours_100ms_per_s": round(statistics.median(far[0])),
        "apprise_loop_100ms_per_s": round(statistics.median(far[1]), 1),
        "ours_0ms_per_s": round(statistics.median(near[0])),
        "apprise_loop_0ms_per_s": round(statistics.median(near[1])),
        "paced_per_s": round(paced, 1),
    }
    for name, value in figures.items():
        say(f"{name:28} {value:10,g}")
    if not QUICK:
        write(figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
