"""Readers who leave while their mail is sent: none starts 250 ms after the commit (invariant 8).

`make bench-races` runs a thousand of these races on each database.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr
from sqlalchemy import select

from service.models import Destination
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.unsubscribe import end_all
from workers.email import send_email_batch

RACES = int(os.environ.get("RACES", "60"))
PROMISED_S = 0.25
NEAR = 20  # readers around the one whose mail is being sent; one of these leaves next
SLOW_PART, SLOW_S = 0.04, 0.4  # of the recipients the relay thinks longer than is fresh


class Sink(Controller):
    """Takes every mail, and notes when the first line of each came."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}
        super().__init__(self, hostname="127.0.0.1", port=0)

    def factory(self) -> SMTP:
        return Noting(self)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if random.random() < SLOW_PART:
            await asyncio.sleep(SLOW_S)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        return "250 2.0.0 taken"


class Noting(SMTP):
    """The commands of an envelope go ahead; what may come too late is the letter behind them."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        reader, recipient = self._reader, self.envelope.rcpt_tos[0]
        self._reader = _Noting(reader, lambda: self._note(recipient))
        try:
            await super().smtp_DATA(arg)
        finally:
            self._reader = reader

    def _note(self, recipient: str) -> None:
        self.event_handler.started.setdefault(recipient, time.monotonic())


class _Noting:
    """A stream that says when something of it was read."""

    def __init__(self, reader: asyncio.StreamReader, note: Callable[[], None]) -> None:
        self._reader, self._note = reader, note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def readuntil(self, *arguments: Any) -> bytes:
        line = await self._reader.readuntil(*arguments)
        self._note()
        return line


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def settings(settings: Settings, sink: Sink) -> Settings:
    return settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{sink.port}")})


def leave(runtime: Runtime, readers: list[int], sink: Sink) -> dict[int, float]:
    """Unsubscribe all, each at a moment near its turn; returns when each was committed."""
    committed: dict[int, float] = {}
    waiting = list(readers)
    while waiting:
        turn = len(sink.started) + sum(reader in committed for reader in readers[: len(committed)])
        near = [one for one in readers[max(0, turn - NEAR) : turn + NEAR] if one not in committed]
        reader = random.choice(near or waiting)
        with runtime.db.write() as session:
            end_all(session, reader)
        committed[reader] = time.monotonic()
        waiting.remove(reader)
    return committed


@pytest.mark.timeout(600)
def test_no_mail_starts_250_ms_after_its_reader_has_left(
    runtime, town, settings, sink, say, database_url
):
    readers = sorted(town.readers(RACES))
    batches = town.batches(town.planned())
    commits: dict[int, float] = {}
    leaving = threading.Thread(target=lambda: commits.update(leave(runtime, readers, sink)))

    leaving.start()
    for batch in batches:
        send_email_batch(runtime, batch)
    leaving.join()

    with runtime.db.read() as session:
        address_of = dict(session.execute(select(Destination.id, Destination.address)).all())
    found: Counter[str] = Counter()
    longest_s = 0.0
    for reader in readers:
        started = sink.started.get(address_of[reader])
        if started is None:
            found["no mail"] += 1
        elif started <= commits[reader]:
            found["before"] += 1
        else:
            after_s = started - commits[reader]
            longest_s = max(longest_s, after_s)
            found["within" if after_s <= PROMISED_S else "later"] += 1
    say(
        f"{RACES} readers left while mail was sent ({database_url.partition(':')[0]}): "
        f"{found['no mail']} got none, {found['before']} before they left, "
        f"{found['within']} within 250 ms, {found['later']} later; "
        f"the last one {longest_s * 1000:.0f} ms after"
    )
    assert found["later"] == 0
    assert found["no mail"] > 0
    assert town.findings() == []
