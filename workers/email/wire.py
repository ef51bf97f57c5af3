"""The wire: a connection that never blocks, from which whole SMTP replies come."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_REPLY = 64 * 1024  # bytes; no mail server talks longer than that
RECEIVE = 64 * 1024
SHORT = 80  # of a reply that is remembered
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, its lines joined by blanks (RFC 5321, section 4.2)."""

    code: int
    text: str

    @property
    def hundreds(self) -> int:
        return self.code // 100

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class LostError(Exception):
    """The connection is gone, or cannot be trusted any more."""


class Wire:
    """One connection after its greeting."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._received, self._lines = b"", list[str]()
        self._unsent = b""
        self.moved_at = time.monotonic()  # when something was last heard or said

    @property
    def has_backlog(self) -> bool:
        """True while the other side takes less than is said: wait until it can be written to."""
        return bool(self._unsent)

    def write(self, data: bytes) -> None:
        """Say what the other side takes now; the rest when `flush` is called.

        Where it has hung up, what it said before is still to be read: `replies` tells of the end.

        Raises:
            LostError: the encryption is broken.
        """
        self._unsent = self._unsent + data if self._unsent else data
        self.moved_at = time.monotonic()
        self.flush()

    def flush(self) -> None:
        """As `write`, of what is left over."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
                self.moved_at = time.monotonic()
        except _NOT_NOW:
            pass
        except ssl.SSLError as error:
            raise LostError(brief(error)) from error
        except OSError:
            self._unsent = b""

    def replies(self) -> Iterator[Reply]:
        """The replies that have come in whole. Those that the caller does not take stay here.

        Raises:
            LostError: the other side has hung up, or does not speak SMTP.
        """
        self._receive()
        while b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            if reply := self._completed(line):
                yield reply
        if len(self._received) > MAX_REPLY:
            raise LostError("a reply without an end")

    def close(self) -> None:
        """Hang up without a word."""
        self.sock.close()

    def _receive(self) -> None:
        try:
            while True:
                data = self.sock.recv(RECEIVE)
                if not data:
                    raise LostError("the relay hung up")
                self._received += data
                self.moved_at = time.monotonic()
                # What was decrypted already makes no socket readable.
                if not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
                    return
        except _NOT_NOW:
            pass
        except OSError as error:
            raise LostError(brief(error)) from error

    def _completed(self, line: bytes) -> Reply | None:
        """The reply whose last line this is; None: there are more."""
        is_last = line[3:4] != b"-"
        if is_last and not self._lines and len(line) <= SHORT:
            return _short(line)
        reply = _read(line)
        if is_last and not self._lines:
            return reply
        self._lines.append(reply.text)
        if not is_last:
            if sum(map(len, self._lines)) > MAX_REPLY:
                raise LostError("a reply without an end")
            return None
        lines, self._lines = self._lines, []
        return Reply(reply.code, " ".join(filter(None, lines)))


def _read(line: bytes) -> Reply:
    """One line of a reply, without the end that it had."""
    code = line[:3]
    if not code.isdigit() or line[3:4] not in b" -\r":
        raise LostError(f"no reply of a mail server: {line[:80]!r}")
    return Reply(int(code), line[4:].decode("utf-8", "replace").rstrip("\r"))


# To MAIL, RCPT and DATA a server says the same for each letter.
_short = lru_cache(maxsize=64)(_read)


def brief(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}"[:200]
