"""What tests of email share: a peer that is the relay, and reports about letters to readers."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from service import logs
from service.ledger.sweep import due_deferrals
from service.runtime import Runtime
from service.settings import Settings
from tests.integration.email.peer import Peer, Relay
from workers.email import send_email_batch

FOLDER = Path(__file__).parents[2] / "data" / "email"


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    peer.relay = Relay(peer, hostname="127.0.0.1", port=0, server_hostname="relay.test")
    peer.relay.start()
    yield peer
    if not peer.relay.loop.is_closed():
        peer.relay.stop()


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """With the peer as relay, in tests that have one."""
    if "peer" not in request.fixturenames:
        return settings
    url = f"smtp://127.0.0.1:{request.getfixturevalue('peer').relay.port}"
    return settings.model_copy(update={"smtp_url": SecretStr(url)})


@pytest.fixture
def send(runtime: Runtime, town) -> Callable[[int], None]:
    """Sends all open batches of a notification."""

    def send(notification: int) -> None:
        for batch in town.batches(notification):
            send_email_batch(runtime, batch)

    return send


@pytest.fixture
def resend(runtime: Runtime, town, clock, send) -> Callable[[int], None]:
    """Sends what was deferred, an hour later."""

    def resend(notification: int) -> None:
        clock.advance(hours=1)
        with runtime.db.write() as session:
            due_deferrals(session, clock(), clock())
        send(notification)

    return resend


@pytest.fixture
def report(runtime) -> Callable[..., bytes]:
    """A stored report about a letter of notification 4711 to a reader."""

    def report(name: str, reader: int, notification: int = 4711) -> bytes:
        token = runtime.vault.token("mail", notification, reader)
        return (FOLDER / name).read_bytes().replace(b"TOKEN", token.encode())

    return report


@pytest.fixture
def verp(runtime) -> Callable[..., str]:
    """The envelope sender of that letter."""

    def verp(reader: int, notification: int = 4711) -> str:
        return f"b+{runtime.vault.token('mail', notification, reader)}@tellal.example"

    return verp


@pytest.fixture
def said(runtime: Runtime) -> Iterator[Callable[[], str]]:
    """All lines of the log since the test began."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("INFO")
    stream = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream.getvalue
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def sending(runtime: Runtime, town) -> Iterator[Callable[..., Callable[[int], None]]]:
    """Sends the open batches of a notification as a worker with other settings would."""
    opened: list[Runtime] = []

    def with_settings(**values: object) -> Callable[[int], None]:
        opened.append(Runtime.start(runtime.settings.model_copy(update=values)))

        def send(notification: int) -> None:
            for batch in town.batches(notification):
                send_email_batch(opened[-1], batch)

        return send

    yield with_settings
    for one in opened:
        one.close()
