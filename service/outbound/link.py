"""A connection under the guard to one place, for one request after the other."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from certifi import where
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from service.outbound.guard import GuardPolicy
from service.outbound.session import READ, REFUSALS, read_bounded


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `headers` are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Guarded(HTTPConnection):
    """Connects as the guard says, and gathers a request, so that it leaves in one piece."""

    policy: GuardPolicy
    gathered: list[bytes]

    def _new_conn(self) -> socket.socket:
        """As urllib3 does, but where the guard leads to."""
        at = (self._dns_host, self.port)
        return self.policy.create_connection(
            *at, timeout=self.timeout, socket_options=self.socket_options
        )

    def send(self, data: Any) -> None:
        self.gathered.append(data)

    def flush(self) -> None:
        said = b"".join(self.gathered)
        self.gathered.clear()
        self.sock.sendall(said)


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same over TLS."""


class Link:
    """Used by one thread at a time, with nothing but the connection left from one request to the
    next. Whoever lets it go hangs up.

    `was_sent` is False only where it is certain that no byte of the last request was taken, and
    `is_open` says whether there can be another one.
    """

    def __init__(self, policy: GuardPolicy, scheme: str, host: str, port: int | None) -> None:
        """Connects to nowhere yet. `scheme`: http or https; `host`: in ASCII."""
        self.policy, self.was_sent, self.is_open = policy, False, False
        self._connection = _Guarded(host, port)
        if scheme == "https":
            trusted = _trusting(where())
            self._connection = _GuardedTls(host, port, ssl_context=trusted)
        self._connection.policy, self._connection.gathered = policy, []

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        connect_s: float,
        total_s: float,
        max_bytes: int,
    ) -> Answer:
        """Send one request and read what comes back, as far as `read_bounded` does.

        `target`: the path with its query. `total_s`: from the first byte to the last.

        Raises:
            ValueError: it is nothing that could be sent.
            urllib3.exceptions.HTTPError, http.client.HTTPException, OSError: there is no answer.
        """
        self.was_sent = self.is_open = False
        self.policy.begin()
        connection = self._connection
        with self.policy.deadline(total_s, keeps=True):
            if not connection.is_connected:
                connection.close()
                connection.timeout = connect_s
                connection.connect()
            connection.timeout = total_s
            connection.request(method, target, body, headers, preload_content=False)
            self.was_sent = True
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.flush()  # it may have answered before it has read everything
            answer = connection.getresponse()
            is_refusal = answer.status >= REFUSALS
            content, is_whole = read_bounded(answer.stream(READ), max_bytes, is_refusal=is_refusal)
        if self.policy.has_hung_up and not is_refusal:
            raise TimeoutError("an answer without a length does not show its end")
        self.is_open = is_whole and not self.policy.has_hung_up and not connection.is_closed
        return Answer(answer.status, answer.headers, content)

    def hang_up(self) -> None:
        self._connection.close()
        self.policy.let_go()


@cache
def _trusting(bundle: str) -> ssl.SSLContext:
    """Certificates of these authorities, checked as requests does; reading them takes long."""
    context = create_urllib3_context()
    context.load_verify_locations(bundle)
    return context
