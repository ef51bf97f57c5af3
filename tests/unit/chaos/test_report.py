"""The page about a chaos run."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

from tests.chaos.report import kept, page, picture
from tests.chaos.results import Results, Row

ROW = Row("kill -9 <email>", "sqlite", 1, 20_000, unknown=2, limit=2, recovery_s=3.5)


def test_only_rows_of_full_size_are_told(tmp_path: Path) -> None:
    for row in (ROW, replace(ROW, deliveries=2000)):
        Results("sqlite", 1, tmp_path).add(row)
    Results("sqlite", 1, tmp_path, "-quick").add(replace(ROW, fault="mix 1"))
    assert kept(tmp_path) == [ROW]


def test_the_page_says_what_failed_and_what_was_not_run() -> None:
    text = page([ROW, replace(ROW, lost=1), replace(ROW, fault="clock", not_run="no library")])
    assert "2 rows of 20,000 deliveries, seeds 1: 1 lost" in text
    assert text.count("**failed**: 1 lost") == 1
    assert "not run: no library" in text


def test_the_picture_is_well_formed_and_has_a_bar_for_each_database() -> None:
    rows = [ROW, replace(ROW, db="postgresql", recovery_s=70.0), replace(ROW, not_run="x")]
    root = ET.fromstring(picture(rows))
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 2
