"""A chat service that keeps a line of every message, and misbehaves as it is told.

A process of its own: `python -m tests.chaos.receiver PORT FOLDER`. Each channel posts to a path of
its own, so that the path names the destination. Some of them are rooms of Matrix: there a message
that has its number already is answered and not taken, as a homeserver does, across restarts too.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from tests.chaos.sink import MARK
from tests.chaos.tape import Recorder, Rule

NAME = "chat"
RETRY_AFTER_S = 2
_SEND = re.compile(r".*/rooms/!([^:]+):[^/]*/send/m.room.message/(.+)")


class Receiver(ThreadingHTTPServer):
    """Listens on loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, folder: Path) -> None:
        self.recorder = Recorder(folder, NAME)
        self.numbers = _numbers_of(folder / f"{NAME}.tape")
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self._handle(self.path, self._read()["title"])

    def do_PUT(self) -> None:
        """A message to a room of Matrix."""
        found = _SEND.fullmatch(unquote(self.path))
        assert found is not None, self.path
        title = self._read()["body"].partition("\n")[0]
        self._handle(room_path(found[1]), title, found[2])

    def _read(self) -> dict[str, str]:
        message: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return message

    def _handle(self, to: str, title: str, number: str = "") -> None:
        rule = self.server.recorder.rule("POST")
        if rule is not None and rule.do not in ("swallow", "slow"):
            self.server.recorder.write(to=to, rule=rule.at, do=rule.do)
            self._answer(int(rule.do))
            return
        with self.server.lock:
            if not number or number not in self.server.numbers:
                self._take(to, title, number, rule)
            self.server.numbers.add(number)
        if rule is not None:
            time.sleep(rule.seconds)
        if rule is None or rule.do == "slow":
            self._answer(200)

    def _take(self, to: str, title: str, number: str, rule: Rule | None) -> None:
        found = MARK.search(title)
        self.server.recorder.write(
            to=to,
            mark=found.group(1) if found else title,
            id=number,
            is_in_doubt=rule is not None,
        )

    def _answer(self, status: int) -> None:
        said = json.dumps(
            {"event_id": "$1"} if status == 200 else {"errcode": "M_UNKNOWN"}
        ).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", str(RETRY_AFTER_S))
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def room_path(name: str) -> str:
    """How a room of Matrix is named among the paths of the other channels."""
    return f"/room/{name}"


def _numbers_of(tape: Path) -> set[str]:
    """Those of all messages that were taken before a restart."""
    lines = tape.read_text(encoding="utf-8").splitlines()
    return {json.loads(line).get("id", "") for line in lines if line.endswith("}")}


if __name__ == "__main__":
    Receiver(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
