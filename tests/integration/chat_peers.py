"""Services of personal chat on loopback: ntfy-like, Matrix-like and Telegram-like."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from flask.testing import FlaskClient
from pydantic import SecretStr

from service.models import Destination
from service.runtime import Runtime
from service.settings import Settings
from workers.chat.providers.telegram import Telegram

BOT_TOKEN = "123456789:AAEabcdefghijklmnopqrstuvwxyz012345"
MATRIX_TOKEN = "syt_city"
MATRIX_USER = "@news:home.example"

Answer = tuple[int, dict[str, Any]]


@dataclass
class Asked:
    method: str
    path: str
    authorization: str
    body: dict[str, Any]


class Peer(ThreadingHTTPServer):
    """Remembers what it was asked, and answers as `answer` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda asked: (200, {})

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Peer]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Peer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(
            self.command,
            unquote(self.path),
            self.headers.get("Authorization", ""),
            json.loads(raw or b"{}"),
        )
        self.server.asked.append(asked)
        status, body = self.server.answer(asked)
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Homeserver:
    """As much of Matrix as the sender meets: rooms, aliases, and each number once."""

    rooms: dict[str, str] = field(default_factory=dict)  # what one enters by, to its number
    said: dict[str, str] = field(default_factory=dict)  # number of a message to its text
    invited: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        if asked.authorization != f"Bearer {MATRIX_TOKEN}":
            return 401, {"errcode": "M_UNKNOWN_TOKEN"}
        _, _, what = asked.path.partition("/v3/")
        if what.startswith("join/"):
            room = self.rooms.get(what.removeprefix("join/"))
            return (200, {"room_id": room}) if room else (404, {"errcode": "M_NOT_FOUND"})
        if what == "createRoom":
            alias = f"#{asked.body['room_alias_name']}:home.example"
            if alias in self.rooms:
                return 400, {"errcode": "M_ROOM_IN_USE"}
            self.invited += asked.body["invite"]
            self.rooms[alias] = f"!r{len(self.rooms)}:home.example"
            return 200, {"room_id": self.rooms[alias]}
        number = what.rpartition("/")[2]
        self.said.setdefault(number, asked.body["body"])
        return 200, {"event_id": f"${number}"}


def with_chats(settings: Settings, peer: Peer, monkeypatch: Any) -> Settings:
    """All three kinds, each at the peer."""
    monkeypatch.setattr("workers.chat.telegram.API", f"http://{peer.host}")
    monkeypatch.setattr(Telegram, "api", f"http://{peer.host}")
    return settings.model_copy(
        update={
            "personal_chat": ("ntfy", "matrix", "telegram"),
            "ntfy_hosts": (f"http://{peer.host}",),
            "matrix_homeserver": f"http://{peer.host}",
            "matrix_user": MATRIX_USER,
            "matrix_token": SecretStr(MATRIX_TOKEN),
            "matrix_hosts": ("home.example",),
            "telegram_bot": "TellalTestBot",
            "telegram_token": SecretStr(BOT_TOKEN),
        }
    )


def sign_in_as(client: FlaskClient, runtime: Runtime, destination_id: int) -> None:
    """As the sign-in link does."""
    with runtime.db.read() as session:
        mark = session.get_one(Destination, destination_id).address_hash[:16]
    with client.session_transaction() as cookie:
        cookie["person"] = [destination_id, mark, int(time.time())]
