"""An SMTP server that takes everything and keeps nothing, so that the sender is what is measured.

A process of its own: `python -m tests.bench.ledger.sink` prints its port, and ends with its input.
"""

from __future__ import annotations

import socketserver
import sys
import threading

ANSWERS = {b"EHLO": b"250 sink", b"DATA": b"354 go on", b"QUIT": b"221 bye"}


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._say(b"220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            self._say(ANSWERS.get(verb, b"250 ok"))
            if verb == b"DATA":
                while self.rfile.readline() != b".\r\n":
                    pass
                self._say(b"250 taken")
            elif verb == b"QUIT":
                return

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


def main() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
