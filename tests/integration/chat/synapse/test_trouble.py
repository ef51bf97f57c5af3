"""Somebody dies in the middle: homeserver, answer, worker. One message is in the room."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import apprise
import pytest

from service.models import Delivery, DeliveryAnswer, DeliveryState
from tests.integration.town import TITLE
from workers.recover import sweep_once

SENT, DEFERRED = DeliveryState.SENT, DeliveryState.DEFERRED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_homeserver_that_is_away_is_waited_for(room, town, tell, pass_by) -> None:
    first = town.channel(room.url)
    tell()
    room.server.stop()
    try:
        away = tell()

        assert town.states(away)[first] == DEFERRED
        assert [row.code for row in town.all(DeliveryAnswer)] == ["connect"]
        pass_by()
        assert town.states(away)[first] == DEFERRED
    finally:
        room.server.start()
    pass_by()
    pass_by()

    assert town.states(away)[first] == SENT
    assert len(room.shown()) == 2


def test_an_answer_that_never_came_is_asked_for_again_and_nothing_is_doubled(
    room, town, tell, pass_by, monkeypatch
) -> None:
    """The homeserver reads the request and stores the message when nobody listens any more."""
    channel = town.channel(room.token_url)
    room.city.join(room.id)
    monkeypatch.setattr("workers.calls.TOTAL_S", 0.3)
    room.server.freeze()
    try:
        doubtful = tell()
    finally:
        room.server.thaw()
    monkeypatch.setattr("workers.calls.TOTAL_S", 30.0)

    assert town.states(doubtful)[channel] == DEFERRED
    assert [row.code for row in town.all(DeliveryAnswer)] == ["unknown"]
    (row,) = town.all(Delivery)
    assert row.maybe_revision_id, "the ledger says that it may have arrived"
    pass_by()
    assert town.states(doubtful)[channel] == SENT
    assert len(room.reader.read(room.id)) == 1


DYING = """
    import os, signal, sys
    from service.runtime import Runtime
    from service.settings import load
    from workers.chat import send_chat_batch
    from workers.courier import Courier

    Courier.answer = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    send_chat_batch(Runtime.start(load()), int(sys.argv[1]))
"""


@pytest.mark.usefixtures("command_line")
def test_a_worker_killed_between_the_answer_and_the_ledger_doubles_nothing(
    room, town, runtime, pass_by, monkeypatch
) -> None:
    monkeypatch.setenv("TELLAL_ALLOW_PRIVATE_HOSTS", "127.0.0.1")
    channel = town.channel(room.url)
    told = town.planned()
    (batch,) = town.batches(told)

    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DYING), str(batch)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert len(room.shown()) == 1, "it had been taken"
    sweep_once(runtime)
    assert town.states(told)[channel] == DEFERRED
    assert [row.code for row in town.all(DeliveryAnswer)] == ["unknown"]
    pass_by()

    assert town.states(told)[channel] == SENT
    assert [text.partition("\n")[0] for text in room.shown()] == [TITLE]
    assert len(room.reader.read(room.id)) == 1


def test_apprise_loses_messages_of_one_instance_which_is_why_we_speak_for_ourselves(room) -> None:
    """When this fails, upstream has mended it."""
    room.city.join(room.id)
    target = apprise.Apprise.instantiate(f"{room.token_url}?discovery=no&hsreq=no")
    target.request_rate_per_sec = 0

    said = [bool(target.notify(body=f"haber {number}")) for number in range(4)]

    assert said == [True] * 4
    assert len(room.shown()) == 1
