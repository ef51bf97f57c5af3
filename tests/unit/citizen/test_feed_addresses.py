"""Codes that a phone's camera reads as the addresses of feeds."""

from __future__ import annotations

import re

import pytest
import segno

from service.citizen.feed_addresses import QUIET_ZONE, code_of

CITY = "https://haber.example"


@pytest.mark.parametrize("url", [f"{CITY}/feeds/all.rss", CITY + "/" + "uzun-" * 40])
def test_the_picture_of_a_code_has_its_modules_inside_a_quiet_zone(url: str) -> None:
    code = code_of(url)
    matrix = segno.make_qr(url, error="m").matrix
    assert code.size == len(matrix) + 2 * QUIET_ZONE
    painted = [[0] * len(matrix) for _ in matrix]
    x = y = 0
    for command, first in re.findall(r"([Mmh])([\d .]+)", code.path):
        if command == "M":
            x, y = (int(float(number)) - QUIET_ZONE for number in first.split())
        elif command == "m":
            x += int(first.split()[0])
        else:
            painted[y][x : x + int(first)] = [1] * int(first)
            x += int(first)
    assert painted == [[1 if dark else 0 for dark in row] for row in matrix]
