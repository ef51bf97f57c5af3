"""A real homeserver: Synapse on loopback, a process of its own in a folder of its own."""

from __future__ import annotations

import hashlib
import hmac
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

from tests.chaos.city import free_port
from tests.integration.chat.synapse.member import Member

NAME = "home.example"  # in addresses; nobody looks it up
READY_S = 60.0  # on a machine that is busy; a quiet one takes 3 to 5
LOOK_EVERY_S = 0.05
PASSWORD = "Doğru söz: yemin istemez/@#?"

CONFIG = """
listeners:
  - {port: PORT, bind_addresses: [127.0.0.1], type: http, resources: [{names: [client]}]}
trusted_key_servers: []
suppress_key_server_warning: true
enable_room_list_search: false
presence: {enabled: false}
bcrypt_rounds: 4
rc_message: {per_second: 0.05, burst_count: 3}
rc_registration: &plenty {per_second: 1000, burst_count: 1000}
rc_login: {address: *plenty, account: *plenty, failed_attempts: *plenty}
rc_joins: {local: *plenty, remote: *plenty}
rc_joins_per_room: *plenty
rc_invites: {per_room: *plenty, per_user: *plenty, per_issuer: *plenty}
rc_room_creation: *plenty
"""


class Synapse:
    """Starts and stops it; whoever is registered stays so between."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._process = folder, None
        self._own, self._more = folder / "homeserver.yaml", folder / "tests.yaml"
        self._run(*("--server-name", NAME, "--report-stats", "no", "--generate-config")).wait(
            READY_S
        )
        self._secret = re.findall('registration_shared_secret: "(.+)"', self._own.read_text())[0]
        self.port = free_port()
        self._more.write_text(CONFIG.replace("PORT", str(self.port)))
        self._process: subprocess.Popen[bytes] | None
        self.start()
        self._admin = self._registered("root", is_admin=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    def start(self) -> None:
        """Run it and wait until it answers."""
        self._process = self._run("--config-path", str(self._more))
        deadline = time.monotonic() + READY_S
        while not self._answers():
            assert self._process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """kill -9: nothing is brought to an end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        """It takes connections and answers nobody, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def member(self, name: str) -> Member:
        """Register somebody, who may write as much as they like."""
        found = self._registered(name)
        self.free(found)
        return found

    def free(self, who: Member) -> None:
        """No limit for this account."""
        self._manage("POST", _limits_of(who), {"messages_per_second": 0, "burst_count": 0})

    def limit(self, who: Member) -> None:
        """Three events, of which entering a room is one, then one in 20 seconds."""
        self._manage("DELETE", _limits_of(who), {})

    def end_tokens(self, who: Member, device: str) -> None:
        """Sign a device of somebody out."""
        self._manage("DELETE", f"/v2/users/{who.name}/devices/{device}", {})

    def _registered(self, name: str, *, is_admin: bool = False) -> Member:
        """By the secret that the configuration shares with us."""
        url = f"{self.origin}/_synapse/admin/v1/register"
        nonce = requests.get(url, timeout=10).json()["nonce"]
        said = (nonce, name, PASSWORD, "admin" if is_admin else "notadmin")
        mac = hmac.digest(self._secret.encode(), "\0".join(said).encode(), hashlib.sha1).hex()
        body = {"nonce": nonce, "username": name, "password": PASSWORD, "admin": is_admin}
        answer = requests.post(url, json={**body, "mac": mac}, timeout=10)
        assert answer.ok, answer.text
        return Member(self.origin, answer.json()["user_id"], answer.json()["access_token"])

    def _manage(self, method: str, path: str, body: dict[str, Any]) -> None:
        self._admin.ask(method, path, body, api="/_synapse/admin")

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "synapse.app.homeserver", "--config-path", str(self._own)]
        with (self._folder / "out.log").open("ab") as log:
            return subprocess.Popen(
                [*command, *arguments], stdout=log, stderr=log, cwd=self._folder
            )

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.origin}/_matrix/client/versions", timeout=1).ok
        except requests.RequestException:
            return False

    def _said(self) -> str:
        return (self._folder / "out.log").read_text(errors="replace")[-2000:]


def _limits_of(who: Member) -> str:
    return f"/v1/users/{who.name}/override_ratelimit"
