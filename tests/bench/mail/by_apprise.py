"""Apprise's `mailto://`, an object for each reader: one for all would wait between letters."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import apprise


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    ready = json.loads(Path(sys.argv[3]).read_text(encoding="ascii"))
    started = time.perf_counter()
    for number in range(count):
        letter = ready[number % len(ready)]
        mailer = apprise.Apprise()
        mailer.add(
            f"mailto://127.0.0.1:{port}?mode=insecure&format=html"
            f"&from={letter['from']}&to={letter['recipient']}"
        )
        is_sent = mailer.notify(title=letter["subject"], body=letter["html"])
        assert is_sent, "Apprise did not send"
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
