"""`make bench-feeds`: what a feed costs, against an empty view, nginx and feedgen; all in one run.

10,000 articles and 2,000 feeds that somebody reads (QUICK=1: a fifth, and the document is left
alone). Prints its table to standard error and the figures as JSON, and writes
`docs/performance/feeds.md` with its picture.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from service import logs
from service.db import Database
from service.feeds.clock import Clock
from service.feeds.composing import Composer
from service.feeds.feed import Publisher, find
from service.feeds.formats import Format
from service.feeds.keys import FeedKey
from tests import nginx
from tests.bench.feeds import apps
from tests.bench.feeds.by_feedgen import atom
from tests.bench.feeds.document import write
from tests.bench.feeds.filling import City
from tests.bench.feeds.load import HOST, Reader, cold_script, rate
from tests.bench.server import READY_S, Server
from tests.chaos.city import free_port

QUICK = os.environ.get("QUICK") == "1"
ARTICLES = 2_000 if QUICK else 10_000
KEYS = 400 if QUICK else 2_000
ROUNDS = 3 if QUICK else 5
SECONDS = 1 if QUICK else 2
GZIP = {"Accept-Encoding": "gzip"}
GZIP_ASKED = {"Accept_Encoding": "gzip"}
ALL = "/feeds/all.atom"


class Tellal(Server):
    """The service, and beside it, under the same gunicorn settings, plain Flask."""

    APP = "tests.bench.feeds.apps:create_tellal()"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "")
        self.plain = self.settings.model_copy(update={"port": free_port()})

    def __enter__(self) -> Tellal:
        super().__enter__()
        self._start_web("tests.bench.feeds.apps:create_plain()", self.plain)
        deadline = time.monotonic() + READY_S
        with socket.socket() as probe:
            while probe.connect_ex((HOST, self.plain.port)):
                assert time.monotonic() < deadline, "plain Flask does not answer"
                time.sleep(0.1)
        return self

    def memory_mb(self) -> float:
        """What Tellal's web process holds (RSS)."""
        master = self._processes[1].pid  # Redis was the first
        (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096 / 2**20


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def poll(reader: Reader, tags: dict[str, str]) -> int:
    """Ask for all these feeds, on a condition where a tag is known; how many had changed."""
    changed = 0
    for key, tag in tags.items():
        status, headers, _ = reader.get(f"/feeds/{key}.atom", If_None_Match=tag, **GZIP_ASKED)
        assert status in (200, 304), (key, status)
        changed += status == 200
        tags[key] = headers["ETag"]
    return changed


def refreshed(server: Tellal, city: City) -> dict[str, float]:
    """What one publication costs while 2,000 feeds are read, and what one delta weighs."""
    reader = Reader(server.settings.port)

    def composed() -> int:
        return int(reader.get(apps.COMPOSED)[2])

    before_mb = server.memory_mb()
    tags = dict.fromkeys(city.keys(KEYS), '"none"')
    began = time.perf_counter()
    poll(reader, tags)
    cold_ms = (time.perf_counter() - began) * 1000 / KEYS
    old = reader.get(ALL)[1]["ETag"]
    count = composed()
    assert poll(reader, tags) == 0
    city.publish()
    began = time.perf_counter()
    while reader.get(ALL, If_None_Match=old)[0] == 304:
        time.sleep(0.01)
    soon_ms = (time.perf_counter() - began) * 1000
    touched = poll(reader, tags)
    found = {
        "keys": len(tags),
        "cold_ms": round(cold_ms, 2),
        "news_after_ms": round(soon_ms),
        "touched": touched,
        "composed_after_publish": composed() - count - 1,  # one of them was `all`
    }
    whole = reader.get(ALL)[2]
    status, _, delta = reader.get(ALL, If_None_Match=old, A_IM="feed")
    assert status == 226, status
    found["body_kb"] = round(len(whole) / 1024, 1)
    found["delta_of_body"] = round(len(delta) / len(whole), 4)
    found["memory_before_mb"] = round(before_mb, 1)
    found["memory_after_mb"] = round(server.memory_mb(), 1)
    reader.close()
    return found


def joined(db: Database, publisher: Publisher) -> dict[str, float]:
    """A join of cached fragments, plain and gzipped, against feedgen; processor time."""
    state, found = Clock(db, 0).state(), apps.newest(db, publisher)
    feed = find(publisher, state, FeedKey())
    assert feed is not None, "all is a feed"
    composer = Composer(db, publisher, 64 << 20)
    document = composer.compose(feed, Format.ATOM, state.names, state.last_change(feed.pairs))
    by_feedgen = cost(lambda: atom(publisher, found), 10)
    return {
        "join_vs_feedgen": round(by_feedgen / cost(document.body, 500), 1),
        "gzip_join_vs_feedgen": round(by_feedgen / cost(document.gzip, 100), 1),
        "gzip_join_vs_gzip": round(
            cost(lambda: gzip.compress(document.body(), 6), 10) / cost(document.gzip, 100), 1
        ),
        "gzip_join_size": round(len(document.gzip()) / len(gzip.compress(document.body(), 6)), 2),
    }


def cost(act: Callable[[], object], times: int) -> float:
    """Seconds of processor time of one; the median of five tries."""
    found = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            act()
        found.append((time.process_time() - began) / times)
    return statistics.median(found)


def rates(server: Tellal, city: City, folder: Path) -> dict[str, list[float]]:
    """Requests a second of each kind, in rounds in which all take turns."""
    web, plain = server.settings.port, server.plain.port
    with nginx.serve(folder / "nginx", web) as front:
        reader = Reader(web)
        _, headers, body = reader.get(ALL)
        static = folder / "nginx" / "static" / "all.atom"
        static.write_bytes(body)
        static.with_name("all.atom.gz").write_bytes(gzip.compress(body, 6))
        known = {"If-None-Match": headers["ETag"], **GZIP}
        at_nginx = Reader(front)
        static_tag = at_nginx.get("/static/all.atom")[1]["ETag"]
        script = cold_script(folder, list(city.topics), list(city.places))
        wanted: Mapping[str, tuple[int, str, Mapping[str, str], Path | None]] = {
            "nginx static 304": (front, "/static/all.atom", {"If-None-Match": static_tag}, None),
            "nginx cache 304": (front, ALL, known, None),
            "nginx static 200": (front, "/static/all.atom", GZIP, None),
            "nginx cache 200": (front, ALL, GZIP, None),
            "ours 304": (web, ALL, known, None),
            "ours 200 gzip": (web, ALL, GZIP, None),
            "Flask no-op": (plain, apps.NOOP, {}, None),
            "ours cold": (web, ALL, GZIP, script),
            "feedgen each time, gzip": (plain, apps.FEEDGEN, GZIP, None),
            "feedgen each time, plain": (plain, apps.FEEDGEN, {}, None),
        }
        found: dict[str, list[float]] = {name: [] for name in wanted}
        for number in range(ROUNDS):
            for name, (port, path, asked, lua) in wanted.items():
                found[name].append(rate(port, path, SECONDS, asked, lua))
            said = ", ".join(f"{name} {each[-1]:,.0f}" for name, each in found.items())
            say(f"round {number + 1}: {said}")
    return found


RATIOS = {
    "ours_304_vs_noop": ("ours 304", "Flask no-op"),
    "ours_200gz_vs_noop": ("ours 200 gzip", "Flask no-op"),
    "nginx_304_vs_static": ("nginx cache 304", "nginx static 304"),
    "vs_feedgen_per_request": ("ours 200 gzip", "feedgen each time, gzip"),
    "vs_feedgen_uncompressed": ("ours 200 gzip", "feedgen each time, plain"),
    "cold_vs_feedgen": ("ours cold", "feedgen each time, gzip"),
}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of each round."""
    found = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return round(found, 3)


def main() -> None:
    logs.configure("ERROR")
    with tempfile.TemporaryDirectory(prefix="tellal-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        tellal = Tellal(folder / "tellal")
        db = Database(tellal.settings.sqlalchemy_url)
        began = time.monotonic()
        city = City(db, ARTICLES)
        say(f"{ARTICLES:,} articles after {time.monotonic() - began:.0f} s")
        with tellal:
            figures = refreshed(tellal, city)
            say(json.dumps(figures))
            each = rates(tellal, city, folder)
            figures["memory_after_flood_mb"] = round(tellal.memory_mb(), 1)
            figures["cache_mb"] = tellal.settings.feed_cache_mb
        figures |= joined(db, Publisher.of(tellal.settings))
        db.close()
    ratios = {name: ratio(each[a], each[b]) for name, (a, b) in RATIOS.items()}
    middle = {name: statistics.median(found) for name, found in each.items()}
    for name, found_rate in middle.items():
        say(f"{name:24} {found_rate:10,.0f}")
    for name, value in (ratios | figures).items():
        say(f"{name:24} {value:10,g}")
    if not QUICK:
        write(middle, ratios, figures)
    print(json.dumps({**ratios, **figures, "per_s": {k: round(v) for k, v in middle.items()}}))


if __name__ == "__main__":
    main()
