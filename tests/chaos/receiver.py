"""A chat service that keeps a line of every message, and misbehaves as it is told.

A process of its own: `python -m tests.chaos.receiver PORT FOLDER`. Each channel posts to a path of
its own, so that the path names the destination.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.chaos.sink import MARK
from tests.chaos.tape import Recorder, Rule

NAME = "chat"
RETRY_AFTER_S = 2


class Receiver(ThreadingHTTPServer):
    """Listens on loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, folder: Path) -> None:
        self.recorder = Recorder(folder, NAME)
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rule = self.server.recorder.rule("POST")
        if rule is not None and rule.do not in ("swallow", "slow"):
            self.server.recorder.write(to=self.path, rule=rule.at, do=rule.do)
            self._answer(int(rule.do))
            return
        self._take(message["title"], rule)
        if rule is not None:
            time.sleep(rule.seconds)
        if rule is None or rule.do == "slow":
            self._answer(200)

    def _take(self, title: str, rule: Rule | None) -> None:
        found = MARK.search(title)
        self.server.recorder.write(
            to=self.path,
            mark=found.group(1) if found else title,
            id="",
            is_in_doubt=rule is not None,
        )

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", str(RETRY_AFTER_S))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    Receiver(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
