"""The standard library's sender: threads, each with a connection that stays open."""

from __future__ import annotations

import json
import smtplib
import sys
import threading
import time
from pathlib import Path

CONNECTIONS = 16


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    ready = [
        (letter["sender"], letter["recipient"], letter["raw"].encode("ascii"))
        for letter in json.loads(Path(sys.argv[3]).read_text(encoding="ascii"))
    ]
    shares = [len(range(start, count, CONNECTIONS)) for start in range(CONNECTIONS)]

    def send(share: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for number in range(share):
                smtp.sendmail(*ready[number % len(ready)])

    threads = [threading.Thread(target=send, args=(share,)) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
