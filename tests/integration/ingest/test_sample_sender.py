"""The example sender of the documentation, run as a file against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from werkzeug.serving import make_server

from service.models import InboxEvent

SENDER = Path(__file__).parents[3] / "docs" / "integrate" / "send_article.py"


def test_the_example_sender_is_accepted_and_its_repeat_changes_nothing(app, cms, town):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        answers = [
            subprocess.run(
                [sys.executable, SENDER, f"http://127.0.0.1:{server.server_port}{cms.path}"],
                env={**os.environ, "TELLAL_SOURCE_SECRET": cms.secret},
                capture_output=True,
                check=True,
                timeout=30,
            ).stdout
            for _ in range(2)
        ]
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()

    assert [json.loads(answer)["status"] for answer in answers] == ["accepted"] * 2
    assert town.count(InboxEvent) == 1
