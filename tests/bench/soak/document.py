"""`docs/performance/soak.md` and its pictures, made from `soak.json` and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.mail.rows import WORKER
from tests.bench.soak.judging import Trend, trend
from tests.bench.svg import lines

FOLDER = Path(__file__).parents[3] / "docs" / "performance"
FILE, PAGE = FOLDER / "soak.json", FOLDER / "soak.md"
BENCH = FOLDER / "bench.json"
FULL_S = 3_600
# Files of the ledger grow as long as it keeps what it delivered: no sign of a leak.
MAY_GROW = {"database_mb": "it keeps every delivery", "unsent": "a backlog, not a leak"}
WORDS = {
    "files": "open files",
    "connections": "connections (sockets)",
    "threads": "threads",
    "redis_keys": "keys in Redis",
    "redis_lasting": "keys in Redis that never expire",
    "redis_mb": "memory of Redis's data, MB",
    "database_mb": "database, MB",
    "unsent": "deliveries not sent yet",
}
TITLES = {
    "soak-memory.svg": "Resident memory by kind of process, MB",
    "soak-counts.svg": "Open files, connections, threads, keys",
    "soak-unsent.svg": "Deliveries not sent yet",
}
Found = Mapping[str, Any]


def read() -> dict[str, Any]:
    """What the last soak has found."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def write(found: Found) -> None:
    """Keep it, and make page and pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(text(found), encoding="utf-8")
    for name, picture in pictures(found).items():
        (FOLDER / name).write_text(picture, encoding="utf-8")


def series(found: Found) -> dict[str, list[tuple[float, float]]]:
    """Each figure over the seconds; a process that was not there held nothing."""
    readings = found["readings"]
    names = sorted({name for one in readings for name in one} - {"at"})
    return {name: [(one["at"], one.get(name, 0.0)) for one in readings] for name in names}


def trends(found: Found) -> dict[str, Trend]:
    return {name: trend(points) for name, points in series(found).items()}


def growing(found: Found) -> list[str]:
    """The names of what grows and should not."""
    return [
        name
        for name, one in trends(found).items()
        if one.verdict == "grows" and name not in MAY_GROW
    ]


def is_bad(found: Found) -> bool:
    """Whether anything was lost or doubled, the audit complains, or something grows."""
    counts = found["counts"]
    return bool(
        any(counts.get(name, 0) for name in ("lost", "doubled", "untrue"))
        or found["audit"]
        or growing(found)
    )


def summary(found: Found) -> str:
    """One sentence for both page and terminal."""
    counts = found["counts"]
    rate = counts["deliveries"] / (found["seconds"] + found["end_s"])
    said = (
        f"{counts['deliveries']:,} deliveries of {counts['articles']:,} articles in "
        f"{found['seconds']:,} s, {rate:,.0f} a second: {counts['lost']} lost, "
        f"{counts['doubled']} doubled, {counts['unknown']} unknown, "
        f"{len(found['audit'])} findings of the audit"
    )
    names = ", ".join(_words(name) for name in growing(found))
    return f"{said}; {'growing: ' + names if names else 'nothing found that grows'}."


def pictures(found: Found) -> dict[str, str]:
    """Three: memory by kind of process, what is counted, and what waits."""
    each = series(found)
    minutes = {name: [(round(at / 60, 1), value) for at, value in of] for name, of in each.items()}
    memory = {_words(n): of for n, of in minutes.items() if n.startswith("rss_mb_")}
    counted = {
        _words(n): minutes[n]
        for n in ("files", "connections", "threads", "redis_keys", "redis_lasting")
        if n in minutes
    }
    waiting = {_words("unsent"): minutes["unsent"]}
    drawn = {
        "soak-memory.svg": memory,
        "soak-counts.svg": counted,
        "soak-unsent.svg": waiting,
    }
    return {name: lines(TITLES[name], "minutes", of) for name, of in drawn.items() if of}


def text(found: Found) -> str:
    """The page."""
    return "\n\n".join(_parts(found)) + "\n"


def _parts(found: Found) -> Iterator[str]:
    visitors, facts = found["visitors"], found["machine"]
    yield "# An hour under load"
    yield "Written by `make soak` from [soak.json](soak.json); do not edit."
    if found["seconds"] < FULL_S:
        yield (
            f"**SHORT: this run lasted {found['seconds']:,} seconds, not an hour.** Its slopes are "
            "an hour's by arithmetic alone; warming up may look like growth, and a slow leak like "
            "none."
        )
    yield summary(found)
    yield (
        f"Taken {found['taken']} on {facts['cores']} cores ({facts['processor']}, "
        f"{facts['kernel']}, Python {facts['Python']}, SQLite {facts['SQLite']}); before it others "
        f"used {found['busy_before']:.0%} of the processors, load {found['load_before'][0]:g} "
        f"before and {found['load_after'][0]:g} after. The processes of `tellal up` on SQLite, "
        f"with the waits of every day, sent letters of articles to {found['readers']:,} mailboxes "
        f"at a local server that keeps a line of each; sender, server and this bench share the "
        f"cores. "
        f"{found['rate']:g} deliveries a second were asked for{_of_the_worker(found)}. "
        f"Meanwhile {visitors['came']:,} people signed up and confirmed by the web pages and "
        f"{visitors['left']:,} of them left by one click; {len(visitors['trouble'])} attempts "
        f"failed. After the last article it took {found['end_s']:g} s until all was sent."
    )
    if visitors["trouble"]:
        yield f"The first failed attempt: `{visitors['trouble'][0]}`"
    counts = "\n".join(f"|{name}|{value:,}|" for name, value in found["counts"].items())
    yield (
        "## Lost, doubled, unknown\n\nWhat the server has taken against the ledger, article by "
        "article; visitors count for doubled alone.\n\n|what|how many|\n|---|---:|\n" + counts
    )
    if found["audit"]:
        yield "`tellal audit` says:\n\n" + "\n".join(f"- {one}" for one in found["audit"])
    yield "## Growth\n\n" + _growth(found)
    yield from found.get("remarks", ())  # what was found out about it since
    yield from (f"![{TITLES[name]}]({name})" for name in pictures(found))
    yield "## Readings\n\n" + _readings(found)


def _of_the_worker(found: Found) -> str:
    """How that stands to what a worker makes that has nothing but its server beside it."""
    if not BENCH.exists():
        return ""
    benches = json.loads(BENCH.read_text(encoding="utf-8"))["benches"]
    alone = benches.get("mail", {}).get("figures", {}).get("per_s", {}).get(f"{WORKER}, 0 ms")
    if not alone:
        return ""
    return (
        f", {found['rate'] / alone:.0%} of the {alone:,.0f} that one whole worker makes with "
        "nothing but its server beside it ([performance](README.md))"
    )


def _growth(found: Found) -> str:
    rows = ["|what|level|slope an hour|± (error)|judged|", "|---|---:|---:|---:|---|"]
    for name, one in trends(found).items():
        error = "" if math.isinf(one.error) else f"{one.error:,.2f}"
        why = f" ({MAY_GROW[name]})" if name in MAY_GROW and one.verdict == "grows" else ""
        cells = (_words(name), f"{one.level:,.1f}", f"{one.slope:+,.2f}", error, one.verdict + why)
        rows.append("|" + "|".join(cells) + "|")
    head = (
        "A line by least squares through the second half of the readings. Something *grows* where "
        "its slope is more than three times its error and more than a twentieth of its level an "
        "hour. Keys that expire grow in number until the first of them are over."
    )
    return head + "\n\n" + "\n".join(rows)


def _readings(found: Found) -> str:
    each = series(found)
    rows = ["|s|" + "|".join(map(_words, each)) + "|", "|---:|" + "---:|" * len(each)]
    for number, one in enumerate(found["readings"]):
        cells = (f"{points[number][1]:,.0f}" for points in each.values())
        rows.append(f"|{one['at']:,.0f}|" + "|".join(cells) + "|")
    return "\n".join(rows)


def _words(name: str) -> str:
    if name.startswith("rss_mb_"):
        return f"MB, {name.removeprefix('rss_mb_')}"
    return WORDS.get(name, name)
