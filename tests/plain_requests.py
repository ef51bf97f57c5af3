"""Requests as other programs know them, in a process where chat has put a guarded session."""

from __future__ import annotations

import pytest
import requests
from apprise.utils.http import HTTPPolicySession

(PLAIN,) = HTTPPolicySession.__bases__


def give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test: `workers.chat.targets` looks again before it sends."""
    for place in (requests, requests.sessions):
        monkeypatch.setattr(place, "Session", PLAIN)
