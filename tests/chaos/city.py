"""A whole Tellal on this machine, with subscribers, channels and the two ends, to be hurt.

Everything listens on loopback; only processes that were started here are ever killed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import redis

from service.crypto import Vault
from service.db import Database
from service.ingest.managing.sources import store
from service.ingest.signatures import new_secret
from service.ledger.audit import audit
from service.settings import load, make_keys
from tests.chaos import processes
from tests.chaos.door import TOPIC, Door, article
from tests.chaos.postgres import Postgres
from tests.chaos.settling import people, settle_in
from tests.chaos.tape import Rule, Tapes, tell

MAILBOXES, CHANNELS = 200, 1  # of a small city; enough for a kill to fall into a batch
READY_S = 60.0
STOP_S = 60.0
LOOK_EVERY_S = 0.05

# The waits of a chaos run: short, so that the table has an end. What they are in a town's life is
# the default of each setting.
WAITS = {
    "TELLAL_LEASE_S": "10",
    "TELLAL_RETRY_FIRST_S": "5",
    "TELLAL_UNKNOWN_DELAY_S": "5",
    "TELLAL_PEER_WAIT_S": "5",
}


class City:
    """Starts `tellal up` in a folder of its own; use it as a context manager."""

    def __init__(
        self,
        postgres: Postgres | None = None,
        mailboxes: int = MAILBOXES,
        channels: int = CHANNELS,
        waits: Mapping[str, str] = WAITS,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tellal-chaos-")
        self.folder = Path(self._folder.name)
        self.var = self.folder / "var"
        self.port, self._sink_port, self._receiver_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.postgres = postgres
        self.expected = people(mailboxes, channels)
        self.tapes = Tapes(self.folder)
        self.who: Mapping[int, str] = {}  # destination to the name that the ends know it by
        self._size = mailboxes, channels
        self._waits = waits
        self._up: subprocess.Popen[bytes] | None = None
        self._ends: dict[str, subprocess.Popen[bytes]] = {}
        self._secret = new_secret()
        self._door = Door(self.url, self._secret)

    def __enter__(self) -> City:
        try:
            make_keys(self.var)
            self.start_end("sink")
            self.start_end("receiver")
            self.start()
            self._settle_in()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.db.close()
        self._folder.cleanup()

    def start(self) -> None:
        """Run `tellal up` and wait until it is ready."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TELLAL_")},
            **self._waits,
            "TELLAL_VAR_DIR": str(self.var),
            "TELLAL_PORT": str(self.port),
            "TELLAL_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
            "TELLAL_BOUNCE_LMTP": str(self.var / "bounces.sock"),
            "TELLAL_SMTP_URL": f"smtp://127.0.0.1:{self._sink_port}",
            "TELLAL_DATABASE_URL": self.postgres.url if self.postgres else "",
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
        """Stop as Ctrl-C does, the ends last."""
        self.end_up(signal.SIGINT)
        for end in self._ends.values():
            end.kill()
            end.wait(10)

    def end_up(self, number: signal.Signals) -> None:
        """Signal the supervisor and wait for its end."""
        if self._up is not None and self._up.poll() is None:
            self._up.send_signal(number)
            self._up.wait(STOP_S)

    def start_end(self, name: str) -> None:
        """Start the mail sink or the chat receiver, which keep their ports and their tapes."""
        port = self._sink_port if name == "sink" else self._receiver_port
        with (self.folder / "ends.log").open("ab") as log:
            self._ends[name] = subprocess.Popen(
                [sys.executable, "-m", f"tests.chaos.{name}", str(port), str(self.folder)],
                stdout=log,
                stderr=log,
            )
        self.wait(lambda: listens(port), READY_S, f"the {name} does not listen")

    def kill_end(self, name: str) -> None:
        """kill -9 an end."""
        self._ends[name].kill()
        self._ends[name].wait(10)

    def freeze_end(self, name: str, *, is_frozen: bool) -> None:
        """Stop an end, which its guests cannot see, or let it go on."""
        self._ends[name].send_signal(signal.SIGSTOP if is_frozen else signal.SIGCONT)

    def tell(self, end: str, *rules: Rule, seed: int = 0) -> None:
        """Give an end (mail or chat) other rules; none: it behaves."""
        tell(self.folder, end, list(rules), seed)

    @property
    def supervisor(self) -> int:
        """The pid of `tellal up`."""
        assert self._up is not None
        return self._up.pid

    def processes(self) -> dict[str, int]:
        """Name and pid of every process of this city, children of workers included."""
        return processes.named(self.supervisor)

    def pids(self, name: str) -> list[int]:
        """A process and its children; waits for one that is on its way back."""
        self.wait(lambda: name in self.processes(), READY_S, f"{name} does not run")
        found = self.processes()
        return [pid for other, pid in found.items() if other.removesuffix(" child") == name]

    def add_source(self, slug: str, **values: Any) -> str:
        """Add one more source, with the usual hold; return its secret."""
        with self.db.write() as session:
            return store(session, Vault(self._settings), slug, **values)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal one process (kill -9); the supervisor's death is followed by a new start."""
        self.wait(lambda: name in self.processes(), READY_S, f"{name} does not run")
        if name == "supervisor":
            self.end_up(number)
            self.start()
        else:
            processes.send([self.processes()[name]], number)

    def kill_all(self) -> None:
        """kill -9 everything that `tellal up` has started, and itself, at once; start again."""
        assert self._up is not None
        processes.send([self._up.pid, *processes.descendants(self._up.pid)], signal.SIGKILL)
        self._up.wait(10)
        self.start()

    def bring_back(self) -> None:
        """After a row that broke: everybody goes on, the ends behave, and the city is up."""
        self.tell("mail")
        self.tell("chat")
        assert self._up is not None
        processes.send(processes.descendants(self._up.pid), signal.SIGCONT)
        if self._up.poll() is not None:
            self.start()

    def flush_redis(self) -> None:
        """Throw away everything that the broker knows, once it is back from the row before."""
        self.wait(self._flush, READY_S, "redis does not answer")

    def _flush(self) -> bool:
        socket_path = str(self.var / "redis" / "redis.sock")
        try:
            with redis.Redis(unix_socket_path=socket_path, socket_timeout=1.0) as connection:
                return bool(connection.flushall())
        except redis.RedisError:
            return False

    def kill_redis(self, *, is_emptied: bool) -> None:
        """kill -9 the broker, whose file may be gone when it starts again."""
        self.wait(lambda: "redis" in self.processes(), READY_S, "redis does not run")
        if is_emptied:
            shutil.rmtree(self.var / "redis" / "appendonlydir", ignore_errors=True)
            (self.var / "redis" / "appendonly.aof").unlink(missing_ok=True)
        self.kill("redis")

    def freeze(self, name: str, *, is_frozen: bool) -> None:
        """Stop a process and its children, or let them go on."""
        processes.send(self.pids(name), signal.SIGSTOP if is_frozen else signal.SIGCONT)

    def double(
        self, name: str, swap: dict[str, str] | None = None, **extra: str
    ) -> processes.Double:
        """Start one more process of a kind, outside the supervisor."""
        pid = self.pids(name)[0]
        return processes.Double(pid, self.var / "log" / f"{name}-2.log", swap or {}, extra)

    def offer(self, mark: str, *, is_urgent: bool = False) -> bool:
        """Post an article once."""
        return self._door.offer(mark, article(mark, is_urgent=is_urgent))

    def door_at(self, url: str) -> Door:
        """The same source's way in at another web server."""
        return Door(url, self._secret)

    def post(self, mark: str, *, is_urgent: bool = False) -> None:
        """Post an article until the door has taken it."""
        self.wait(lambda: self.offer(mark, is_urgent=is_urgent), READY_S, "the door takes nothing")

    def told_by_feed(self, mark: str) -> int:
        """How often the topic's feed tells an article."""
        found: list[int] = []

        def answered() -> bool:
            try:
                with urllib.request.urlopen(f"{self.url}/feeds/{TOPIC}.rss", timeout=5) as answer:
                    found.append(answer.read().decode().count(f"/haber/{mark}<"))
            except OSError:
                return False
            return True

        self.wait(answered, READY_S, "the feed does not answer")
        return found[0]

    def audit(self) -> list[str]:
        """The findings of `tellal audit`."""
        with self.db.read() as session:
            return [str(finding) for finding in audit(session)]

    def wait(self, condition: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{complaint}\n{self.log()}"
            time.sleep(LOOK_EVERY_S)

    def log(self) -> str:
        """The end of what the supervisor said."""
        path = self.var / "up.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def save_logs(self, folder: Path) -> None:
        """Keep what every process has written, for somebody to look at."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        logs = [*self.var.glob("log/*.log"), self.var / "up.log", *self.folder.glob("*.tape")]
        for path in [*logs, self.folder / "ends.log"]:
            if path.exists():
                shutil.copy(path, folder)

    def _settle_in(self) -> None:
        url = self.postgres.url if self.postgres else ""
        self._settings = load(var_dir=self.var, database_url=url, allow_private_hosts="127.0.0.1")
        self.db = Database(self._settings.sqlalchemy_url)
        with self.db.write() as session:
            self.vault = Vault(self._settings)
            self.who = settle_in(
                session, self._settings, self._secret, *self._size, self._receiver_port
            )

    def _is_ready(self) -> bool:
        assert self._up is not None
        assert self._up.poll() is None, f"tellal up ended\n{self.log()}"
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def free_port() -> int:
    """A port that the system does not give to a client: those come from the range it hands out."""
    for _ in range(100):
        port = random.randint(15_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
