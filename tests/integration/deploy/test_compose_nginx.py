"""nginx of docker-compose.yml, with its own files, in front of a program that says what it was
asked: what nginx passes on, what it keeps to itself, and how it says that it works."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import yaml

from tests import nginx
from tests.chaos.city import free_port

ROOT = Path(__file__).parents[3]
Ask = Callable[..., requests.Response]


class Behind(BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = "".join(f"{k}: {v}\n" for k, v in self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Compose:
    """nginx as its container has it, in a folder of this test."""

    def __init__(self, folder: Path, site: str, behind: int) -> None:
        self.folder = folder
        self.http, self.https, self.health = free_port(), free_port(), free_port()
        # Paths of the container, its ports, and the names that Docker knows.
        self._led = {
            "/etc/nginx/nginx.conf": f"{folder}/nginx.conf",
            "/etc/nginx/tellal": f"{folder}/tellal",
            "/etc/nginx/site.conf": f"{folder}/tellal/compose/{site}.conf",
            "/etc/nginx/tls": f"{folder}/tls",
            "/var/cache/nginx": f"{folder}/cache",
            "/dev/stdout": f"{folder}/access.log",
            "/dev/stderr": f"{folder}/error.log",
            "/tmp/": f"{folder}/tmp/",
            "127.0.0.1:8081": f"127.0.0.1:{self.health}",
            "listen 8080": f"listen 127.0.0.1:{self.http}",
            "listen 8443": f"listen 127.0.0.1:{self.https}",
            "server web:8080 resolve;": f"server 127.0.0.1:{behind};",  # nginx 1.27.3 and later
            "resolver 127.0.0.11 valid=5s ipv6=off;": "",
        }
        for name in ("tmp", "cache", "tls"):
            (folder / name).mkdir()
        for path in (ROOT / "config/nginx").rglob("*.conf"):
            target = folder / "tellal" / path.relative_to(ROOT / "config/nginx")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._lead(path.read_text()))
        (folder / "nginx.conf").write_text(
            ("user root;\n" if os.geteuid() == 0 else "")
            + (folder / "tellal/compose/nginx.conf").read_text()
        )

    def _lead(self, text: str) -> str:
        known = "|".join(re.escape(old) for old in self._led)
        return re.sub(known, lambda found: self._led[found[0]], text)


@pytest.fixture
def behind() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def start(tmp_path: Path, behind: ThreadingHTTPServer) -> Iterator[Callable[[str], Compose]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(site: str) -> Compose:
        compose = Compose(tmp_path, site, behind.server_port)
        if site == "https":
            certify(tmp_path / "tls")
        command = [nginx.find(), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        with (tmp_path / "output").open("wb") as output:
            started.append(
                subprocess.Popen([*command, "-g", "daemon off;"], stdout=output, stderr=output)
            )
        nginx._wait(compose.http, started[0], tmp_path)
        return compose

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def certify(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", "privkey.pem", "-out", "fullchain.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def test_what_a_proxy_on_this_machine_says_of_the_client_is_believed(start) -> None:
    """Only that address counts, and only from a private one: here 127.0.0.1 is none of those."""
    url = f"http://127.0.0.1:{start('http').http}"
    said = requests.get(f"{url}/en/", headers={"X-Forwarded-For": "203.0.113.9"}, timeout=20).text
    assert "X-Forwarded-For: 127.0.0.1\n" in said
    assert "X-Forwarded-Proto: http\n" in said
    assert requests.get(f"{url}/metrics", timeout=20).status_code == 404
    assert requests.get(f"{url}/metrics/x", timeout=20).status_code == 404


def test_sizes_are_those_of_each_door(start) -> None:
    url = f"http://127.0.0.1:{start('http').http}"
    large = b"x" * (5 * 1024 * 1024)
    assert requests.post(f"{url}/v1/sources/a/articles", large, timeout=20).status_code == 413
    assert requests.post(f"{url}/staff/imports", large, timeout=20).status_code == 200
    assert requests.post(f"{url}/v1/admin/imports", large, timeout=20).status_code == 200


def test_tls_ends_there_and_plain_http_is_led_to_it(start) -> None:
    compose = start("https")
    plain = requests.get(
        f"http://127.0.0.1:{compose.http}/en/?a=b", timeout=20, allow_redirects=False
    )
    assert (plain.status_code, plain.headers["Location"]) == (308, "https://127.0.0.1/en/?a=b")
    tls = requests.get(
        f"https://localhost:{compose.https}/en/",
        headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"},
        verify=str(compose.folder / "tls/fullchain.pem"),
        timeout=20,
    )
    assert "X-Forwarded-Proto: https\n" in tls.text
    assert "203.0.113.9" not in tls.text
    assert tls.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_its_health_is_that_of_what_is_behind(start, behind) -> None:
    compose = start("http")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    kind, *check = services["nginx"]["healthcheck"]["test"]
    assert kind == "CMD"
    check[-1] = check[-1].replace(":8081", f":{compose.health}")
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    behind.shutdown()
    behind.server_close()
    assert subprocess.run(check, capture_output=True, check=False).returncode == 22


def test_no_log_has_a_path(start) -> None:
    compose = start("http")
    requests.get(f"http://127.0.0.1:{compose.http}/confirm/secret?email=ayse", timeout=20)
    requests.get(f"http://127.0.0.1:{compose.http}/feeds/my/secret.rss", timeout=20)
    requests.get(f"http://127.0.0.1:{compose.http}/feeds/all.rss?email=ayse", timeout=20)
    log = (compose.folder / "access.log").read_text()
    assert len(re.findall(r" GET 200 ", log)) == 2
    assert "secret" not in log
    assert "ayse" not in log


def test_ports_and_names_are_those_of_the_other_containers() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    upstream = (ROOT / "config/nginx/compose/upstream.conf").read_text()
    [(name, port)] = re.findall(r"server (\w+):(\d+) resolve;", upstream)
    assert services[name]["command"] == ["run", "web"]
    assert f"EXPOSE {port}" in (ROOT / "Dockerfile").read_text()
    inside = {port.rpartition(":")[2] for port in services["nginx"]["ports"]}
    for site in ("http", "https"):
        text = (ROOT / f"config/nginx/compose/{site}.conf").read_text()
        assert set(re.findall(r"listen (\d+)", text)) <= inside
