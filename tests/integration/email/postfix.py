"""A private Postfix on loopback: own configuration, queue and log. It relays for tests and bounces
as Postfix does. Root alone can run one, because its processes change to users of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

START_S = 20.0
SHARED = ("daemon_directory", "command_directory", "meta_directory", "shlib_directory")

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
transport_maps = inline:{{ {routes} }}
default_transport = discard
local_transport = discard
in_flow_delay = 0
smtp_tls_security_level = none
smtpd_tls_security_level = none
"""
# service, type, private, unprivileged, chroot, wake up, most processes, command
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
proxymap  unix - - n - - proxymap
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
smtp      unix - - n - - smtp
lmtp      unix - - n - - lmtp
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """One that runs. `url` is what TELLAL_SMTP_URL names."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log" / "mail.log").read_text(errors="replace")


@contextmanager
def postfix(routes: Mapping[str, str]) -> Iterator[Postfix]:
    """Run one for as long as the block runs.

    Routes say where a domain's mail goes, as in transport(5): `smtp:[127.0.0.1]:2525`,
    `lmtp:inet:127.0.0.1:2424`. Mail to other domains is accepted and vanishes.
    """
    if os.geteuid() != 0:
        pytest.skip("a private Postfix needs root")
    folder = Path(tempfile.mkdtemp(prefix="tellal-postfix-"))
    folder.chmod(0o755)  # not the folder of the test: other users may not enter that
    made = Postfix(folder, free_port())
    try:
        _configure(made, routes)
        _control(made, "start")
        try:
            _wait_for(made)
            yield made
        finally:
            _control(made, "stop")
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _configure(made: Postfix, routes: Mapping[str, str]) -> None:
    for name in ("conf", "spool", "data", "log"):
        (made.folder / name).mkdir()
    shutil.chown(made.folder / "data", "postfix")
    told = ", ".join(f"{{ {domain} = {where} }}" for domain, where in routes.items())
    main = MAIN.format(folder=made.folder, routes=told)
    for name in SHARED:
        main += f"{name} = {_installed(name)}\n"
    conf = made.folder / "conf"
    (conf / "main.cf").write_text(main)
    (conf / "master.cf").write_text(MASTER.format(port=made.port))
    maps = Path(_installed("config_directory")) / "dynamicmaps.cf"
    if maps.exists():
        shutil.copy(maps, conf)


def _installed(name: str) -> str:
    asked = ["postconf", "-h", name]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def _control(made: Postfix, act: str) -> None:
    command = ["postfix", "-c", str(made.folder / "conf"), act]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr + made.log


def _wait_for(made: Postfix) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", made.port), timeout=START_S) as peer:
                assert peer.recv(4).startswith(b"220"), made.log
                return
        except OSError:
            assert time.monotonic() < deadline, made.log
            time.sleep(0.05)
