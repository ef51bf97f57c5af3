"""A receiver of messages that costs as little as can be: a process of its own with one loop.

The first part of the path says how it answers: `/0/…` at once, `/100/…` after so many milliseconds,
`/dead/…` never, `/busy/…` the first time with 429 and `Retry-After: 2`. `GET /`
tells how many messages came, and when the last one did, and forgets it.
`python -m tests.bench.chat.receiver` prints its port, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

_BUSY = b"HTTP/1.1 429 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Talk(asyncio.Protocol):
    """One connection, with one request at a time."""

    came: list[float] = []  # noqa: RUF012
    was_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._got = transport, b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, gap, body = self._got.partition(b"\r\n\r\n")
        if not gap:
            return
        lines = head.lower().split(b"\r\n")
        sizes = [int(one.split(b":")[1]) for one in lines if one.startswith(b"content-length:")]
        if len(body) < sum(sizes):
            return
        self._got = b""
        verb, path, _ = head.split(b" ", 2)
        self._answer(verb, path.split(b"/")[1])

    def _answer(self, verb: bytes, how: bytes) -> None:
        if verb == b"GET":
            said = json.dumps([len(self.came), max(self.came, default=0.0)]).encode()
            self.came.clear()
            self._transport.write(_OK.replace(b"0\r\n\r\n", b"%d\r\n\r\n" % len(said)) + said)
        elif how != b"dead":
            self.came.append(time.monotonic())
            if how == b"busy":
                self._transport.write(_OK if self.was_busy else _BUSY)
                Talk.was_busy = not self.was_busy
                return
            asyncio.get_running_loop().call_later(int(how) / 1000, self._transport.write, _OK)


class Receiver:
    """The same from outside."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, how: str, number: int) -> str:
        return f"json://127.0.0.1:{self.port}/{how}/{number}"

    def came(self) -> tuple[int, float]:
        """How many since the last time, and when the last of them came (monotonic)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/") as answer:
            count, last = json.loads(answer.read())
        return count, last


@contextmanager
def receiving() -> Iterator[Receiver]:
    words = [sys.executable, "-m", __name__]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Receiver(int(process.stdout.readline()))
        process.stdin.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Talk, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
