"""A longer way to a server on loopback: each byte arrives later by half of a round trip.

It reads whatever comes at once and limits no rate. A process of its own:
`python -m tests.bench.mail.delay PORT ROUND_TRIP_MS` prints its port, and ends with its input.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
import time
from collections import deque
from contextlib import suppress

CHUNK = 1 << 18
HOST = "127.0.0.1"


class _End:
    """One end of a connection: what it is sent, and what it could not take yet."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.waiting = sock, b""
        self.peer: _End
        self.is_read = self.is_ending = False  # nothing more comes from it; nothing more goes to it


class Delay:
    """One thread; select() and not epoll, because that rounds its timeout to milliseconds."""

    def __init__(self, port: int, round_trip_s: float) -> None:
        self._target, self._half_s = (HOST, port), round_trip_s / 2
        self._listener = socket.create_server((HOST, 0), backlog=500)
        self._ring = selectors.SelectSelector()
        self._ring.register(self._listener, selectors.EVENT_READ)
        # All wait equally long, so the first one in is the first one out.
        self._on_the_way: deque[tuple[float, _End, bytes]] = deque()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Carry for ever."""
        while True:
            self._deliver()
            wait_s = None
            if self._on_the_way:
                wait_s = max(0.0, self._on_the_way[0][0] - time.monotonic())
            for key, events in self._ring.select(wait_s):
                if key.fileobj is self._listener:
                    self._accept()
                    continue
                if events & selectors.EVENT_WRITE:
                    self._send(key.data, b"")
                if events & selectors.EVENT_READ:
                    self._receive(key.data)

    def _accept(self) -> None:
        near = _End(self._listener.accept()[0])
        far = _End(socket.create_connection(self._target))
        near.peer, far.peer = far, near
        for end in (near, far):
            self._ring.register(end.sock, selectors.EVENT_READ, end)

    def _receive(self, end: _End) -> None:
        try:
            data = end.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            end.is_read = True
            self._watch(end)
            self._close_if_over(end)
        self._on_the_way.append((time.monotonic() + self._half_s, end.peer, data))

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._on_the_way and self._on_the_way[0][0] <= now:
            _, end, data = self._on_the_way.popleft()
            end.is_ending |= not data
            self._send(end, data)

    def _send(self, end: _End, data: bytes) -> None:
        if end.waiting:
            data = end.waiting + data
        try:
            sent = end.sock.send(data) if data else 0
        except BlockingIOError:
            sent = 0
        except OSError:  # it hung up meanwhile
            sent = len(data)
        was_waiting, end.waiting = bool(end.waiting), data[sent:]
        if bool(end.waiting) != was_waiting:
            self._watch(end)
        if end.is_ending and not end.waiting:
            with suppress(OSError):
                end.sock.shutdown(socket.SHUT_WR)
        self._close_if_over(end)

    def _close_if_over(self, end: _End) -> None:
        """Both ways have ended: a sender that renews its connections must not use up the numbers
        that select() can take."""
        if end.is_read and end.is_ending and not end.waiting:
            end.sock.close()

    def _watch(self, end: _End) -> None:
        wanted = selectors.EVENT_READ * (not end.is_read)
        wanted |= selectors.EVENT_WRITE * bool(end.waiting)
        if end.sock in self._ring.get_map():
            self._ring.unregister(end.sock)
        if wanted:
            self._ring.register(end.sock, wanted, end)


def main() -> None:
    delay = Delay(int(sys.argv[1]), float(sys.argv[2]) / 1000)
    print(delay.port, flush=True)
    threading.Thread(target=delay.run, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
