"""A worker that is killed in the middle of a push: what was on the wire is in doubt, all else is
pushed once, and nobody's document is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from service.models import DeliveryAnswer, DeliveryState, Notification
from workers.plan import plan_notification

WORKER = """
import sys
from service.runtime import Runtime
from service.settings import load
from workers.websub import send_websub_batch

runtime = Runtime.start(load())
print("ready", flush=True)
sys.stdin.readline()
send_websub_batch(runtime, int(sys.argv[1]))
"""


def test_a_worker_killed_in_the_middle_doubles_only_what_was_on_the_wire(
    hub, callbacks, publish, runtime, town, clock, command_line, monkeypatch
):
    names = [f"cb{number}" for number in range(5)]
    for name in names:
        hub.subscribe(callbacks.url(name))
    publish()
    (notification,) = [one.id for one in town.all(Notification) if one.kind == "feed"]
    plan_notification(runtime, notification)
    (batch,) = town.batches(notification)
    monkeypatch.setenv("TELLAL_WEBSUB_PRIVATE_HOSTS", "127.0.0.1")
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(batch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin
    assert worker.stdout
    assert worker.stdout.readline() == "ready\n"
    killed = threading.Event()

    def kill_at_the_third(call):
        if len(callbacks.pushed) == 3 and not killed.is_set():
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait(10)
            killed.set()
        return 200, b""

    callbacks.answer = kill_at_the_third
    worker.stdin.write("\n")
    worker.stdin.flush()
    assert killed.wait(20)
    worker.stdin.close()
    worker.stdout.close()
    hub.work()
    clock.advance(minutes=1)
    hub.work()

    pushed = [call.path.strip("/") for call in callbacks.pushed]
    assert sorted(set(pushed)) == names
    (doubled,) = {name for name in pushed if pushed.count(name) > 1}
    assert pushed.count(doubled) == 2
    assert [one.state for one in hub.deliveries()] == [DeliveryState.SENT] * 5
    said = [one for one in town.all(DeliveryAnswer) if one.code == "unknown"]
    assert [one.notification_id for one in said] == [notification]
