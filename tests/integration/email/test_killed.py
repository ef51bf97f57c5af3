"""A sender that is killed again and again: everybody is decided, and only what was on the wire may
come twice, under the same Message-ID (email guide, criterion 7).

A process of its own sends; the relay, which is the test's, kills it at a command that chance has
chosen, before that command is answered.
"""

from __future__ import annotations

import email
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.db import utcnow
from service.ledger.lanes import MOST_LINKS
from service.ledger.sweep import due_deferrals, replay_journals
from service.models import DeliveryAnswer, DeliveryState, Destination
from service.settings import Settings
from tests.integration.email.script import DOT, MIDDLE, Script
from tests.integration.email.scripted import playing

ROOT = Path(__file__).parents[3]
READERS, KILLS = 400, 4
VERBS = ("MAIL", "RCPT", "DATA", MIDDLE, DOT, DOT)  # DOT: the letter is taken all the same
LAP = (20, 60)  # so many of a verb come before the kill
SENT, QUEUED = DeliveryState.SENT, DeliveryState.QUEUED
IN_DOUBT = "unknown"
PROGRAM = """
    import sys
    from service.runtime import Runtime
    from service.settings import load
    from workers.email import send_email_batch

    runtime = Runtime.start(load())
    for batch in sys.argv[1:]:
        send_email_batch(runtime, int(batch))
"""


class Killer:
    """The rule of a relay that kills its guest, once for each that it is set upon."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._pid = chance, 0
        self._verb, self._left = "", 0

    def set_upon(self, pid: int) -> None:
        self._verb, self._left = self._chance.choice(VERBS), self._chance.randint(*LAP)
        self._pid = pid

    def __call__(self, verb: str, _who: str, _nth: int) -> None:
        self._left -= self._pid != 0 and verb == self._verb
        if self._pid and self._left < 0:
            os.kill(self._pid, signal.SIGKILL)  # nobody has waited for it yet, so it is still it
            self._pid = 0


@pytest.fixture
def start(settings: Settings) -> Callable[..., subprocess.Popen[str]]:
    """Starts a sender of these batches."""
    names = ("database_url", "redis_url", "secret_key", "encryption_key", "smtp_url")

    def start(relay: str, batches: list[int]) -> subprocess.Popen[str]:
        told = settings.model_copy(update={"smtp_url": SecretStr(relay)})
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TELLAL_")},
            **{f"TELLAL_{name.upper()}": getattr(told, name).get_secret_value() for name in names},
            "TELLAL_VAR_DIR": str(settings.var_dir),
            "TELLAL_LOG_LEVEL": "ERROR",
        }
        words = [sys.executable, "-c", textwrap.dedent(PROGRAM), *map(str, batches)]
        return subprocess.Popen(words, cwd=ROOT, env=environment)

    return start


def test_a_sender_killed_at_random_loses_nobody_and_doubles_only_what_was_on_the_wire(
    runtime, town, settings, clock, start, sending
):
    town.readers(READERS)
    notification = town.planned()
    journals = settings.var_dir / "journal"
    killer = Killer(random.Random(3))

    with playing(Script(killer)) as script:
        relay = f"smtp://127.0.0.1:{script.port}"
        for _ in range(KILLS):
            process = start(relay, town.batches(notification))
            killer.set_upon(process.pid)
            assert process.wait(60) == -signal.SIGKILL
            replay_journals(runtime.db, journals, utcnow())
        assert town.counts(notification)[QUEUED] > 0, "the last kill came in the middle as well"
        was_in_doubt = Counter(
            row.destination_id for row in town.all(DeliveryAnswer) if row.code == IN_DOUBT
        )
        send = sending(smtp_url=SecretStr(relay))
        send(notification)
        clock.advance(minutes=1)
        with runtime.db.write() as session:
            due_deferrals(session, clock(), clock())
        send(notification)

    assert set(town.states(notification).values()) == {SENT}
    assert len(script.accepted) == READERS
    assert 0 < was_in_doubt.total() <= KILLS * MOST_LINKS  # a letter on each link at most
    ids = defaultdict(set)
    for _, recipient, raw in script.letters:
        ids[recipient].add(email.message_from_bytes(raw)["Message-ID"])
    assert {len(one) for one in ids.values()} == {1}
    doubled = {recipient for recipient, count in script.accepted.items() if count > 1}
    addresses = {one.id: one.address for one in town.all(Destination)}
    assert doubled <= {addresses[number] for number in was_in_doubt}
    assert max(script.accepted.values()) <= 2
    assert town.findings() == []
