"""`tellal post`: signed as Standard Webhooks say, and clear where nobody listens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook

from service.cli import cli
from service.cli.chat_receiver import ChatReceiver
from service.ingest.signatures import new_secret

SECRET = new_secret()


class Door:
    """A door that keeps what it gets and answers as it is told."""

    def __init__(self) -> None:
        self.status, self.answer = 202, b'{"article_id": 7}'
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                door.requests.append((self.path, headers, body))
                self.send_response(door.status)
                self.send_header("content-length", str(len(door.answer)))
                self.end_headers()
                self.wfile.write(door.answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    thread = threading.Thread(target=door.server.serve_forever)
    thread.start()
    yield door
    door.server.shutdown()
    thread.join()
    door.server.server_close()


def post(body: str, url: str, secret: str = SECRET) -> Any:
    words = ["post", "-", "--source", "cms", "--secret", secret, "--url", url]
    return CliRunner().invoke(cli, words, input=body)


def test_the_article_arrives_as_it_is_and_its_signature_holds(door: Door) -> None:
    body = json.dumps({"title": "İzmir’in iklim eylemi"}, ensure_ascii=False)
    result = post(body, door.url)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {"status": 202, "article_id": 7}
    [(path, headers, received)] = door.requests
    assert path == "/v1/sources/cms/articles"
    assert received == body.encode()
    Webhook(SECRET).verify(received, headers)


def test_each_post_has_an_id_of_its_own(door: Door) -> None:
    post("{}", door.url)
    post("{}", door.url)
    assert len({headers["webhook-id"] for _, headers, _ in door.requests}) == 2


@pytest.mark.parametrize("answer", [b'{"detail": "wrong"}', b"<h1>no JSON</h1>"])
def test_a_refusal_is_shown_and_exits_1(door: Door, answer: bytes) -> None:
    door.status, door.answer = 422, answer
    result = post("{}", door.url)
    assert result.exit_code == 1
    assert json.loads(result.output)["status"] == 422


def test_a_text_that_is_no_secret_is_refused(door: Door) -> None:
    result = post("{}", door.url, secret="whsec_gizli?")
    assert result.exit_code == 2
    assert "that is no secret" in result.output
    assert door.requests == []


def test_nobody_there_is_one_line(door: Door) -> None:
    result = post("{}", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "nothing answers at http://127.0.0.1:1" in result.output


def test_a_demo_without_a_service_says_how_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.settings import make_keys

    make_keys(tmp_path)
    monkeypatch.setenv("TELLAL_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("TELLAL_PORT", "1")
    result = CliRunner().invoke(cli, ["demo"])
    assert result.exit_code == 2
    assert "start it with `make run` first" in result.output


def test_the_demo_chat_room_hears_only_its_own_address() -> None:
    import urllib.error
    import urllib.request

    with ChatReceiver() as chat:
        url = chat.url.replace("json://", "http://")
        with urllib.request.urlopen(url, data="İklim · run-1".encode()):
            pass
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + "x", data=b"run-2")
        refused.value.close()
        assert chat.message_with("run-1") is not None
        assert chat.message_with("run-2") is None
