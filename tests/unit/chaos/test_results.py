"""The rows of the chaos table: kept, gone on with, failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.results import Results, Row, summary

ROW = Row("kill -9 email", "sqlite", 1, 2000, limit=2)


def test_a_row_that_is_there_is_found_again(tmp_path: Path) -> None:
    Results("sqlite", 1, tmp_path).add(ROW)
    assert Results("sqlite", 1, tmp_path).find(ROW.fault, ROW.deliveries) == ROW


def test_another_seed_database_or_size_is_another_row(tmp_path: Path) -> None:
    Results("sqlite", 1, tmp_path).add(ROW)
    assert Results("sqlite", 2, tmp_path).find(ROW.fault, ROW.deliveries) is None
    assert Results("postgresql", 1, tmp_path).find(ROW.fault, ROW.deliveries) is None
    assert Results("sqlite", 1, tmp_path).find(ROW.fault, 20_000) is None


def test_a_line_cut_off_by_a_kill_is_run_again(tmp_path: Path) -> None:
    results = Results("sqlite", 1, tmp_path)
    results.add(ROW)
    results.add(replace(ROW, fault="kill -9 chat"))
    path = tmp_path / "sqlite-1.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert results.rows() == [ROW]


def test_a_row_run_anew_replaces_the_old_one(tmp_path: Path) -> None:
    results = Results("sqlite", 1, tmp_path)
    results.add(ROW)
    results.add(replace(ROW, lost=1))
    assert results.rows() == [replace(ROW, lost=1)]


def test_fresh_forgets_only_what_is_asked_for(tmp_path: Path) -> None:
    results = Results("sqlite", 1, tmp_path)
    other = replace(ROW, fault="kill -9 chat")
    for row in (ROW, other, replace(ROW, deliveries=20_000)):
        results.add(row)
    results.forget([ROW.fault], ROW.deliveries)
    assert results.rows() == [other, replace(ROW, deliveries=20_000)]


@pytest.mark.parametrize(
    "broken",
    [
        {"lost": 1},
        {"doubled": 2, "doubled_unknown": 1},
        {"unknown": 3},
        {"untrue": 1},
        {"recovery_s": 60.5},
        {"is_done": False},
        {"audit": ["planned is not the sum: #1, planned 2, rows 1"]},
        {"error": "AssertionError: web does not run"},
    ],
)
def test_every_broken_promise_fails_the_row(broken: dict[str, Any]) -> None:
    row = replace(ROW, **broken)
    assert len(row.failures) == 1
    assert "FAILED" in row.line()


def test_what_stays_within_its_bounds_passes() -> None:
    row = replace(ROW, doubled=1, doubled_unknown=1, unknown=2, recovery_s=60.0)
    assert row.failures == []
    assert "FAILED" not in row.line()


def test_what_could_not_be_run_neither_fails_nor_counts() -> None:
    row = replace(ROW, not_run="libfaketime is not installed")
    assert row.failures == []
    assert "not run: libfaketime" in row.line()
    assert summary([row])["faults"] == 0


def test_the_last_line_adds_up_and_counts_doubles_outside_unknown() -> None:
    rows = [
        replace(ROW, doubled=3, doubled_unknown=2, unknown=2, recovery_s=1.25),
        replace(ROW, lost=4, recovery_s=7.31),
    ]
    assert summary(rows) == {
        "faults": 2,
        "deliveries": 4000,
        "lost": 4,
        "doubled": 1,
        "unknown": 2,
        "worst_recovery_s": 7.3,
    }
