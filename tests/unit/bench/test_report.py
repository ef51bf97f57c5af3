"""The page of all benches: it says what its JSON does, and no bench or figure lacks words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.report import page, peers, running
from tests.bench.report.catalogue import BENCHES, PARTS
from tests.bench.report.figures import Bench, Ratio
from tests.bench.svg import bars, lines

HERE = Path(page.__file__).parents[1]
BY_NAME = {bench.name: bench for bench in BENCHES}
PLAIN = Bench("plain", "json", "Plain", "", {})


def record(**values: Any) -> dict[str, Any]:
    """A quiet, full run that went well, but for these values."""
    return {
        "taken": "2026-01-02T03:04+00:00",
        "is_quick": False,
        "seconds": 5,
        "load_before": [0.1, 0.1, 0.1],
        "load_after": [1.9, 0.5, 0.2],
        "busy_before": 0.01,
        "busy_after": 0.02,
        "outcome": "ok",
        "figures": {},
    } | values


def report(**benches: dict[str, Any]) -> dict[str, Any]:
    return {"machine": {"cores": 2}, "benches": benches}


def test_the_page_and_its_pictures_are_what_the_json_says() -> None:
    kept = page.read()
    assert page.PAGE.read_text("utf-8") == page.text(kept)
    for name, picture in page.pictures(kept).items():
        assert (page.FOLDER / name).read_text("utf-8") == picture


def test_every_bench_of_the_folder_is_in_the_list() -> None:
    found = {one.stem for one in HERE.iterdir() if one.suffix == ".py" or one.is_dir()}
    private = {name for name in found if name.startswith("_")}
    assert found - private - set(PARTS) == set(BY_NAME)
    assert all(bench.module == f"tests.bench.{bench.name}" for bench in BENCHES)


def test_every_figure_that_was_measured_has_its_words() -> None:
    for name, one in page.read()["benches"].items():
        bench = BY_NAME[name]
        known = {*bench.ratios, *bench.plain}
        simulated = set(one["figures"]) if name in ("simulate", "costs") else set()
        assert set(one["figures"]) - known - simulated == set(), name


@pytest.mark.parametrize("bench", BENCHES, ids=lambda one: one.name)
def test_how_a_ratio_was_taken_is_a_sentence(bench: Bench) -> None:
    for name, ratio in bench.ratios.items():
        assert ratio.how[0].isupper() or ratio.how[0] == "`", name
        assert ratio.how.endswith("."), name


@pytest.mark.parametrize(
    ("ratio", "value", "verdict"),
    [
        (Ratio("", least=2), 2.0, "met"),
        (Ratio("", least=2), 1.9, "not met"),
        (Ratio("", most=2), 2.1, "not met"),
        (Ratio("", most=0), 0.0, "met"),
        (Ratio(""), 1.0, ""),
        (Ratio("", least=2), None, ""),
    ],
)
def test_a_bar_is_met_or_not(ratio: Ratio, value: float | None, verdict: str) -> None:
    assert ratio.verdict(value) == verdict


def test_no_bar_is_missed_in_silence() -> None:
    for name, one in page.read()["benches"].items():
        for figure, ratio in BY_NAME[name].ratios.items():
            if ratio.verdict(one["figures"].get(figure)) == "not met":
                assert ratio.missed.endswith("."), f"{name}: {figure}"
                assert f"- `{figure}` is not met: {ratio.missed}" in page.text(page.read())


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ({}, ""),
        ({"is_quick": True}, "QUICK"),
        ({"busy_after": 0.5}, "noisy: others used 50%"),
        ({"outcome": "failed: exit code 3"}, "failed: exit code 3"),
    ],
)
def test_a_run_is_marked_as_what_it_was(values: dict[str, Any], mark: str) -> None:
    assert page.marks(record(**values)) == mark
    said = page.text(report(ledger=record(**values)))
    assert (f"**{mark}**" in said) if mark else ("\n\n**" not in said.split("## The machine")[1])


def test_values_stand_beside_their_bars_and_missing_tools_are_said() -> None:
    figures = {"at_20ms_vs_smtplib": 2.0, "per_s": {"smtplib, 0 ms": 100.0}}
    said = page.text(report(mail=record(figures=figures)))
    assert "|at_20ms_vs_smtplib|2|≥ 2.5|not met|" in said
    assert "|Mailman 3|not measured|||" in said
    assert "|classify|||||not run: needs TELLAL_BENCH_DATA|" in said


def test_tools_are_compared_by_the_rates_of_one_run() -> None:
    rates = {"Mailman 3, 0 ms": 50.0, "Tellal, whole worker, 0 ms": 1000.0}
    said = "\n".join(peers.parts({"mail": record(figures={"per_s": rates})}))
    assert "|Mailman 3|50|1,000|20|" in said


@pytest.mark.parametrize(
    ("output", "figures"),
    [('noise\n{"a": 1}\n', {"a": 1}), ('{\n "a": {\n  "b": 2\n }\n}\n', {"a": {"b": 2}})],
)
def test_figures_are_read_from_what_a_bench_prints(output: str, figures: dict[str, Any]) -> None:
    assert running.said(output) == figures


def test_a_bench_that_fails_is_said_and_stops_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.machine, "LOOK_S", 0.0)
    kept: dict[str, dict[str, Any]] = {}
    benches = [
        replace(PLAIN, name="gone", module="tests.no_such_bench"),
        replace(PLAIN, name="silent", module="this"),  # prints, and no figures
        replace(PLAIN, name="data", needs="TELLAL_NO_SUCH_VARIABLE"),
        replace(PLAIN, name="good", module="tests.unit.bench.said"),
    ]
    failed = running.run_all(benches, kept.__setitem__, is_quick=True)
    assert failed == ["gone", "silent"]
    assert kept["gone"]["outcome"] == "failed: exit code 1"
    assert kept["silent"]["outcome"] == "failed: no JSON line at its end"
    assert kept["good"]["figures"] == {"said": 1}
    assert "data" not in kept


def test_a_bench_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.machine, "LOOK_S", 0.0)
    hanging = replace(PLAIN, module="tests.unit.bench.waits")
    found = running.run(hanging, is_quick=True, limit_s=0.2)
    assert found["outcome"] == "failed: not done after 0.2 s"


def test_scales_are_said_in_full() -> None:
    """`1e+06` under a bar beside 100,000 is read as something else."""
    many = bars("Rates", {"cache": 159_015.0, "Tellal": 252.0}, "Tellal")
    grown = lines("Growth", "readers", {"rows": [(1.0, 1.0), (2.0, 4_000_000.0)]})
    assert ">1,000,000<" in many
    assert ">4,000,000<" in grown
    assert "e+0" not in many + grown


def test_pictures_are_svg_with_a_name() -> None:
    grown = lines("Growth", "readers", {"a & b": [(10, 1.0), (1000, 2.5)]}, is_log=True)
    flat = lines("Nothing", "minutes", {"a": [(0.0, 0.0), (1.0, 0.0)]})
    for drawn in (grown, flat, bars("Rates", {"Tellal": 1000.0, "<loop>": 3.0}, "Tellal")):
        assert (ET.fromstring(drawn).findtext("{http://www.w3.org/2000/svg}title") or "") in (
            "Growth",
            "Nothing",
            "Rates",
        )
