"""The receivers that the documents offer take what we sign, and nothing else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from service.db import utcnow

DOCS = Path(__file__).parents[3] / "docs" / "integrate"
SECRET, OTHER = "whsec_" + "Z3JlZW4gYXBwbGVz" * 2, "whsec_" + "cmVkIGFwcGxlcyE5" * 2
BODY = json.dumps({"type": "article.published", "data": {"title": "Şehir"}}, ensure_ascii=False)
TRIES = 100


@pytest.fixture(params=["python", "php"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    command = {
        "python": [sys.executable, str(DOCS / "receive_webhook.py"), str(port)],
        "php": ["php", "-S", f"127.0.0.1:{port}", str(DOCS / "receive_webhook.php")],
    }[request.param]
    process = subprocess.Popen(
        command,
        env={**os.environ, "TELLAL_WEBHOOK_SECRET": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(TRIES):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


def post(port: int, at: datetime, *signatures: str, body: str = BODY) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        headers = {
            "webhook-id": "12-5",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
            "Content-Type": "application/json",
        }
        connection.request("POST", "/", body.encode(), headers)
        return connection.getresponse().status


def signed(secret: str, at: datetime) -> str:
    return Webhook(secret).sign("12-5", at, BODY)


def test_it_takes_what_is_signed_with_its_secret_and_nothing_else(port: int) -> None:
    now = utcnow()
    ours, foreign = signed(SECRET, now), signed(OTHER, now)

    assert post(port, now, ours) == 204
    assert post(port, now, ours) == 204, "a copy"
    assert post(port, now, foreign, ours) == 204, "while a secret is being changed"
    assert post(port, now, foreign) == 401
    assert post(port, now, ours, body=BODY.replace("published", "withdrawn")) == 401
    assert post(port, now + timedelta(seconds=1), ours) == 401
    old = now - timedelta(minutes=6)
    assert post(port, old, signed(SECRET, old)) == 401
    assert post(port, now, "", "v2,x", "v1,é".encode().decode("latin-1"), "v1,") == 401
