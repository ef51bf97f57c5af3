"""A private RabbitMQ on loopback, as our own child: no init, no port mapper that stays behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # that of the Debian package
START_S = 90.0
CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
disk_free_limit.absolute = 50MB
"""


@dataclass(frozen=True)
class RabbitMQ:
    """One that runs. `url` is what TELLAL_AMQP_URL names."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def rabbitmq() -> Iterator[RabbitMQ]:
    """Run one for as long as the block runs. Where we are root it runs as the package's user."""
    assert SERVER.exists(), "apt install rabbitmq-server"
    folder = Path(tempfile.mkdtemp(prefix="tellal-rabbitmq-"))
    port, nodes, mapper = _free_ports(3)
    (folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=port), encoding="utf-8")
    user = {}
    if os.geteuid() == 0:
        folder.chmod(0o700)
        owner = pwd.getpwnam("rabbitmq")
        user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        for path in (folder, folder / "rabbitmq.conf"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    environment = _environment(folder, nodes, mapper)
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    common = {"env": environment, "cwd": folder, **quiet, **user}
    mapping = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(mapper)], **common)
    server = subprocess.Popen([SERVER], start_new_session=True, **common)
    try:
        _wait_for(server, port)
        yield RabbitMQ(port, server.pid)
    finally:
        for process in (server, mapping):
            process.terminate()
        for process in (server, mapping):
            process.wait(30)
        shutil.rmtree(folder)


def _environment(folder: Path, nodes: int, mapper: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "RUNNING_UNDER_SYSTEMD": "1",  # no shell between us and the server
        "RABBITMQ_HOME": str(folder),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": "/dev/null",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_NODENAME": f"tellal{nodes}@localhost",
        "RABBITMQ_DIST_PORT": str(nodes),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false +S 1:1"
        " -kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
    }


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Until it greets: the port is open a little before that."""
    deadline = time.monotonic() + START_S
    while True:
        assert server.poll() is None, "RabbitMQ ended"
        assert time.monotonic() < deadline, "RabbitMQ did not start"
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as probe:
                probe.settimeout(5)
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                if probe.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
