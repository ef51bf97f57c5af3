"""A light load generator: one thread, raw keep-alive sockets, requests that are ready as bytes.

Closed (`fire`): so many clients, each sends its next request once it has its answer. Open (`pace`):
requests start by the clock, whatever the server does, and are measured from when they were due.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HOST = "127.0.0.1"
PATIENCE_S = 30.0  # for one answer
CHUNK = 65536
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.I)


@dataclass(frozen=True)
class Sample:
    """One answer; `ms` since the request was due."""

    status: int
    ms: float


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST of JSON as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Client:
    """A connection with at most one request on its way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._due = 0.0
        self._received = b""

    def send(self, wire: bytes, due: float) -> None:
        self._due, self._received = due, b""
        self.socket.sendall(wire)

    def receive(self) -> Sample | None:
        """Read what is there; the answer, once it is whole."""
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise ConnectionError(f"closed after {self._received[:200]!r}")
        self._received += chunk
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return None
        return Sample(int(head[9:12]), (time.perf_counter() - self._due) * 1000)


def fire(port: int, wires: Sequence[bytes], clients: int) -> list[Sample]:
    """Send all of them over so many connections, each as fast as its answers come."""
    waiting, found = deque(wires), list[Sample]()
    with _Ring() as ring:
        for _ in range(min(clients, len(waiting))):
            ring.open(port).send(waiting.popleft(), time.perf_counter())
        while ring.size:
            for client in ring.readable(PATIENCE_S):
                sample = client.receive()
                if sample is None:
                    continue
                found.append(sample)
                if waiting:
                    client.send(waiting.popleft(), time.perf_counter())
                else:
                    ring.close(client)
    return found


def pace(port: int, wires: Sequence[bytes], per_second: float) -> list[Sample]:
    """Send one after the other at a steady rate, over as many connections as that takes."""
    found, idle, sent = list[Sample](), list[_Client](), 0
    started = time.perf_counter()
    with _Ring() as ring:
        while len(found) < len(wires):
            due = started + sent / per_second
            now = time.perf_counter()
            if sent < len(wires) and now >= due:
                client = idle.pop() if idle else ring.open(port)
                client.send(wires[sent], due)
                sent += 1
                continue
            for client in ring.readable(due - now if sent < len(wires) else PATIENCE_S):
                if client in idle:  # the server hung up: it was not needed for some seconds
                    idle.remove(client)
                    ring.close(client)
                    continue
                sample = client.receive()
                if sample is not None:
                    found.append(sample)
                    idle.append(client)
    return found


class _Ring:
    """Open connections, and which of them have something to read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> _Ring:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._selector.get_map().values()):
            self.close(key.data)
        self._selector.close()

    @property
    def size(self) -> int:
        return len(self._selector.get_map())

    def open(self, port: int) -> _Client:
        client = _Client(port)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        return client

    def close(self, client: _Client) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()

    def readable(self, timeout_s: float) -> list[_Client]:
        """Raises TimeoutError where nobody has an answer for longer than patience lasts."""
        events = self._selector.select(timeout_s)
        if not events and timeout_s >= PATIENCE_S:
            raise TimeoutError(f"no answer within {PATIENCE_S:.0f} s")
        return [key.data for key, _ in events]
