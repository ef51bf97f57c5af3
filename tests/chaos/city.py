"""A whole Tellal on this machine, with a subscriber, a channel and a receiver, to be hurt.

Everything listens on loopback; only processes that were started here are ever killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import select
from standardwebhooks import Webhook

from service.cli.source import store
from service.crypto import Vault
from service.db import Database, utcnow
from service.ingest.signatures import new_secret
from service.ledger.audit import audit
from service.models import (
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    MailboxMessage,
    Notification,
    Source,
    Subscription,
    Topic,
)
from service.settings import load, make_keys
from service.subscriptions.channels import add_channel

TOPIC = "iklim-cevre"
CITIZENS = 200  # so that a kill falls into the middle of a batch
READY_S = 60.0
ARRIVE_S = 60.0  # the promise after any fault, nobody's hand (reliability guide, section 6)
TITLE = "Körfez için iklim eylem planı: karbon salımı azalıyor"


@dataclass(frozen=True)
class Arrival:
    """How often one article reached each of its three ways, and what the ledger says."""

    feed: int
    mail: int  # citizens who have it in their mailbox
    copies: int  # mails beyond one for each of them
    chat: int
    unknown: int
    unexplained: int  # deliveries that arrived nowhere, although the ledger does not say unknown
    is_done: bool
    seconds: float

    @property
    def lost(self) -> int:
        """Deliveries without an explanation, the feed counted as one; all, if it never ended."""
        return self.unexplained + (self.feed == 0) + (0 if self.is_done else CITIZENS)

    @property
    def doubled(self) -> int:
        return self.copies + max(0, self.chat - 1) + max(0, self.feed - 1)


class City:
    """Starts `tellal up` in a folder of its own; use it as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tellal-chaos-")
        self.var = Path(self._folder.name) / "var"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.received: Counter[str] = Counter()
        self._up: subprocess.Popen[bytes] | None = None
        self._secret = new_secret()
        self._receiver = _receiver(self.received)

    def __enter__(self) -> City:
        try:
            make_keys(self.var)
            self.start()
            self._settle_in()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._db.close()
        self._receiver.shutdown()
        self._receiver.server_close()
        self._folder.cleanup()

    def start(self) -> None:
        """Run `tellal up` and wait until it is ready."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TELLAL_")},
            "TELLAL_VAR_DIR": str(self.var),
            "TELLAL_PORT": str(self.port),
            "TELLAL_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
        }
        with (self.var / "up.log").open("ab") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "up"],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(self._is_ready, READY_S, "tellal up is not ready")

    def stop(self) -> None:
        """Stop as Ctrl-C does."""
        if self._up is not None and self._up.poll() is None:
            self._up.send_signal(signal.SIGINT)
            self._up.wait(60)

    def processes(self) -> dict[str, int]:
        """Name and pid of every process of this city, children of workers included."""
        assert self._up is not None
        found = {"supervisor": self._up.pid}
        for pid in _descendants(self._up.pid):
            name = _name(pid)
            if name:
                found[name if name not in found else f"{name} child"] = pid
        return found

    def add_source(self, slug: str, **values: Any) -> str:
        """Add one more source, with the usual hold; return its secret."""
        with self._db.write() as session:
            return store(session, Vault(self._settings), slug, **values)

    def kill(self, name: str) -> None:
        """kill -9 one process; the supervisor's death is followed by a new start."""
        # One that was killed a moment ago may still be on its way back.
        self.wait(lambda: name in self.processes(), READY_S, f"{name} does not run")
        os.kill(self.processes()[name], signal.SIGKILL)
        if name == "supervisor":
            assert self._up is not None
            self._up.wait(10)
            self.start()

    def flush_redis(self) -> None:
        """Throw away everything that the broker knows."""
        with redis.Redis(unix_socket_path=str(self.var / "redis" / "redis.sock")) as connection:
            connection.flushall()

    def freeze(self, name: str, *, is_frozen: bool) -> None:
        """Stop a process and its children, or let them go on."""
        number = signal.SIGSTOP if is_frozen else signal.SIGCONT
        for found, pid in self.processes().items():
            if found.removesuffix(" child") == name:
                os.kill(pid, number)

    def post(self, mark: str) -> str:
        """Post one signed article and return its status address; retries as a CMS should."""
        body = json.dumps(
            {
                "id": mark,
                "state": "published",
                "url": f"https://www.example.bel.tr/haber/{mark}",
                "title": f"{TITLE} ({mark})",
                "body_text": "Sera gazı salımı ve iklim krizi üzerine çalışmalar sürüyor.",
            }
        )
        now = utcnow()
        request = urllib.request.Request(
            f"{self.url}/v1/sources/chaos/articles",
            data=body.encode(),
            headers={
                "Content-Type": "application/json",
                "webhook-id": mark,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(self._secret).sign(mark, now, body),
            },
        )
        answer: dict[str, Any] = {}

        def accepted() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=5) as response:
                    answer.update(json.load(response))
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise AssertionError(error.read()) from error
                return False
            except OSError:
                return False
            return True

        self.wait(accepted, READY_S, "the door does not take the article")
        return str(answer["status_url"])

    def arrival(self, mark: str, article_id: int, since: float, *, is_done: bool) -> Arrival:
        """What has arrived so far, read from the three ends themselves."""
        with self._db.read() as session:
            copies: dict[str, int] = dict(
                session.execute(
                    select(MailboxMessage.recipient, MailboxMessage.copies).where(
                        MailboxMessage.subject.contains(f"({mark})")
                    )
                ).all()
            )
            states = session.execute(
                select(Destination.kind, Destination.address, Delivery.state)
                .join(Delivery, Delivery.destination_id == Destination.id)
                .join(Notification, Notification.id == Delivery.notification_id)
                .where(Notification.article_id == article_id)
            ).all()
        chat = self.received[mark]
        arrived = {*copies, *([""] if chat else [])}  # a channel has no address of its own
        unknown = {address for _, address, state in states if state == DeliveryState.UNKNOWN}
        planned = {address for _, address, _ in states}
        return Arrival(
            feed=self._feed().count(f"/haber/{mark}<"),
            mail=len(copies),
            copies=sum(copies.values()) - len(copies),
            chat=chat,
            unknown=len(unknown),
            unexplained=CITIZENS + 1 - len(planned) + len(planned - arrived - unknown),
            is_done=is_done,
            seconds=time.monotonic() - since,
        )

    def wait_for_arrival(self, mark: str, status_url: str, since: float) -> Arrival:
        """Wait until all three ways have it and the ledger is closed, or time is up."""
        article_id = int(self._get(status_url)["article_id"])
        deadline = time.monotonic() + ARRIVE_S
        while time.monotonic() < deadline:
            if (self._get(status_url)["notification"] or {}).get("state") == "done":
                return self.arrival(mark, article_id, since, is_done=True)
            time.sleep(0.05)
        return self.arrival(mark, article_id, since, is_done=False)

    def audit(self) -> list[str]:
        """The findings of `tellal audit`."""
        with self._db.read() as session:
            return [str(finding) for finding in audit(session)]

    def wait(self, condition: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{complaint}\n{self.log()}"
            time.sleep(0.05)

    def log(self) -> str:
        return (self.var / "up.log").read_text(errors="replace")[-2000:]

    def _settle_in(self) -> None:
        settings = self._settings = load(var_dir=self.var, allow_private_hosts="127.0.0.1")
        self._db = Database(settings.sqlalchemy_url)
        vault = Vault(settings)
        with self._db.write() as session:
            session.add(Source(slug="chaos", sealed_secret=vault.encrypt(self._secret), hold_s=0))
            topic_id = session.scalar(select(Topic.id).where(Topic.slug == TOPIC))
            for number in range(CITIZENS):
                destination = Destination(
                    kind=DestinationKind.EMAIL,
                    address=f"citizen{number}@tellal.example",
                    address_hash=f"chaos{number}",
                    lane="other",
                    verified_at=utcnow(),
                )
                session.add(destination)
                session.flush()
                session.add(Subscription(destination_id=destination.id, topic_id=topic_id))
            add_channel(
                session,
                vault,
                settings,
                name="chaos",
                url=f"json://127.0.0.1:{self._receiver.server_address[1]}/",
                topic_slugs=[TOPIC],
            )

    def _is_ready(self) -> bool:
        assert self._up is not None
        assert self._up.poll() is None, f"tellal up ended\n{self.log()}"
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def _get(self, url: str) -> dict[str, Any]:
        path = url.split("/v1/", 1)[1]
        found: dict[str, Any] = {}

        def answered() -> bool:
            try:
                with urllib.request.urlopen(f"{self.url}/v1/{path}", timeout=5) as response:
                    found.update(json.load(response))
            except OSError:
                return False
            return True

        self.wait(answered, READY_S, "the status page does not answer")
        return found

    def _feed(self) -> str:
        with urllib.request.urlopen(f"{self.url}/feeds/{TOPIC}.rss", timeout=5) as response:
            return str(response.read().decode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _receiver(received: Counter[str]) -> ThreadingHTTPServer:
    """A chat service of our own: counts messages by the mark in their title."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                received[message["title"].rpartition("(")[2].rstrip(")")] += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _descendants(pid: int) -> list[int]:
    """Children before grandchildren, so that a parent keeps the plain name."""
    found, level = [], [pid]
    while level:
        below = []
        for parent in level:
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                try:
                    below += [int(child) for child in task.read_text().split()]
                except OSError:
                    continue
        found += below
        level = below
    return found


def _name(pid: int) -> str | None:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    line = " ".join(words)
    if "redis-server" in line:
        return "redis"
    if "gunicorn" in line:
        return "web"
    if "workers.recover" in line:
        return "sweeper"
    if " beat " in line:
        return "scheduler"
    if "-n" in words:
        return words[words.index("-n") + 1].partition("@")[0]
    return None
