"""The simulation against the real sender: `python -m tests.bench.scale.compare [LETTERS]`.

A real worker process (`email`: four threads) with a real Redis sends articles to a local
`smtp-sink` that thinks for a second over each letter, while they are planned one after the other;
the ledger says when each delivery was settled. The same articles are simulated. The links of the
lanes are the limit then, not the processors, which others may be using: nothing is fitted.
Writes `docs/performance/simulation.json`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from service import logs
from service.capacity.costs import Costs
from service.cli import processes
from service.ledger.lanes import MOST_LINKS
from service.models import Delivery, DeliveryState, MailLane, Notification
from tests.bench.ledger.scene import Scene, one_scene
from tests.bench.mail.letters import SUMMARY, TITLE
from tests.bench.mail.peers import program
from tests.bench.scale.day import Day, Delays, parts
from tests.bench.scale.scenario import Article, Lane, Relay, Scenario
from workers.plan import plan_notification

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docs" / "performance" / "simulation.json"
LANES = ("gmail", "gmail", "gmail", "gmail", "microsoft", "microsoft", "yahoo", "other")
ARTICLES, GAP_S, WARM = 5, 5.0, 40
ANSWER_S = 1  # whole seconds are all that the sink knows
WAIT_S = 600.0


@contextmanager
def worker(scene: Scene, port: int) -> Iterator[None]:
    """The worker of mail, as the supervisor starts it."""
    command = processes.command("email", scene.runtime.settings)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TELLAL_")},
        **scene.environment,
        "TELLAL_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "TELLAL_LOG_LEVEL": "ERROR",
    }
    words = [sys.executable, "-m", "celery", "-A", "workers.app"]
    process = subprocess.Popen(
        [*words, *command[command.index("worker") :]], cwd=ROOT, env=environment
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def wait_for(scene: Scene, notification: int, count: int) -> None:
    """Until so many of its deliveries are sent."""
    sent = select(func.count()).select_from(Delivery)
    sent = sent.where(Delivery.notification_id == notification)
    deadline = time.monotonic() + WAIT_S
    while True:
        with scene.runtime.db.read() as session:
            if (session.scalar(sent.where(Delivery.state == DeliveryState.SENT)) or 0) >= count:
                return
        assert time.monotonic() < deadline, "the worker does not send"
        time.sleep(0.5)


def tell(scene: Scene, readers: int) -> tuple[int, float, float]:
    """Plan one article; its notification, when it was released and how long planning took."""
    notification = scene.news(readers, TITLE, SUMMARY)
    released = time.time()
    plan_notification(scene.runtime, notification)
    return notification, released, time.time() - released


def measured(scene: Scene, notifications: list[int]) -> Delays:
    """From the release to the settling of each delivery, as the ledger has it."""
    found = Delays()
    query = (
        select(Notification.released_at, Delivery.settled_at, func.count())
        .join(Delivery, Delivery.notification_id == Notification.id)
        .where(Notification.id.in_(notifications), Delivery.state == DeliveryState.SENT)
        .group_by(Notification.released_at, Delivery.settled_at)
    )
    with scene.runtime.db.read() as session:
        for released, settled, count in session.execute(query):
            assert isinstance(released, datetime)
            found.add((settled - released).total_seconds(), count)
    return found


@contextmanager
def thinking_sink() -> Iterator[int]:
    """Postfix's server that takes everything, each letter after `ANSWER_S`; its port."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = int(reserved.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    words = [program("smtp-sink"), *user, "-w", str(ANSWER_S), f"127.0.0.1:{port}", "500"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def run(letters: int) -> dict[str, object]:
    each = letters // ARTICLES
    with (
        one_scene((each, WARM), LANES, is_postgresql=True) as scene,
        thinking_sink() as port,
        worker(scene, port),
    ):
        with scene.runtime.db.write() as session:
            for lane in set(LANES):
                session.merge(MailLane(name=lane, links=MOST_LINKS))
        warm, _, _ = tell(scene, WARM)  # loads modules
        wait_for(scene, warm, WARM)
        notifications, released, planning = [], [], []
        start = time.time()
        for number in range(ARTICLES):
            time.sleep(max(start + number * GAP_S - time.time(), 0))
            notification, at, took = tell(scene, each)
            notifications.append(notification)
            released.append(at - start)
            planning.append(took)
        for notification in notifications:
            wait_for(scene, notification, each)
        real = measured(scene, notifications)
    lanes = tuple(
        Lane(name, LANES.count(name) / len(LANES), answer_s=ANSWER_S, defer=0.0)
        for name in dict.fromkeys(LANES)
    )
    day = Day(
        Scenario(
            articles=tuple(Article(at, each) for at in released),
            lanes=lanes,
            first_links=MOST_LINKS,
            relays=(Relay(1e9),),
            processes=1,
            letter_s=Costs.measured().letter_cpu_us / 1e6,
            plan_s=median(planning) / each,
        )
    ).run()
    simulated = day.delays["normal"]
    rows = {}
    for part in (10, 50, 90, 99):
        a, b = real.percentile(part / 100), simulated.percentile(part / 100)
        rows[f"p{part}"] = {
            "measured_s": round(a, 2),
            "simulated_s": round(b, 2),
            "error": round(b / a - 1, 3),
        }
    return {
        "letters": real.count,
        "simulated_letters": parts(day)["normal"]["letters"],
        "articles": ARTICLES,
        "answer_s": ANSWER_S,
        "load_average": round(os.getloadavg()[0], 1),
        "percentiles": rows,
    }


def main() -> None:
    logs.configure("ERROR")
    letters = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    found = run(letters)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
