"""rss2email with a mail server that keeps what it is sent."""

from __future__ import annotations

import email
import subprocess
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.integration.email.peer import Peer, Relay
from tests.integration.feeds.readers.clients import Item, Titles, environment, program

_CONFIG = """\
[DEFAULT]
from = haber@example.org
to = ayse@example.org
email-protocol = smtp
smtp-server = 127.0.0.1
smtp-port = {port}
smtp-ssl = False
verbose = warning
"""
_FEED = """\
[feed.{name}]
url = {url}
reply-changes = {replies}
"""


class Rss2email:
    """One mail for each article; with `replies`, another in its thread when its text changes."""

    name, formats = "rss2email", ("rss", "atom")

    def __init__(self, url: str, folder: Path, *, replies: bool = False) -> None:
        self._url, self._program = url, program("r2e", "rss2email")
        self._env = environment(folder / "rss2email")
        self._peer = Peer()
        self._relay = Relay(self._peer, hostname="127.0.0.1", port=0)
        self._relay.start()
        feeds = (
            _FEED.format(name=one, url=f"{url}.{one}", replies=replies) for one in self.formats
        )
        config = folder / "rss2email.cfg"
        config.write_text(_CONFIG.format(port=self._relay.port) + "".join(feeds))
        self._files = ["-c", str(config), "-d", str(folder / "rss2email.json")]

    def poll(self) -> None:
        done = subprocess.run(
            [self._program, *self._files, "run"],
            **{"env": self._env, "capture_output": True, "text": True, "timeout": 60},
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), done

    def mails(self, suffix: str) -> list[EmailMessage]:
        """In the order of their arrival."""
        read = (email.message_from_bytes(raw, policy=default) for _, _, raw in self._peer.mails)
        return [one for one in read if one["X-RSS-Feed"] == f"{self._url}.{suffix}"]

    def shown(self, suffix: str) -> list[Item]:
        return [
            Item(one["X-RSS-ID"], one["Subject"], one["X-RSS-URL"]) for one in self.mails(suffix)
        ]

    def expected(self, before: Titles, feed: Titles) -> Titles:
        """What was mailed stays as it was."""
        return {**feed, **before}

    def close(self) -> None:
        self._relay.stop()
