"""What goes on at this moment, page by page."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "",
        "alarms",
        "dead-letters",
        "deliveries",
        "deliveries/pauses",
        "deliveries/halt",
        "deliveries/halt?act=pause&scope=all",
        "deliveries/halt?act=pause&scope=lane",
        "deliveries/halt?act=cancel&scope=topic&of=spor",
        "domains",
    ],
)
def test_smoke(signed_in, town, path):
    town.readers(3)
    town.planned()
    page = signed_in("administrator").get(f"/staff/{path}")
    assert page.status_code == 200, page.text
