"""LMTP intake (RFC 2033): the city's mail server hands over what comes back, and keeps the rest.

A process of its own. It answers 250 only after the commit, and 451 while the database is away, so
that the mail server keeps the message and tries again. It bounces nothing that it has taken.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio import BaseTransport
from contextlib import suppress
from pathlib import Path
from typing import cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from sqlalchemy.exc import SQLAlchemyError

from service import logs
from service.runtime import Runtime
from service.settings import load
from service.tasks import WORKER_TIMEOUT_S
from service.telemetry.beats import EVERY_S, Beat
from workers.email.bounces import take

log = logs.get_logger(__name__)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # a report that returns a whole letter has a tenth of it
MAX_LINE_BYTES = 64 * 1024  # some servers do not fold; a line that is refused would be lost
MAX_CONNECTIONS = 50  # what they may hold in memory stays below 200 MB
IDLE_S = 300.0
OURS = re.compile(r"[bu]\+[a-z2-7]{17,60}@[^@\s]+", re.IGNORECASE | re.ASCII)

TAKEN = "250 2.0.0 taken"
NOT_HERE = "550 5.1.1 no such mailbox"
ONE_AT_A_TIME = "452 4.5.3 one recipient at a time"  # each has an answer of its own
LATER = "451 4.3.0 cannot be stored now, try again"


class Intake:
    """What is answered; the hooks are called by aiosmtpd."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        settings = runtime.settings
        self._known = {settings.complaints_to, settings.canary_email.lower()} - {""}

    async def handle_RCPT(  # noqa: N802
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the addresses that letters of ours name, and those of complaints and the canary."""
        if not OURS.fullmatch(address) and address.lower() not in self._known:
            return NOT_HERE
        if envelope.rcpt_tos:
            return ONE_AT_A_TIME
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 go on"

    async def handle_DATA(  # noqa: N802
        self, server: LMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer after the commit. An error of ours is no reason to lose the message either."""
        raw = cast(bytes, envelope.content)
        try:
            await asyncio.to_thread(take, self._runtime, raw, tuple(envelope.rcpt_tos))
        except SQLAlchemyError as error:
            log.warning("mail not taken: database away", error=type(error).__name__)
            return LATER
        except Exception:
            log.exception("mail not taken")
            return LATER
        return TAKEN


class Server:
    """Listens on `host:port`, or on the path of a unix socket. One event loop owns it."""

    def __init__(self, runtime: Runtime, where: str) -> None:
        self._intake, self._where = Intake(runtime), where
        self._open: set[LMTP] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port; 0 for a unix socket.

        Raises:
            OSError: somebody else does.
        """
        loop = asyncio.get_running_loop()
        if self._where.startswith("/"):
            path = Path(self._where)
            path.unlink(missing_ok=True)  # a killed predecessor's
            self._server = await loop.create_unix_server(self._conversation, self._where)
            path.chmod(0o666)  # the folder says who may get at it: mail servers have their own user
            return 0
        host, _, port = self._where.rpartition(":")
        self._server = await loop.create_server(self._conversation, host.strip("[]"), int(port))
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more and hang up; a message that was not answered is handed over again."""
        assert self._server is not None, "start() comes first"
        self._server.close()
        for conversation in tuple(self._open):
            if conversation.transport is not None:
                conversation.transport.close()
        await self._server.wait_closed()

    def _conversation(self) -> LMTP:
        return _Conversation(self._intake, self._open)


class _Conversation(LMTP):
    """One connection. Beyond the most there may be, another is told to come later."""

    line_length_limit = MAX_LINE_BYTES

    def __init__(self, intake: Intake, open_: set[LMTP]) -> None:
        super().__init__(
            intake,
            data_size_limit=MAX_MESSAGE_BYTES,
            hostname="localhost",
            ident="tellal",
            timeout=IDLE_S,
            loop=asyncio.get_running_loop(),
        )
        self._others = open_

    def connection_made(self, transport: BaseTransport) -> None:
        if len(self._others) >= MAX_CONNECTIONS:
            stream = cast(asyncio.Transport, transport)
            stream.write(b"421 4.3.2 too many connections\r\n")
            stream.close()
            return
        self._others.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._others:
            self._others.discard(self)
            super().connection_lost(error)


async def serve(runtime: Runtime) -> None:
    """Take mail until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(runtime, runtime.settings.bounce_lmtp)
    await server.start()
    log.info("mail intake started", where=runtime.settings.bounce_lmtp)
    beat = Beat(runtime.settings, "bounces")
    while not stop.is_set():
        await asyncio.to_thread(beat)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)
    await server.close()
    beat.stop()


def main() -> None:
    """The process; it ends at once where no intake is configured, or its address is taken."""
    settings = load()
    logs.configure(settings.log_level)
    if not settings.bounce_lmtp:
        sys.exit("TELLAL_BOUNCE_LMTP is not set: there is nothing to listen on")
    runtime = Runtime.start(settings, WORKER_TIMEOUT_S)
    try:
        asyncio.run(serve(runtime))
    except OSError as error:
        sys.exit(f"TELLAL_BOUNCE_LMTP={settings.bounce_lmtp}: {error.strerror}")
    finally:
        runtime.close()


if __name__ == "__main__":
    main()
