"""A chat room for the demo: a web hook on this machine that remembers what it was told."""

from __future__ import annotations

import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

LARGEST_BYTES = 1024 * 1024


class ChatReceiver:
    """Listens on a free port of the loopback while it is entered."""

    def __init__(self) -> None:
        self._path = f"/{secrets.token_hex(8)}"
        self._messages: list[tuple[float, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("content-length") or 0), LARGEST_BYTES)
                body = self.rfile.read(size)
                known = self.path.rstrip("/") == receiver._path
                if known:
                    receiver._hear(body)
                self.send_response(200 if known else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass  # the table says what arrived

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The room as Apprise names it."""
        return f"json://127.0.0.1:{self._server.server_port}{self._path}"

    def message_with(self, mark: str) -> tuple[str, float] | None:
        """The first message that holds the mark: its text in short, and when it came."""
        for at, text in self._messages:
            if mark in text:
                return f"{len(text)} characters at 127.0.0.1:{self._server.server_port}", at
        return None

    def _hear(self, body: bytes) -> None:
        self._messages.append((time.monotonic(), body.decode("utf-8", "replace")))

    def __enter__(self) -> ChatReceiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
