"""Every captured request over real HTTP at a running Tellal whose sources the command line added.

The clock of its door stands where the README of the recordings puts it; whatever signs a time was
sent within five minutes of that.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from service.cli import cli
from service.db import Database
from service.models import Article, InboxEvent, Verdict
from service.settings import load
from tests.integration.ingest.conftest import CLOCK, SITE, Recording, load_recording
from tests.integration.ingest.test_presets_at_the_door import FILES, each_file

READY = "ready after"


class Running:
    """A `tellal up` on loopback, in a folder of its own."""

    def __init__(self) -> None:
        self.var = Path(tempfile.mkdtemp(prefix="tellal-door-"))  # a socket's path must be short
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.own = {
            "TELLAL_VAR_DIR": str(self.var),
            "TELLAL_PORT": str(self.port),
            "TELLAL_ENV": "test",
            "TELLAL_TEST_NOW": str(CLOCK),
        }
        others = {k: v for k, v in os.environ.items() if not k.startswith("TELLAL_")}
        self._up = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "up"],
            env={**others, **self.own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._up.stdout is not None
        output = []
        for line in self._up.stdout:
            output.append(line)
            if READY in line:
                break
        else:
            raise AssertionError("".join(output))
        self.db = Database(load(var_dir=self.var).sqlalchemy_url)

    def stop(self) -> None:
        self.db.close()
        self._up.send_signal(signal.SIGINT)
        self._up.communicate(timeout=60)
        shutil.rmtree(self.var)

    def tellal(self, *words: str) -> None:
        """Run a command in this process: thirty new ones would take half a minute."""
        done = CliRunner().invoke(cli, words, env=self.own)
        assert done.exit_code == 0, done.output

    def add_source(self, preset: str, scheme: str, sent: Recording) -> str:
        """Add the source that a recording is for; returns its slug."""
        slug = sent.name.replace(".", "-").lower()
        secret = self.var / f"{slug}.secret"
        secret.write_text(sent.secret)
        words = ["source", "add", slug, "--preset", preset, "--scheme", scheme]
        words += ["--token-file" if scheme == "bearer" else "--secret-file", str(secret)]
        words += ["--base-url", SITE]
        if identifier := sent.identifier_for(scheme):
            words += ["--identifier", identifier]
        self.tellal(*words)
        return slug

    def post(self, slug: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", f"/v1/sources/{slug}/articles", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def events(self) -> int:
        with self.db.read() as session:
            return session.scalar(select(func.count()).select_from(InboxEvent)) or 0


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def table(say: Callable[[str], None]) -> Iterator[Callable[..., None]]:
    rows: list[tuple[str, ...]] = []
    yield lambda *row: rows.append(row)
    say(f"{len(rows)} of {len(FILES)} captured files at a running server, one byte changed in each")
    for row in rows:
        say("  {:56} {} {:9} {:44} {:10} changed: {}".format(*row))


@each_file
def test_a_captured_request_is_answered_by_a_running_server_as_its_cms_meant(
    running, table, name, preset, scheme, verdict, external_id, state, held
):
    sent = load_recording(name)
    slug, headers = running.add_source(preset, scheme, sent), sent.own_headers
    before = running.events()

    changed, _ = running.post(slug, *_with_one_byte_changed(scheme, sent))
    assert (changed, running.events()) == (401, before)
    status, answer = running.post(slug, sent.body, headers)

    assert status == 202, answer
    assert answer["status"] == ("accepted" if verdict == Verdict.PENDING else verdict)
    with running.db.read() as session:
        event = session.scalars(select(InboxEvent).order_by(InboxEvent.id.desc())).first()
        article = session.get(Article, answer["article_id"] or 0)
    found = (article.external_id, article.state) if article else (None, None)
    assert (running.events(), event.verdict) == (before + 1, verdict)
    assert found == (external_id, state)
    table(name, str(status), event.verdict, *(part or "–" for part in found), str(changed))


def _with_one_byte_changed(scheme: str, sent: Recording) -> tuple[bytes, dict[str, str]]:
    """In the body; where nothing signs it, in the token."""
    headers, middle = sent.own_headers, len(sent.body) // 2
    if scheme != "bearer":
        byte = bytes([sent.body[middle] ^ 1])
        return sent.body[:middle] + byte + sent.body[middle + 1 :], headers
    (name,) = [name for name in headers if name.lower() == "authorization"]
    return sent.body, {**headers, name: headers[name][:-1] + chr(ord(headers[name][-1]) ^ 1)}
