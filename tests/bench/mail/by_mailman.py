"""Mailman 3: one list whose members each get a letter of their own, from its queues to the server.

Run by the Python that has Mailman (`mailman.program`), which knows nothing of ours. The members and
the list are there before the clock starts; then one letter is put into the incoming queue, and the
runners `in`, `pipeline` and `out` work in this one process, one after the other, as many times as
there is something in their queues. `personalize = individual` makes one transaction a member, as a
link to leave by needs. No archive, no digest.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from email import message_from_bytes
from pathlib import Path

CONFIG = """\
[mailman]
layout: here
site_owner: owner@list.example
[paths.here]
var_dir: {folder}/var
[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: 127.0.0.1
smtp_port: {port}
max_delivery_threads: 0
[archiver.prototype]
enable: no
[archiver.mhonarc]
enable: no
[archiver.mail_archive]
enable: no
"""
LIST = "news@list.example"


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    letter = json.loads(Path(sys.argv[3]).read_text(encoding="ascii"))[0]
    with tempfile.TemporaryDirectory(prefix="tellal-mailman-") as folder:
        config = Path(folder) / "mailman.cfg"
        config.write_text(CONFIG.format(folder=folder, port=port), encoding="ascii")
        os.environ["MAILMAN_CONFIG_FILE"] = str(config)
        print(json.dumps({"seconds": send(config, count, letter["raw"].encode("ascii"))}))


def send(config: Path, count: int, raw: bytes) -> float:
    """Seconds from the letter in the incoming queue to the last answer."""
    from mailman.app.lifecycle import create_list
    from mailman.config import config as mailman
    from mailman.core.initialize import initialize
    from mailman.interfaces.action import Action
    from mailman.interfaces.archiver import ArchivePolicy
    from mailman.interfaces.domain import IDomainManager
    from mailman.interfaces.mailinglist import Personalization
    from mailman.interfaces.member import MemberRole
    from mailman.interfaces.usermanager import IUserManager
    from mailman.runners.incoming import IncomingRunner
    from mailman.runners.outgoing import OutgoingRunner
    from mailman.runners.pipeline import PipelineRunner
    from zope.component import getUtility

    initialize(str(config))
    getUtility(IDomainManager).add("list.example")
    made = create_list(LIST, ["owner@list.example"])
    made.personalize = Personalization.individual
    made.default_nonmember_action = Action.accept
    made.archive_policy = ArchivePolicy.never
    made.digests_enabled = made.send_welcome_message = False
    people = getUtility(IUserManager)
    for number in range(count):
        address = people.create_address(f"citizen{number}@example.org")
        address.verified_on = made.created_at
        made.subscribe(address, MemberRole.member)
    mailman.db.commit()
    message = message_from_bytes(raw)
    for header in ("From", "To", "DKIM-Signature", "List-Unsubscribe", "List-Unsubscribe-Post"):
        del message[header]
    message["From"], message["To"] = "press@list.example", LIST
    queued = message_from_bytes(message.as_bytes(), _class())
    started = time.perf_counter()
    mailman.switchboards["in"].enqueue(queued, listid=made.list_id, original_size=len(raw))
    kinds = {"in": IncomingRunner, "pipeline": PipelineRunner, "out": OutgoingRunner}
    for name, kind in kinds.items():
        runner = kind(name)
        while runner._one_iteration():
            pass
    took = time.perf_counter() - started
    left = [name for name, board in mailman.switchboards.items() if board.files]
    assert not left, f"left in queues: {left}"
    said = (config.parent / "var" / "logs" / "smtp.log").read_text(encoding="utf-8")
    assert f"for {count} recips" in said, said
    return took


def _class() -> type:
    from mailman.email.message import Message

    return Message


if __name__ == "__main__":
    main()
