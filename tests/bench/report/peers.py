"""Ours and other tools side by side, from the same runs, with what each of them does not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Records = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """`theirs` and `ours` are names of figures of a bench, those of `per_s` included."""

    tool: str
    bench: str
    theirs: str
    ours: str
    differs: str


_READY = "bytes that are ready, to addresses that it is given"
_NEITHER = "no ledger, no look whether somebody has left, no journal, no second try"
PEERS = (
    Peer(
        "threads of `smtplib`",
        "mail",
        "smtplib, 0 ms",
        "Tellal, whole worker, 0 ms",
        f"Sends {_READY}: {_NEITHER}. What it sent when it was killed, nobody knows.",
    ),
    Peer(
        "`smtp-source` of Postfix",
        "mail",
        "smtp-source, 0 ms",
        "Tellal, whole worker, 0 ms",
        f"A load generator in C; always the same bytes: {_NEITHER}.",
    ),
    Peer(
        "Mailman 3",
        "mail",
        "Mailman 3, 0 ms",
        "Tellal, whole worker, 0 ms",
        "Has what an e-mail list needs: members, moderation, a queue on disk, second tries, "
        "bounces. It writes each letter anew for its member, as ours does. No record of each "
        "delivery, no choice by topic and district, no signature in this run. Its three runners "
        "take turns in one process here; in production they are processes, and there may be "
        "several of each. With few members (QUICK) what it does once weighs most: 500 members "
        "got 90 letters a second in a run by hand.",
    ),
    Peer(
        "Postfix alone, fed by `smtp-source`",
        "mail",
        "smtp-source to Postfix, 0 ms",
        "Tellal, signed, to Postfix, 0 ms",
        "How fast a queue on disk takes letters from anybody. It makes and signs none; ours signs.",
    ),
    Peer(
        "one call of Apprise a letter",
        "mail",
        "Apprise, 0 ms",
        "Tellal, whole worker, 0 ms",
        f"A connection for each letter, made for a few messages: {_NEITHER}.",
    ),
    Peer(
        "a loop of `Apprise.notify()`, answers after 100 ms",
        "chat",
        "apprise_loop_100ms_per_s",
        "ours_100ms_per_s",
        f"One address after the other; ours has many under way at once. {_NEITHER.capitalize()}, "
        "no rate of a service kept.",
    ),
    Peer(
        "the same, answers at once",
        "chat",
        "apprise_loop_0ms_per_s",
        "ours_0ms_per_s",
        "Here nothing but the work of each itself counts, and ours includes plan and ledger.",
    ),
    Peer(
        "feedgen in each request, compressed",
        "feeds",
        "feedgen each time, gzip",
        "ours 200 gzip",
        "Builds the feed from articles in memory; no 304, no reading of a database. Ours answers "
        "from what it composed before.",
    ),
)


def parts(benches: Records) -> Iterator[str]:
    """The section; rows whose tools were not there are said to be missing."""
    rows = ["|tool|theirs, a second|ours, a second|ours by theirs|what differs|"]
    rows.append("|---|---:|---:|---:|---|")
    for peer in PEERS:
        theirs, ours = (_figure(benches, peer.bench, name) for name in (peer.theirs, peer.ours))
        if theirs is None or ours is None:
            rows.append(f"|{peer.tool}|not measured|||{peer.differs}|")
        else:
            cells = f"{theirs:,g}|{ours:,g}|{ours / theirs:.3g}"
            rows.append(f"|{peer.tool}|{cells}|{peer.differs}|")
    yield "## Beside other tools"
    yield (
        "Each row compares what a city could run instead, on the same machine and to the same "
        "server. *Tellal, whole worker* plans before the clock starts; claim, look at who is still "
        "subscribed, journal, letter and settling are in its time. Where ours is slower than a "
        "tool that keeps no record, the record is what the time buys."
    )
    yield "\n".join(rows)
    yield (
        "Mailman runs by a Python that has it: that of Debian's package `mailman3`, or of any "
        "environment with PyPI's `mailman`, named by `TELLAL_BENCH_MAILMAN`. It needs neither init "
        "nor web server: one letter is put into its incoming queue, and its own runners take it "
        "to the same server that takes ours."
    )


def _figure(benches: Records, bench: str, name: str) -> float | None:
    found = benches.get(bench, {}).get("figures", {})
    value = found.get("per_s", {}).get(name, found.get(name))
    return None if value is None else float(value)
