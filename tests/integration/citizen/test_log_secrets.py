"""Nothing that a process writes during a person's whole journey says who they are."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from service import logs
from service.runtime import Runtime
from tests.integration.citizen.test_looking import links


@pytest.fixture
def written(app: Any) -> Iterator[io.StringIO]:
    """All that is logged at every level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("DEBUG")
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_logs_hold_no_address_and_no_token(
    written: io.StringIO, resident: Any, app: Any, runtime: Runtime, work: Any, monkeypatch: Any
) -> None:
    paths = links(resident, runtime)
    work()
    client = app.test_client()
    for path in paths.values():
        for ending in ("", "/", "/x", "?utm=1"):
            client.get(path + ending)
            client.post(path + ending)
    resident.client.post(paths["sign in"])
    resident.send("/sign-in", email="ayse@example.com\r\nBcc: x@example.com")
    with monkeypatch.context() as broken:
        broken.setattr("service.subscriptions.signing_in.issue", lambda *_: 1 / 0)
        assert resident.send("/sign-in", email="ayse@example.com").status_code == 500
    said = written.getvalue()
    assert "ZeroDivisionError" in said
    tokens = {word for path in paths.values() for word in re.findall(r"[a-z2-7]{18,}", path)}
    assert len(tokens) >= 5
    for secret in (*tokens, "ayse", "new@example", "x@example", "%40"):
        assert secret not in said, secret
