"""What systemd, nginx and Redis of a server do, in the folder of `guide.Server`: on `systemctl` the
unit files' own commands are started, as their user and with their environment file."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.cli.redis_server import find_server
from tests.chaos.city import free_port
from tests.integration.deploy.guide import REDIS_GROUP, Server, environment_file, exec_start

STOP_S = 60.0


class Services:
    """The processes of one server; `obey` does what its systemctl was asked for."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self.web_port, self.site_port = free_port(), free_port()
        self._obeyed: dict[str, Callable[[], None]] = {
            "restart redis-server": self._start_redis,
            "daemon-reload": lambda: None,
            "enable --now tellal.target": self._start_target,
            "reload nginx": self._start_nginx,
        }

    def place(self, database_url: str) -> None:
        """Ports of this test instead of a server's, in what was cloned; and Debian's own files of
        nginx and Redis."""
        config = self._server.root / "repository/config"
        site = config / "nginx/site.conf"
        text = site.read_text().replace("    listen [::]:80;\n", "")
        site.write_text(text.replace("listen 80;", f"listen 127.0.0.1:{self.site_port};"))
        upstream = config / "nginx/upstream.conf"
        upstream.write_text(upstream.read_text().replace(":8080;", f":{self.web_port};"))
        settings = config / "systemd/tellal.env"
        text = settings.read_text().replace("postgresql:///tellal", f"'{database_url}'")
        settings.write_text(f"{text}TELLAL_PORT={self.web_port}\n")
        etc = self._server.root / "etc"
        (etc / "nginx/nginx.conf").write_text(
            f"""pid {self._server.root}/nginx.pid; error_log stderr warn;
            {"user root;" if os.geteuid() == 0 else ""}
            events {{ worker_connections 512; }}
            http {{
                client_body_temp_path {self._server.root}/var/lib/body;
                proxy_temp_path {self._server.root}/var/lib/proxy;
                fastcgi_temp_path {self._server.root}/var/lib/fastcgi;
                uwsgi_temp_path {self._server.root}/var/lib/uwsgi;
                scgi_temp_path {self._server.root}/var/lib/scgi;
                include {etc}/nginx/conf.d/*.conf; include {etc}/nginx/sites-enabled/*;
            }}\n"""
        )
        (etc / "redis/redis.conf").write_text(f"dir {self._server.root}/run/redis\n")
        (self._server.root / "run/redis").mkdir(parents=True)

    def obey(self, asked: list[str]) -> None:
        """Do what systemctl was asked for since the last block."""
        for line in asked:
            program, _, words = line.partition(" ")
            verb, _, unit = words.partition(" ")
            if program == "systemctl" and verb == "restart" and unit.startswith("tellal@"):
                self._restart(unit.removeprefix("tellal@"))
            elif program == "systemctl":
                self._obeyed[words]()

    def stop(self, *names: str) -> dict[str, int]:
        """Ask these, or all, to end, and return how they ended."""
        for name in names or self.started:
            self.started[name].terminate()
        return {name: self.started[name].wait(STOP_S) for name in names or tuple(self.started)}

    def said(self, name: str) -> str:
        return (self._server.root / f"{name}.out").read_text(errors="replace")

    def _start_redis(self) -> None:
        root = self._server.root
        self._start("redis", [find_server(), str(root / "etc/redis/redis.conf")])
        socket = root / "run/redis/redis-server.sock"
        self._wait(socket.exists, "redis")
        if os.geteuid() == 0:  # else all is one user's, and nobody can be kept out
            shutil.chown(socket, group=REDIS_GROUP)

    def _start_target(self) -> None:
        """The migrations, then each unit that the target wants."""
        units = self._server.root / "etc/systemd/system"
        done = subprocess.run(
            exec_start((units / "tellal-migrate.service").read_text(), ""),
            **self._as_unit(units / "tellal-migrate.service"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for name in re.findall(r"tellal@(\w+)\.service", (units / "tellal.target").read_text()):
            self._start_process(name)

    def _start_process(self, name: str) -> None:
        unit = self._server.root / "etc/systemd/system/tellal@.service"
        self._start(name, exec_start(unit.read_text(), name), **self._as_unit(unit))

    def _restart(self, name: str) -> None:
        assert self.stop(name) == {name: 0}
        self._start_process(name)

    def _start_nginx(self) -> None:
        root = self._server.root
        if "nginx" in self.started:
            self.started["nginx"].send_signal(signal.SIGHUP)
            return
        command = [str(root / "bin/nginx"), "-g", "daemon off;"]
        self._start("nginx", command)
        self._wait((root / "nginx.pid").exists, "nginx")

    def _as_unit(self, unit: Path) -> dict[str, Any]:
        text = unit.read_text()
        [folder] = re.findall(r"^WorkingDirectory=(.*)$", text, re.MULTILINE)
        [settings] = re.findall(r"^EnvironmentFile=(.*)$", text, re.MULTILINE)
        assert "User=tellal" in text
        is_root = os.geteuid() == 0
        groups = {*self._server.groups}
        if "SupplementaryGroups=redis" in text:
            groups.add(REDIS_GROUP)
        return {
            "cwd": folder,
            "env": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment_file(Path(settings))},
            **({"user": self._server.uid, "group": self._server.uid} if is_root else {}),
            **({"extra_groups": sorted(groups)} if is_root else {}),
        }

    def _start(self, name: str, command: list[str], **options: Any) -> None:
        with (self._server.root / f"{name}.out").open("wb") as output:
            self.started[name] = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, **options
            )

    def _wait(self, is_there: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + 20
        while not is_there():
            assert self.started[name].poll() is None, self.said(name)
            assert time.monotonic() < deadline, self.said(name)
            time.sleep(0.02)
