"""Some benches are run by hand alone; that they still fit the program is seen here."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from tests.bench import chat, feeds, report, scale, soak

MODULES = [
    one.name
    for bench in (chat, feeds, report, scale, soak)
    for one in pkgutil.walk_packages(bench.__path__, f"{bench.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_bench_can_be_loaded(name: str) -> None:
    assert importlib.import_module(name)
