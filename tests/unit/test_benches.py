"""The bench of feeds is run by hand; that it still fits the program is seen here."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from tests.bench import feeds

MODULES = [one.name for one in pkgutil.walk_packages(feeds.__path__, f"{feeds.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_bench_can_be_loaded(name: str) -> None:
    assert importlib.import_module(name)
