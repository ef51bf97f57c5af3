"""`docs/install.md`, followed command by command, ends in a city's service: an article that comes
through nginx reaches a reader's mailbox by the city's relay."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import requests

from service.cli import processes
from tests import nginx
from tests.integration.deploy.guide import INSTALL, UPGRADE, Server, blocks
from tests.integration.deploy.server import Services
from tests.integration.doctor.zone import served
from tests.integration.email.peer import Peer, Relay

# A server is set up once, by programs that load all of Tellal some thirty times.
pytestmark = pytest.mark.timeout(600)
NOBODY = 65534
PATIENCE_S = 120.0
READER, ADMIN = "ayse@example.com", "admin@example.bel.tr"
PASSWORD = "a long sentence to sign in with"  # what somebody types
CREATE_USER = """\
#!{python}
import sys, psycopg
with psycopg.connect("{url}", autocommit=True) as admin:
    admin.execute(f"CREATE ROLE {{sys.argv[1]}}_deploy LOGIN")
"""
CREATE_DATABASE = """\
#!{python}
import sys, psycopg
_, _, owner, _, encoding, _, locale, _, template, name = sys.argv
with psycopg.connect("{url}", autocommit=True) as admin:
    admin.execute(
        f"CREATE DATABASE {{name}}_deploy OWNER {{owner}}_deploy ENCODING '{{encoding}}'"
        f" LOCALE '{{locale}}' TEMPLATE {{template}}"
    )
"""
FORM = re.compile(r'<form[^>]*action="([^"]+)".*?</form>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def test_the_page_leads_to_a_service_that_mails_the_news(followed: Followed) -> None:
    site = Site(f"http://127.0.0.1:{followed.services.site_port}", followed.relay.handler)
    assert "İzmir Büyükşehir Belediyesi" in site.get("/").text
    assert site.get("/metrics").status_code == 404
    assert {ADMIN} == {to for _, to, _ in followed.relay.handler.mails}  # `tellal mail test`

    site.subscribe(READER)
    said = followed.server.run(followed.last_block)
    assert '"status": "accepted"' in said
    letter = site.letter(READER, "iklim eylemi")
    assert letter["From"].addresses[0].addr_spec == "haber@haber.example.bel.tr"
    assert letter["From"].addresses[0].display_name == "İzmir Büyükşehir Belediyesi"
    feed = site.get("/feeds/iklim-cevre.atom", headers={"Accept-Encoding": "gzip"})
    assert "iklim eylemi" in feed.text


def test_what_systemd_and_others_were_asked_for(followed: Followed) -> None:
    """Packages are Debian's; units are all that there are; certbot asks nothing."""
    asked = followed.asked
    [install] = [line for line in asked if line.startswith("apt-get install")]
    assert {"postgresql", "redis-server", "nginx", "python3-certbot-nginx"} <= set(install.split())
    assert any(line.startswith("adduser --system") for line in asked)
    [certbot] = [line for line in asked if line.startswith("certbot")]
    assert certbot.endswith("-d haber.example.bel.tr")
    wanted = set(followed.services.started) - {"redis", "nginx"}
    assert wanted == set(processes.names()) - {processes.BOUNCES}


def test_the_command_line_reaches_redis_by_its_group(followed: Followed) -> None:
    """The socket is not for all; the services' unit has the group, a command only by its user."""
    socket = followed.server.root / "run/redis/redis-server.sock"
    assert socket.stat().st_mode & 0o007 == 0
    assert "the broker answers" in followed.said
    if os.geteuid() == 0:
        assert socket.stat().st_gid not in (0, followed.server.uid)


def test_processes_are_of_their_user_and_run_what_was_installed(followed: Followed) -> None:
    for name in set(followed.services.started) - {"redis", "nginx"}:
        process = Path(f"/proc/{followed.services.started[name].pid}")
        assert process.stat().st_uid == followed.server.uid, name
        program = f"{followed.server.root}/opt/tellal/release-"
        assert (process / "cmdline").read_bytes().startswith(program.encode()), name
    said = followed.server.run(
        "cd / && /opt/tellal/venv/bin/python -c 'import service, workers; "
        "print(service.__file__, workers.__file__)' && tellal --version".replace(
            "/opt", f"{followed.server.root}/opt"
        )
    )
    assert said.count("/opt/tellal/venv/lib/") == 2
    assert "tellal 0." in said


def test_secrets_are_for_the_service_and_root_alone(followed: Followed) -> None:
    folder = followed.server.root / "etc/tellal/secrets"
    assert folder.stat().st_mode & 0o777 == 0o750
    names = {path.name for path in folder.iterdir()}
    assert {"secret_key", "encryption_key", "smtp_url"} <= names
    assert not names & {"postgres_password", "database_url"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}


def test_the_site_logs_neither_paths_nor_addresses(followed: Followed) -> None:
    site = f"http://127.0.0.1:{followed.services.site_port}"
    requests.get(f"{site}/confirm/secret-token?email=ayse@example.com", timeout=20)
    log = followed.server.root / "var/log/nginx/tellal.log"
    wait_for(lambda: " GET 40" in log.read_text() or " GET 20" in log.read_text())
    said = log.read_text() + (log.parent / "tellal-error.log").read_text()
    for secret in ("secret-token", "confirm", "ayse", "127.0.0.1"):
        assert secret not in said


def test_figures_are_for_those_who_have_the_token(followed: Followed) -> None:
    url = f"http://127.0.0.1:{followed.services.web_port}/metrics"
    token = (followed.server.root / "etc/tellal/secrets/metrics_token").read_text()
    assert requests.get(url, timeout=20).status_code == 401
    figures = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert "tellal_" in figures.text


def test_an_upgrade_by_its_page_starts_the_new_folder(followed: Followed) -> None:
    """One process after the other, and the news goes on. The release is the same one."""
    link = followed.server.root / "opt/tellal/venv"
    before = link.resolve()
    followed.follow(UPGRADE)
    assert link.resolve() != before
    for name in set(followed.services.started) - {"redis", "nginx"}:
        started = Path(f"/proc/{followed.services.started[name].pid}/cmdline").read_bytes()
        assert started.startswith(f"{link.resolve()}/bin/python".encode()), name
    restarted = [line for line in followed.asked if line.startswith("systemctl restart tellal@")]
    assert len(restarted) == len(processes.names()) - 1  # each but the intake of bounces
    site = Site(f"http://127.0.0.1:{followed.services.site_port}", followed.relay.handler)
    wait_for(lambda: site.get("/").status_code == 200)
    beats = followed.server.root / "var/lib/tellal/beats"
    for name in set(followed.services.started) - {"redis", "nginx", "web"}:
        pid = followed.services.started[name].pid
        wait_for(lambda found=f"{name}.*.{pid}": any(beats.glob(found)))


def test_health_tells_the_truth(followed: Followed) -> None:
    """Last: it takes a worker and the web server away."""
    services, server = followed.services, followed.server

    def health(name: str) -> str:
        return server.run(f"tellal health {name} || echo ill")

    assert health("chat") == "chat: alive\n"
    assert services.stop("chat", "web") == {"chat": 0, "web": 0}
    for path in (server.root / "var/lib/tellal/beats").glob("chat.*"):  # two minutes later
        said = json.loads(path.read_text())
        path.write_text(json.dumps({**said, "at": said["at"] - 120}))
    assert health("chat").endswith("ill\n")
    assert "web: does not answer" in health("web")
    assert health("email") == "email: alive\n"
    assert requests.get(f"http://127.0.0.1:{services.site_port}/", timeout=20).status_code == 502


class Followed:
    """The page, followed to its last block."""

    def __init__(self, server: Server, services: Services, relay: Relay, dns: int) -> None:
        self.server, self.services, self.relay, self.dns = server, services, relay, dns
        self.asked: list[str] = []
        self.said = ""
        self.last_block = ""

    def follow(self, page: Path) -> None:
        """All of a page but the last block of the one that installs, which posts an article."""
        found = [self._mine(block) for block in blocks(page)]
        if page == INSTALL:
            self.last_block = found.pop()
        for block in found:
            self.said += self.server.run(block)
            asked = self.server.asked()
            self.asked += asked
            self.services.obey(asked)

    def _mine(self, block: str) -> str:
        relay = f"smtp://127.0.0.1:{self.relay.port}"
        block = re.sub(r"^export RELAY=.*$", f"export RELAY={relay}", block, flags=re.MULTILINE)
        site = f"http://127.0.0.1:{self.services.site_port}"
        block = block.replace("tellal doctor", f"tellal doctor --dns 127.0.0.1:{self.dns}")
        block = block.replace(
            "tellal staff add", f"echo {PASSWORD} | tellal staff add --password-stdin"
        )
        return self.server.led(block.replace('"https://$NAME"', site))


class Site:
    """A reader's browser, without JavaScript and without cookies, and their mailbox."""

    def __init__(self, url: str, peer: Peer) -> None:
        self._url, self._peer = url, peer

    def get(self, path: str, **options: object) -> requests.Response:
        return requests.get(self._url + path, timeout=20, **options)

    def subscribe(self, address: str) -> None:
        page = self.get("/en/subscribe")
        page = self._send(page, topics="all")
        page = self._send(page, places="all", city_news="yes")
        page = self._send(self._send(page, frequency="instant"), way="email")
        page = self._send(page, email=address, consent="yes")
        self._send(page, end="/check-email")
        text = self.letter(address, "/confirm/").get_body(("plain",)).get_content()
        link = re.search(r"https://haber\.example\.bel\.tr(/\S*/confirm/\S+)", text)
        assert link, text
        assert "has started" in requests.post(self._url + link[1], timeout=20).text

    def letter(self, address: str, text: str):
        """The first letter to that address that says so, when it has come."""

        def found():
            for _, to, raw in list(self._peer.mails):
                letter = message_from_bytes(raw, policy=policy.default)
                if to == address and text in letter.get_body(("plain",)).get_content():
                    return letter
            return None

        wait_for(lambda: found() is not None)
        return found()

    def _send(self, page: requests.Response, end: str = "", **answers: str) -> requests.Response:
        form = next(f for f in FORM.finditer(page.text) if f[1].endswith(end))
        hidden = {name: html.unescape(value) for name, value in FIELD.findall(form[0])}
        data = {**hidden, **({} if end else {"go": "next"}), **answers}
        return requests.post(self._url + form[1], data=data, timeout=20)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def service_user(postgres_url: str) -> int:
    """Who the service runs as: nobody special, who may enter the folder of the database."""
    if os.geteuid():
        return os.geteuid()
    host = psycopg.conninfo.conninfo_to_dict(postgres_url).get("host", "")
    return (Path(host).stat().st_uid if host.startswith("/") else 0) or NOBODY


def own_database(server: Server, postgres_url: str) -> str:
    """Let `createuser` and `createdb` speak to the PostgreSQL of this run, under names of this
    test; the URL of what they make, without a password as on a server."""
    for name, program in (("createuser", CREATE_USER), ("createdb", CREATE_DATABASE)):
        server.stand_in(name, program.format(python=sys.executable, url=postgres_url))
    parts = psycopg.conninfo.conninfo_to_dict(postgres_url)
    user, password, host = "tellal_deploy", parts.get("password"), parts.get("host", "")
    if password:  # one of somebody's own, which would not let a user without one in
        user = f"{parts['user']}:{quote(password)}"
    if host.startswith("/"):
        return f"postgresql://{user}@/tellal_deploy?host={quote(host)}"
    return f"postgresql://{user}@{host}:{parts.get('port', 5432)}/tellal_deploy"


@pytest.fixture(scope="module")
def followed(postgres_url: str) -> Iterator[Followed]:
    root = Path(tempfile.mkdtemp(prefix="tellal-deploy-"))
    root.chmod(0o755)
    server = Server(root, service_user(postgres_url), nginx.find())
    services = Services(server)
    relay = Relay(Peer(), hostname="127.0.0.1", port=0)
    relay.start()
    try:
        server.prepare()
        services.place(own_database(server, postgres_url))
        with served({}) as zone:
            followed = Followed(server, services, relay, zone.port)
            followed.follow(INSTALL)
        yield followed
        assert set(services.stop().values()) == {0}
    finally:
        for process in services.started.values():
            process.kill()
            process.wait()
        relay.stop()
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS tellal_deploy WITH (FORCE)")
            admin.execute("DROP ROLE IF EXISTS tellal_deploy")
        shutil.rmtree(root)
