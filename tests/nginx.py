"""A real nginx with the example configuration of `config/nginx`, as a process of our own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.city import free_port

CONFIG = Path(__file__).parents[1] / "config" / "nginx"
READY_S = 10.0
_MAIN = """
daemon off; {user} pid {folder}/nginx.pid; error_log {folder}/error.log warn;
worker_processes {workers};
events {{ worker_connections 512; }}
http {{
    access_log {log}; default_type application/atom+xml;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000; sendfile on; tcp_nopush on;
    include {folder}/feeds.conf;
    include {folder}/upstream.conf;
    server {{
        listen 127.0.0.1:{port};
        include {folder}/feeds-locations.conf;
        location /static/ {{ alias {folder}/static/; gzip_static on; }}
    }}
}}
"""


def find() -> str:
    """The program: Debian has it where only root looks."""
    found = shutil.which("nginx", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    assert found, "nginx is not here: apt install nginx"
    return found


@contextmanager
def serve(
    folder: Path, web_port: int, workers: int = 1, *, is_logged: bool = False
) -> Iterator[int]:
    """Run it in front of Tellal's port, with files of its own from `folder`/static under /static/;
    gives its port. Logged requests stand in `folder`/access.log."""
    (folder / "static").mkdir(parents=True)
    port = free_port()
    # What a city may change: where the cache lives, where Tellal listens, where these files are.
    for name in ("feeds.conf", "upstream.conf", "feeds-locations.conf", "proxy.conf"):
        shared = (CONFIG / name).read_text(encoding="utf-8")
        shared = shared.replace("/var/cache/nginx/tellal-feeds", str(folder / "cache"))
        shared = shared.replace("127.0.0.1:8080", f"127.0.0.1:{web_port}")
        shared = shared.replace("/etc/nginx/tellal", str(folder))
        (folder / name).write_text(shared, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is ours alone
    values = {"folder": folder, "port": port, "workers": workers, "user": user}
    values["log"] = folder / "access.log" if is_logged else "off"
    (folder / "nginx.conf").write_text(_MAIN.format(**values), encoding="utf-8")
    command = [find(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait(port, process, folder)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        said = (folder / "output").read_text(encoding="utf-8")
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
