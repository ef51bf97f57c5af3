"""Whatever a relay does, each recipient has one outcome, and it agrees with what the relay took:
criterion 6.

The relay is a scripted one, with and without PIPELINING, whole answers and crumbs, and Postfix's
`smtp-sink` in its 28 ways to misbehave.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.ledger.sweep import due_deferrals
from service.models import DeliveryState
from service.runtime import Runtime
from tests.integration.email.script import DOT, HANG_UP, Rule, Script, at, either, usual
from tests.integration.email.scripted import playing
from tests.integration.town import Town
from workers.email import send_email_batch

pytestmark = pytest.mark.usefixtures("full_audit")

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
UNKNOWN, QUEUED = DeliveryState.UNKNOWN, DeliveryState.QUEUED
OPEN = {QUEUED, DEFERRED}
READERS, EVERY = 28, 7
ROUNDS = 6  # of an hour each: what happens once to each is over by then, and it is still news
NO_SUCH = b"550 5.1.1 no such user"


def every(who: str) -> bool:
    """Each seventh reader."""
    return int(who.removeprefix("okur").partition("@")[0]) % EVERY == 0


def anybody(_who: str) -> bool:
    return True


@dataclass(frozen=True)
class Case:
    """What the relay does, whom it is done to, and what these end as; all others are sent."""

    rule: Rule
    ends: DeliveryState = SENT
    hit: Callable[[str], bool] = every


CASES = {
    "healthy": Case(usual),
    "MAIL 451": Case(at("MAIL", b"451 4.7.1 later", every), DEFERRED),
    "RCPT 550": Case(at("RCPT", NO_SUCH, every), REJECTED),
    "RCPT 450": Case(at("RCPT", b"450 4.2.0 greylisted", every), DEFERRED),
    "RCPT 550, then 354": Case(
        either(at("RCPT", NO_SUCH, every), at("DATA", b"354 go on", every)), REJECTED
    ),
    "DATA 451": Case(at("DATA", b"451 4.3.0 later", every), DEFERRED),
    "dot 550": Case(at(DOT, b"550 5.6.0 no", every), REJECTED),
    "dot 452": Case(at(DOT, b"452 4.3.1 full", every), DEFERRED),
    "dot 421": Case(at(DOT, b"421 4.3.2 bye", every), DEFERRED),
    "RCPT 421 once": Case(at("RCPT", b"421 4.7.0 slow down", every, times=1)),
    "MAIL hang-up once": Case(at("MAIL", HANG_UP, every, times=1)),
    "DATA hang-up once": Case(at("DATA", HANG_UP, every, times=1)),
    "dot hang-up": Case(at(DOT, HANG_UP, every), UNKNOWN),
    "all RCPT 550": Case(at("RCPT", NO_SUCH, anybody), REJECTED, anybody),
}


@dataclass
class Mailing:
    """One article on its way to some readers, sent again each hour while something is open."""

    runtime: Runtime
    town: Town
    clock: Callable[[], object]
    addresses: dict[int, str]
    notification: int

    def send(self, rounds: int) -> dict[str, DeliveryState]:
        self._send_due()
        for _ in range(1, rounds):
            if not OPEN & set(self.states().values()):
                break
            self.clock.advance(hours=1)
            with self.runtime.db.write() as session:
                due_deferrals(session, self.clock(), self.clock())
            self._send_due()
        return self.states()

    def _send_due(self) -> None:
        for batch in self.town.batches(self.notification):
            send_email_batch(self.runtime, batch)

    def states(self) -> dict[str, DeliveryState]:
        """The outcome of each address."""
        found = self.town.states(self.notification)
        assert set(found) == set(self.addresses)
        return {self.addresses[number]: state for number, state in found.items()}


@pytest.fixture
def mailing(runtime: Runtime, town: Town, clock) -> Iterator[Callable[[int, int], Mailing]]:
    """Plans a mailing to a relay on this port. What is in doubt is not sent again, so that the
    ledger shows it."""
    opened: list[Runtime] = []

    def plan(port: int, readers: int) -> Mailing:
        relay = {"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}"), "unknown_resends": 0}
        opened.append(Runtime.start(runtime.settings.model_copy(update=relay)))
        addresses = {}
        for number in range(readers):
            address = f"okur{number}@example.org"
            addresses[town.reader(address=address)] = address
        return Mailing(opened[0], town, clock, addresses, town.planned())

    yield plan
    for one in opened:
        one.close()


# How the relay talks is nothing that a database sees, so one manner is enough for the second one.
@pytest.mark.parametrize(
    ("database_url", "is_pipelining", "is_in_crumbs"),
    [
        ("sqlite", True, False),
        ("sqlite", True, True),
        ("sqlite", False, False),
        ("sqlite", False, True),
        ("postgresql", True, False),
    ],
    indirect=["database_url"],
    ids=["pipelined", "pipelined crumbs", "lock-step", "lock-step crumbs", "postgresql"],
)
@pytest.mark.parametrize("name", CASES)
def test_one_outcome_each_that_agrees_with_the_relay(
    mailing, runtime: Runtime, name: str, is_pipelining: bool, is_in_crumbs: bool
) -> None:
    case = CASES[name]
    script = Script(case.rule, is_pipelining, is_in_crumbs)
    with playing(script):
        letters = mailing(script.port, READERS)

        def recipient(sender: str) -> str:
            token = sender.removeprefix("b+").partition("@")[0]
            numbers = runtime.vault.numbers("mail", token, 2)
            assert numbers is not None, f"{sender} is no envelope of ours"
            return letters.addresses[numbers[1]]

        script.name_of = recipient
        states = letters.send(ROUNDS)

    wanted = {who: case.ends if case.hit(who) else SENT for who in letters.addresses.values()}
    assert states == wanted
    taken = set(script.accepted)
    assert {who for who, state in states.items() if state == SENT} <= taken
    assert taken <= {who for who, state in states.items() if state in (SENT, UNKNOWN)}
    assert max(script.accepted.values(), default=0) <= 1
    assert script.stray == []


# What `smtp-sink` is told, and what may become of its recipients at the first try. Some refuse the
# connection itself, and then nobody is touched; where it hangs up after the letter, nobody knows.
# 500 is a fault of our own: after five of them the others wait.
SINKS = {
    "": {SENT},
    "-p": {SENT},
    "-e": {SENT},
    "-8 -E": {SENT},
    "-r MAIL": {DEFERRED},
    "-r RCPT": {DEFERRED},
    "-r DATA": {DEFERRED},
    "-r .": {DEFERRED},
    "-f MAIL": {REJECTED, DEFERRED},
    "-f RCPT": {REJECTED, DEFERRED},
    "-f DATA": {REJECTED, DEFERRED},
    "-f .": {REJECTED, DEFERRED},
    "-q .": {UNKNOWN},
    "-q DATA": OPEN,
    "-q RCPT": OPEN,
    "-Q MAIL": OPEN,
    "-Q RCPT": OPEN,
    "-Q .": {DEFERRED},
    "-Q CONNECT": OPEN,
    "-q CONNECT": OPEN,
    "-r CONNECT": OPEN,
    "-A 0": {REJECTED, UNKNOWN, *OPEN},
    "-n 5": {SENT, UNKNOWN, *OPEN},
    "-w 1": {SENT},
    "-p -W .:1:50": {SENT},
    "-p -W MAIL:1:50": {SENT},
    "-p -q .": {UNKNOWN},
    "-p -q RCPT": OPEN,
}
SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def sink(flags: str, folder: Path) -> Iterator[int]:
    """A sink on a free port that keeps what it takes in the folder."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    folder.chmod(0o777)
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    assert SINK, "smtp-sink is not here: apt install postfix"
    words = [SINK, *user, "-m", "500", "-d", f"{folder}/%s.", *flags.split()]
    process = subprocess.Popen([*words, f"127.0.0.1:{port}", "500"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not _listens(port):
            assert time.monotonic() < deadline, "smtp-sink does not listen"
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    """Looked up and not tried, because some of them count who connects."""
    wanted = f"{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{wanted}") and line.split()[3] == "0A" for line in lines)


# The relay is what is tried here; each outcome reaches both databases in the test above.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("flags", SINKS)
def test_every_fault_of_smtp_sink_leaves_one_outcome_each(mailing, flags: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tellal-sink-") as folder:
        with sink(flags, Path(folder)) as port:
            letters = mailing(port, 3 if "-w" in flags.lower() else 20)
            states = letters.send(1)
        kept = "".join(file.read_text("latin-1") for file in Path(folder).iterdir())
    assert set(states.values()) <= SINKS[flags], states
    taken = set(re.findall(r"X-Rcpt-Args: <([^>]+)>", kept))
    assert {who for who, state in states.items() if state == SENT} <= taken
