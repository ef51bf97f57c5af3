"""The example senders of the documentation, run as files against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from service.models import Article, InboxEvent, Revision

DOCS = Path(__file__).parents[3] / "docs" / "integrate"
SENDERS = {
    "python": (sys.executable, DOCS / "send_article.py"),
    "php": ("php", DOCS / "send_article.php"),
    "shell": ("sh", DOCS / "send_article.sh"),
}
each_sender = pytest.mark.parametrize("command", SENDERS.values(), ids=list(SENDERS))


@contextmanager
def served(app: Callable[..., Iterable[bytes]]) -> Iterator[int]:
    """A port of this machine where the application answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def run(
    command: tuple[Any, ...], port: int, cms: Any, secret: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, f"http://127.0.0.1:{port}{cms.path}"],
        env={**os.environ, "TELLAL_SOURCE_SECRET": secret or cms.secret},
        capture_output=True,
        check=False,
        timeout=30,
        text=True,
    )


@each_sender
def test_an_example_sender_is_accepted_and_its_repeat_changes_nothing(app, cms, town, command):
    with served(app) as port:
        done = [run(command, port, cms) for _ in range(2)]

    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert [json.loads(one.stdout)["status"] for one in done] == ["accepted"] * 2
    assert town.count(InboxEvent) == 1
    (revision,) = town.all(Revision)
    assert (revision.title, revision.summary, revision.body_html, revision.url) == (
        "Körfez için iklim eylem planı",
        "Karbon salımı azalacak.",
        "<p>Plan bugün kabul edildi.</p>",
        "https://www.example.bel.tr/haber/58150",
    )


@each_sender
def test_an_example_sender_tries_once_more_after_a_503_under_the_same_id(app, cms, town, command):
    ids: list[str] = []

    def away_at_first(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        ids.append(environ["HTTP_WEBHOOK_ID"])
        if len(ids) == 1:
            start("503 Service Unavailable", [("Content-Length", "0")])
            return []
        return app(environ, start)

    with served(away_at_first) as port:
        done = run(command, port, cms)

    assert done.returncode == 0, done.stderr
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert town.count(Article) == 1


@each_sender
def test_an_example_sender_says_by_its_exit_code_that_it_was_refused(app, cms, town, command):
    with served(app) as port:
        done = run(command, port, cms, secret="whsec_d3JvbmcgYXMgaXQgY2FuIGJl")

    assert done.returncode != 0
    assert town.is_empty()
