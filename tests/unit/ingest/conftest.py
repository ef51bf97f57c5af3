"""Requests as CMSs sent them (tests/data/webhooks), and the presets that are shipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.ingest.mapping import Mapped, map_event
from service.ingest.presets import Preset, load_presets
from service.ingest.schemes import Request

ROOT = Path(__file__).parents[3]
WEBHOOKS = ROOT / "tests" / "data" / "webhooks"
CLOCK = 1795456183.0  # where a file does not say when it was received


@dataclass(frozen=True)
class Captured:
    """One file: the request, when it came, and what proves it."""

    request: Request
    now: datetime
    secret: str
    identifier: str

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.request.body)


def load_captured(name: str) -> Captured:
    data = json.loads((WEBHOOKS / f"{name}.json").read_text(encoding="utf-8"))
    sent = data["request"]
    request = Request(
        headers={name.lower(): value for name, value in sent["headers"].items()},
        body=data["raw_body"].encode(),
        method=sent["method"],
        path=sent.get("path", ""),
    )
    now = datetime.fromtimestamp(sent.get("received_at", CLOCK), UTC)
    return Captured(request, now, data.get("secret", "test-token"), data.get("identifier", ""))


@pytest.fixture(scope="session")
def captured() -> Callable[[str], Captured]:
    return load_captured


@pytest.fixture(scope="session")
def presets() -> dict[str, Preset]:
    return load_presets(ROOT / "config" / "presets")


@pytest.fixture
def event() -> Callable[[str], tuple[dict[str, str], dict[str, Any]]]:
    """Headers and parsed body of a captured request, for a test to change before it is mapped."""

    def load(name: str) -> tuple[dict[str, str], dict[str, Any]]:
        sent = load_captured(name)
        return dict(sent.request.headers), sent.body

    return load


@pytest.fixture
def mapped(presets: dict[str, Preset]) -> Callable[..., Mapped]:
    """The only article of an event."""

    def map_one(preset: str, headers: dict[str, str], body: dict[str, Any]) -> Mapped:
        result = map_event(
            presets[preset], headers, body, "Europe/Istanbul", "https://www.example.bel.tr/"
        )
        assert isinstance(result, list), result
        (only,) = result
        return only

    return map_one


@pytest.fixture
def fixture_json() -> Callable[[str], dict[str, Any]]:
    """A captured document that is no request."""
    return lambda name: json.loads((WEBHOOKS / f"{name}.json").read_text(encoding="utf-8"))
