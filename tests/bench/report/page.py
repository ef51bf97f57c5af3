"""`docs/performance/README.md` and its pictures, made from `bench.json` and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.report import peers
from tests.bench.report.catalogue import BENCHES
from tests.bench.report.figures import Bench
from tests.bench.report.machine import NOISY
from tests.bench.svg import bars, lines

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "performance"
FILE, PAGE = FOLDER / "bench.json", FOLDER / "README.md"
Report = Mapping[str, Any]


def read() -> dict[str, Any]:
    """What the benches have found, as it was kept."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def write(report: Report) -> None:
    """Keep it, and make the page and its pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    said = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    FILE.write_text(said, encoding="utf-8")
    PAGE.write_text(text(report), encoding="utf-8")
    for name, picture in pictures(report).items():
        (FOLDER / name).write_text(picture, encoding="utf-8")


def pictures(report: Report) -> dict[str, str]:
    """The file and what is in it, of those whose figures are there."""
    found = {}
    if grown := figures(report, "ledger").get("cost_us"):
        series = {
            f"{database}, {what}": [(size, values[at]) for size, *values in rows]
            for database, rows in grown.items()
            for at, what in enumerate(("plan", "whole"))
        }
        title = "Microseconds a delivery by the number of readers"
        found["bench-growth.svg"] = lines(title, "readers (logarithmic)", series, is_log=True)
    for name, ours, title in (
        ("mail", "Tellal", "Letters a second (logarithmic)"),
        ("feeds", "ours", "Answers of feeds a second (logarithmic)"),
    ):
        if rates := figures(report, name).get("per_s"):
            found[f"bench-{name}.svg"] = bars(title, rates, ours)
    return found


def figures(report: Report, name: str) -> dict[str, Any]:
    """Of one bench; none where it has not run or has failed."""
    found: dict[str, Any] = report["benches"].get(name, {}).get("figures", {})
    return found


def marks(record: Report) -> str:
    """What a reader must know before believing the figures of a run."""
    share = max(record["busy_before"], record["busy_after"])
    found = ["QUICK"] if record["is_quick"] else []
    found += [f"noisy: others used {share:.0%}"] if share > NOISY else []
    found += [record["outcome"]] if record["outcome"] != "ok" else []
    return "; ".join(found)


def text(report: Report) -> str:
    """The page."""
    return "\n\n".join(_parts(report)) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield "# Performance"
    yield (
        "Written by `make bench` from [bench.json](bench.json); do not edit. All benches run on "
        "one machine, one after the other; a ratio is ours by theirs in the same run, both taking "
        "turns, so that it says more than a rate does on another machine. **QUICK** marks a run "
        f"of less work, **noisy** one before or after which others used more than {NOISY:.0%} of "
        "the processors: take such figures for a hint."
    )
    yield "## The machine\n\n" + _machine(report["machine"])
    yield "## The runs\n\n" + _runs(report)
    for bench in BENCHES:
        yield from _bench(bench, report["benches"].get(bench.name))
    yield from _growth(report)
    yield from peers.parts(report["benches"])
    yield "## Other pages\n\n" + _others()


def _machine(facts: Mapping[str, Any]) -> str:
    words = {"memory_gb": "memory, GB", "kernel": "system"}
    rows = [f"|{words.get(name, name)}|{value}|" for name, value in facts.items()]
    return "\n".join(["|what|which|", "|---|---|", *rows])


def _runs(report: Report) -> str:
    rows = [
        "|bench|taken|seconds|used by others before, after|load before → after|marks|",
        "|---|---|---:|---|---|---|",
    ]
    for bench in BENCHES:
        record = report["benches"].get(bench.name)
        if record is None:
            why = f"not run: needs {bench.needs}" if bench.needs else "not run"
            rows.append(f"|{bench.name}|||||{why}|")
            continue
        load = f"{record['load_before'][0]:g} → {record['load_after'][0]:g}"
        busy = f"{record['busy_before']:.0%}, {record['busy_after']:.0%}"
        cells = (bench.name, record["taken"], record["seconds"], busy, load, marks(record))
        rows.append("|" + "|".join(map(str, cells)) + "|")
    return "\n".join(rows)


def _bench(bench: Bench, record: Report | None) -> Iterator[str]:
    yield f"## {bench.title}"
    if record is None:
        yield f"Not run: `python -m {bench.module}`."
    elif note := marks(record):
        yield f"**{note}**"
    if record and bench.ratios and record["figures"]:
        rows = ["|figure|value|bar| |how it was taken|", "|---|---:|---:|---|---|"]
        for name, ratio in bench.ratios.items():
            value = record["figures"].get(name)
            shown = "not measured" if value is None else f"{value:,g}"
            rows.append(f"|{name}|{shown}|{ratio.bar}|{ratio.verdict(value)}|{ratio.how}|")
        yield "\n".join(rows)
        if reasons := _missed(bench, record["figures"]):
            yield "\n".join(reasons)
    if bench.page:
        path = bench.page.removeprefix("performance/")
        link = path if path != bench.page else f"../{bench.page}"
        if (FOLDER / link).exists():
            yield f"More, as its own full run has found it: [{bench.page}]({link})."


def _missed(bench: Bench, found: Mapping[str, Any]) -> list[str]:
    return [
        f"- `{name}` is not met: {ratio.missed}"
        for name, ratio in bench.ratios.items()
        if ratio.missed and ratio.verdict(found.get(name)) == "not met"
    ]


def _growth(report: Report) -> Iterator[str]:
    drawn = pictures(report)
    if "bench-growth.svg" in drawn:
        rows = ["|database|readers|plan, µs|whole, µs|", "|---|---:|---:|---:|"]
        for database, sizes in figures(report, "ledger")["cost_us"].items():
            rows += [f"|{database}|{size:,}|{plan:g}|{whole:g}|" for size, plan, whole in sizes]
        yield "## Growth\n\n![Cost of a delivery by the number of readers](bench-growth.svg)"
        yield "\n".join(rows)
    for name, title in (("mail", "Letters a second"), ("feeds", "Answers a second")):
        if f"bench-{name}.svg" in drawn:
            rates = sorted(figures(report, name)["per_s"].items(), key=lambda one: -one[1])
            yield f"## {title}\n\n![{title}](bench-{name}.svg)"
            yield "\n".join(
                ["|who|a second|", "|---|---:|", *(f"|{who}|{rate:,g}|" for who, rate in rates)]
            )


def _others() -> str:
    pages = {
        "soak.md": "an hour under load, with people who come and go",
        "admin-plans.md": "by which indexes the staff's pages read",
        "../scale.md": "what ten times more costs",
        "../chaos.md": "what killing it showed",
    }
    return "\n".join(
        f"- [{words[0].upper()}{words[1:]}]({name})"
        for name, words in pages.items()
        if (FOLDER / name).exists()
    )
