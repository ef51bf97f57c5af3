"""A private Dovecot on loopback: IMAP accounts in a folder of their own, filled by LMTP or IMAP."""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.email.postfix import free_port

START_S = 20.0
USER, PASSWORD = "bounces@tellal.example", "p w/@ö"
CONFIG = """\
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
{accounts}
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/box
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """One that runs, with empty mailboxes at first."""

    folder: Path
    port: int
    lmtp_port: int

    @property
    def log(self) -> str:
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @contextmanager
    def opened(self, user: str = USER) -> Iterator[imaplib.IMAP4]:
        """A mailbox, as a person's mail program opens it."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=START_S) as imap:
            imap.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
            imap.select()
            yield imap

    def put(self, *messages: bytes) -> None:
        with self.opened() as imap:
            for raw in messages:
                imap.append("INBOX", None, None, raw)

    def messages(self, user: str) -> list[bytes]:
        """All that is in a mailbox."""
        with self.opened(user) as imap:
            _, found = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return [one[1] for one in found if isinstance(one, tuple)]

    def flags(self) -> list[set[str]]:
        """Of each message that is there, in order."""
        with self.opened() as imap:
            _, found = imap.uid("FETCH", "1:*", "(FLAGS)")
            lines = [line.decode() for line in found if line]
        return [set(map(str, line.partition("FLAGS (")[2].rstrip(")").split())) for line in lines]


@contextmanager
def dovecot(*users: str) -> Iterator[Dovecot]:
    """Run one for as long as the block runs, with these users beside the usual one."""
    folder = Path(tempfile.mkdtemp(prefix="tellal-dovecot-"))  # a socket's path must be short
    made = Dovecot(folder, free_port(), free_port())
    lines = [f"{user}:{{PLAIN}}{PASSWORD}\n" for user in (USER, *users)]
    (folder / "users").write_text("".join(lines))
    config = folder / "dovecot.conf"
    ports = {"port": made.port, "lmtp_port": made.lmtp_port}
    config.write_text(CONFIG.format(folder=folder, **ports, **_accounts(folder)))
    process = subprocess.Popen([_program(), "-F", "-c", str(config)])
    try:
        _wait_for(made, process)
        yield made
    finally:
        process.terminate()
        process.wait(START_S)
        shutil.rmtree(folder)


def _accounts(folder: Path) -> dict[str, str]:
    """Root needs users that mail may belong to and whom a login runs as; others have their own."""
    (folder / "mail").mkdir()
    if os.geteuid() == 0:
        folder.chmod(0o755)
        shutil.chown(folder / "mail", "mail", "mail")
        return {"user": "mail", "group": "mail", "accounts": ""}
    user, group = getpass.getuser(), grp.getgrgid(os.getegid()).gr_name
    names = {"internal_user": user, "internal_group": group, "login_user": user}
    accounts = "\n".join(f"default_{what} = {name}" for what, name in names.items())
    return {"user": user, "group": group, "accounts": accounts}


def _program() -> str:
    found = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "apt install dovecot-imapd dovecot-lmtpd"
    return found


def _wait_for(made: Dovecot, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            imaplib.IMAP4("127.0.0.1", made.port, timeout=START_S).logout()
            return
        except (OSError, imaplib.IMAP4.error):
            assert process.poll() is None, made.log
            assert time.monotonic() < deadline, made.log
            time.sleep(0.05)
