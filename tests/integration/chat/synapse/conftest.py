"""A homeserver for the run, the city's account there, and a room with somebody in it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from service.settings import load
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY
from tests.integration.chat.synapse.member import Member
from tests.integration.chat.synapse.server import PASSWORD, Synapse
from tests.integration.conftest import Clock
from tests.integration.town import Town
from workers.calls import Caller
from workers.chat import send_chat_batch

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _unhurried(unhurried: None) -> None:
    """Nothing here is about our own rates, of which a process without Redis has a quarter."""


@pytest.fixture(scope="session")
def homeserver() -> Iterator[Synapse]:
    folder = Path(tempfile.mkdtemp(prefix="tellal-synapse-"))
    server = Synapse(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@dataclass
class Room:
    """A room that somebody has made, and the city's account, which is not in it yet."""

    server: Synapse
    id: str
    alias: str
    reader: Member
    city: Member

    @property
    def url(self) -> str:
        """The address that staff paste: the city's name and password, and the room's alias."""
        owner = f"{self.city.name.partition(':')[0][1:]}:{quote(PASSWORD, safe='')}"
        return f"matrix://{owner}@{self.server.host}/{self.alias}"

    @property
    def token_url(self) -> str:
        return f"matrix://{self.city.token}@{self.server.host}/{self.id}"

    def shown(self) -> list[str]:
        return self.reader.shown(self.id)


@pytest.fixture
def room(homeserver: Synapse) -> Room:
    """Accounts of one test alone: what is remembered of them ends with it."""
    number = next(_numbers)
    reader, city = homeserver.member(f"ayse{number}"), homeserver.member(f"news{number}")
    return Room(homeserver, *reader.make_room(), reader, city)


@pytest.fixture
def caller() -> Caller:
    """For providers by themselves, without a database."""
    keys = {"secret_key": SECRET_KEY, "encryption_key": ENCRYPTION_KEY}
    return Caller(load(var_dir="/nowhere", **keys), ("127.0.0.1",))


@pytest.fixture
def send(town: Town) -> Callable[[], None]:
    """Sends all chat batches that there are."""

    def send() -> None:
        for batch in town.batches():
            send_chat_batch(town.runtime, batch)
        assert town.findings() == []

    return send


@pytest.fixture
def tell(town: Town, send: Callable[[], None]) -> Callable[[], int]:
    """Plans an article and sends it."""

    def tell() -> int:
        notification = town.planned()
        send()
        return notification

    return tell


@pytest.fixture
def pass_by(town: Town, clock: Clock, work: Callable[..., None]) -> Callable[[], None]:
    """Lets so much time pass that all that waits has been done, and looks at the ledger."""

    def pass_by() -> None:
        for _ in range(4):
            work()
            clock.advance(minutes=6)
        assert town.findings() == []

    return pass_by
