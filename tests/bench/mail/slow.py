"""An SMTP server one of whose domains is slow: whoever is at `SLOW` is accepted two seconds later.

A process of its own: `python -m tests.bench.mail.slow` prints its port, and ends with its input.
"""

from __future__ import annotations

import asyncio
import sys
import threading

SLOW, WAIT_S = b"@gmail.", 2.0
ANSWERS = {b"EHLO": b"250-slow\r\n250 PIPELINING\r\n", b"DATA": b"354 go on\r\n"}
END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """One connection; its commands are answered in order."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._is_letter = self._is_waiting = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 slow\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        self._answer()

    def _answer(self) -> None:
        said = []
        while not self._is_waiting and (command := self._next()) is not None:
            if command is END:
                said.append(b"250 2.0.0 taken\r\n")
                continue
            verb = command[:4].upper()
            self._is_letter = verb == b"DATA"
            said.append(ANSWERS.get(verb, b"250 2.0.0 ok\r\n"))
            if verb == b"RCPT" and SLOW in command:
                self._is_waiting = True
                late = said.pop()
                asyncio.get_running_loop().call_later(WAIT_S, self._go_on, late)
        if said:
            self._transport.write(b"".join(said))

    def _go_on(self, late: bytes) -> None:
        self._is_waiting = False
        if not self._transport.is_closing():
            self._transport.write(late)
            self._answer()

    def _next(self) -> bytes | None:
        """The next command, or END after a letter; None: not all of it is here."""
        mark = END if self._is_letter else b"\r\n"
        at = self._heard.find(mark)
        if at < 0:
            return None
        line = bytes(self._heard[:at]) if not self._is_letter else END
        del self._heard[: at + len(mark)]
        self._is_letter = False
        return line


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
