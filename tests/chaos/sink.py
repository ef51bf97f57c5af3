"""An SMTP server that keeps a line of every message, and misbehaves as it is told.

A process of its own: `python -m tests.chaos.sink PORT FOLDER`.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable
from email.header import decode_header, make_header
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from tests.chaos.tape import Recorder, Rule

NAME = "mail"
MARK = re.compile(r"\(([^()]*)\)\s*$")
_ADDRESS = re.compile(r"<([^>]*)>")
_SUBJECT = re.compile(rb"^Subject: ([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID: <(.*)>", re.MULTILINE)
LONG_S = 10.0  # as long as a lease of a chaos run: whoever waits so long may be taken for dead
SOME_BYTES = 200  # of a letter, before the connection breaks in its middle


class Sink(SMTP):
    """One connection."""

    def __init__(self, recorder: Recorder, **options: Any) -> None:
        self._recorder, self._began = recorder, 0.0
        super().__init__(self, enable_SMTPUTF8=True, **options)

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        await self._unless("EHLO", "", lambda: super(Sink, self).smtp_EHLO(hostname))

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        await self._unless("EHLO", "", lambda: super(Sink, self).smtp_HELO(hostname))

    @syntax("MAIL FROM: <address>")
    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await self._unless("MAIL", "", lambda: super(Sink, self).smtp_MAIL(arg))

    @syntax("RCPT TO: <address>")
    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        found = _ADDRESS.search(arg or "")
        to = found.group(1) if found else ""
        await self._unless("RCPT", to, lambda: super(Sink, self).smtp_RCPT(arg))

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        self._began = time.monotonic()
        await self._unless("DATA", self._to, lambda: self._data(arg))

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, said: list[str]
    ) -> list[str]:
        """Its commands are read one by one from a stream, so they may come ahead (RFC 2920)."""
        session.host_name = hostname
        return [said[0], "250-PIPELINING", *said[1:]]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        rule = self._recorder.rule("DOT")
        if rule is not None and rule.do != "swallow":
            done = await self._follow(rule, envelope.rcpt_tos[0])
            if done:
                return done
        raw = bytes(envelope.original_content or b"")
        subject, message_id = _SUBJECT.search(raw), _MESSAGE_ID.search(raw)
        self._recorder.write(
            to=envelope.rcpt_tos[0],
            mark=mark_of(subject.group(1)) if subject else "",
            id=message_id.group(1).decode() if message_id else "",
            began=self._began,
            is_in_doubt=rule is not None and rule.do == "swallow",
        )
        if rule is not None and rule.do == "swallow":
            self.transport.close()
        return "250 2.0.0 taken"

    @property
    def _to(self) -> str:
        return self.envelope.rcpt_tos[0] if self.envelope and self.envelope.rcpt_tos else ""

    async def _data(self, arg: str) -> None:
        rule = self._recorder.rule("MID")
        if rule is None:
            return await super().smtp_DATA(arg)
        await self.push("354 go ahead")
        await self._reader.read(SOME_BYTES)
        await self._follow(rule, self._to)

    async def _unless(self, at: str, to: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of a command unless a rule says otherwise."""
        rule = self._recorder.rule(at)
        said = await self._follow(rule, to) if rule is not None else ""
        if not said:
            await work()
        elif self.transport is not None and not self.transport.is_closing():
            await self.push(said)

    async def _follow(self, rule: Rule, to: str) -> str:
        """Do as the rule says; return what is left to answer, empty to go on as usual."""
        is_cut = rule.at in ("MID", "DOT") and (rule.do == "disconnect" or rule.seconds >= LONG_S)
        self._recorder.write(to=to, rule=rule.at, do=rule.do, is_in_doubt=is_cut)
        if rule.do == "slow":
            await asyncio.sleep(rule.seconds)
            return ""
        if rule.do == "disconnect":
            self.transport.close()
            return "421 4.3.2 gone"
        return f"{rule.do} {rule.do[0]}.3.0 told to say so"


@lru_cache(maxsize=1000)
def mark_of(subject: bytes) -> str:
    """The mark of an article, which ends its title in brackets."""
    text = str(make_header(decode_header(subject.decode("ascii"))))
    found = MARK.search(text)
    return found.group(1) if found else text


async def serve(port: int, folder: Path) -> None:
    """Take mail until the process ends."""
    recorder = Recorder(folder, NAME)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Sink(recorder, loop=loop, hostname="sink.example"), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
