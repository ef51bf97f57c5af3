"""The formats, one after the other."""

from __future__ import annotations

import pytest

from service.feeds.formats import Format


@pytest.fixture(params=list(Format))
def wanted(request: pytest.FixtureRequest) -> Format:
    return request.param
