"""The soak's judge finds what grows, and nothing else; its page says what was found."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.bench.soak import document
from tests.bench.soak.judging import trend

MINUTES = range(0, 61)


def series(slope_an_hour: float, noise: float = 2.0, level: float = 100.0) -> list[Any]:
    chance = random.Random(4)
    return [(60.0 * n, level + slope_an_hour * n / 60 + chance.gauss(0, noise)) for n in MINUTES]


def found(**columns: list[tuple[float, float]]) -> dict[str, Any]:
    """An hour's run with these readings and nothing wrong."""
    columns = {"unsent": series(0.0, 5.0)} | columns
    readings = [
        {"at": 60.0 * n, **{name: points[n][1] for name, points in columns.items()}}
        for n in MINUTES
    ]
    return {
        "seconds": 3600,
        "end_s": 2.0,
        "rate": 300.0,
        "readers": 3000,
        "taken": "2026-01-02T03:04+00:00",
        "busy_before": 0.01,
        "load_before": [0.1, 0.1, 0.1],
        "load_after": [1.9, 0.5, 0.2],
        "audit": [],
        "visitors": {"came": 1200, "left": 1180, "trouble": []},
        "counts": {"articles": 360, "deliveries": 1_080_000, "lost": 0, "doubled": 0, "unknown": 0},
        "machine": {
            "cores": 2,
            "processor": "P",
            "kernel": "Linux",
            "Python": "3.11",
            "SQLite": "3.40",
        },
        "readings": readings,
    }


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        (series(30.0), "grows"),
        (series(0.0), "no growth found"),
        (series(-30.0), "no growth found"),
        (series(30.0, noise=200.0), "no growth found"),  # not to be told from noise
        (series(2.0, noise=0.001), "no growth found"),  # sure, and two per cent an hour
        ([(60.0 * n, min(n, 20) * 5.0) for n in MINUTES], "no growth found"),  # warms up
        (series(0.0)[:6], "too few readings"),
        ([], "too few readings"),
    ],
)
def test_growth_is_found_where_there_is_some(points: list[Any], verdict: str) -> None:
    assert trend(points).verdict == verdict


def test_a_slope_is_told_an_hour_with_its_error() -> None:
    found = trend(series(30.0))
    assert abs(found.slope - 30.0) < 3 * found.error
    assert 0 < found.error < 5


def test_a_good_hour_is_good() -> None:
    good = found(files=series(0.0), rss_mb_email=series(0.0), database_mb=series(900.0))
    assert not document.is_bad(good)
    assert "nothing found that grows" in document.text(good)
    assert "it keeps every delivery" in document.text(good)
    assert "SHORT" not in document.text(good)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"counts": {"articles": 1, "deliveries": 9, "lost": 1, "doubled": 0, "unknown": 0}},
            "1 lost",
        ),
        ({"audit": ["a batch without an end"]}, "- a batch without an end"),
    ],
)
def test_a_bad_hour_is_bad_and_says_why(values: dict[str, Any], said: str) -> None:
    bad = found() | values
    assert document.is_bad(bad)
    assert said in document.text(bad)


def test_what_grows_is_named() -> None:
    leaking = found(files=series(40.0), rss_mb_email=series(0.0))
    assert document.is_bad(leaking)
    assert document.growing(leaking) == ["files"]
    assert "growing: open files." in document.text(leaking)


def test_a_short_run_is_marked() -> None:
    assert "**SHORT: this run lasted 300 seconds" in document.text(found() | {"seconds": 300})


def test_pictures_are_drawn_of_all_readings() -> None:
    drawn = document.pictures(found(files=series(0.0), rss_mb_email=series(0.0)))
    assert set(drawn) == {"soak-memory.svg", "soak-counts.svg", "soak-unsent.svg"}
    for picture in drawn.values():
        line = ET.fromstring(picture).find("{http://www.w3.org/2000/svg}polyline")
        assert line is not None
        assert len(line.get("points", "").split()) == len(MINUTES)


def test_the_page_is_what_the_json_says() -> None:
    kept = document.read()
    assert document.PAGE.read_text("utf-8") == document.text(kept)
    for name, picture in document.pictures(kept).items():
        assert (document.FOLDER / name).read_text("utf-8") == picture
