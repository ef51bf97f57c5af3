"""Who takes the letters: `smtp-sink`, near or at the end of a longer way."""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.email.postfix import postfix

READY_S = 10.0
PROGRAMS = ("smtp-source", "smtp-sink", "openssl")
DEBIANS_PYTHON, DEBIANS_MAILMAN = "/usr/bin/python3", "/usr/bin/mailman"
MISSING = "{} not found: sudo apt install postfix openssl (smtp-source and smtp-sink are Postfix's)"


def missing() -> str:
    """What must be installed before anything can be measured; empty where all is here."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    return MISSING.format(", ".join(absent)) if absent else ""


def program(name: str) -> str:
    """Where a program lies; those of Postfix are often not on the path of other users."""
    return shutil.which(name, path=_path()) or name


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


@contextmanager
def sink() -> Iterator[int]:
    """Postfix's server that takes everything and keeps nothing; its port."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = int(reserved.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    words = [program("smtp-sink"), *user, "-m", "500", f"127.0.0.1:{port}", "500"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_S
        while not _answers(port):
            assert time.monotonic() < deadline, "smtp-sink does not answer"
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def mailman() -> str:
    """The Python that has Mailman 3: TELLAL_BENCH_MAILMAN, else Debian's; empty where none has."""
    if named := os.environ.get("TELLAL_BENCH_MAILMAN"):
        return named
    return DEBIANS_PYTHON if Path(DEBIANS_MAILMAN).is_file() else ""


def has_postfix() -> bool:
    """Whether a private Postfix can be had: root alone can run one."""
    return os.geteuid() == 0 and shutil.which("postfix", path=_path()) is not None


@contextmanager
def relay() -> Iterator[int]:
    """A private Postfix that queues what comes, and then throws it away; its port."""
    with postfix({"example.org": "discard:"}) as made:
        yield made.port


@contextmanager
def away(port: int, round_trip_ms: int) -> Iterator[int]:
    """The same server, so far away; at 0 ms nothing stands in between."""
    if not round_trip_ms:
        yield port
        return
    with carried(port, round_trip_ms) as far:
        yield far


@contextmanager
def carried(port: int, round_trip_ms: int) -> Iterator[int]:
    """The port at which a process of its own carries to the server, however short the way is."""
    words = [sys.executable, "-m", "tests.bench.mail.delay", str(port), str(round_trip_ms)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def round_trip_ms(port: int, times: int = 20) -> float:
    """How long a command and its answer take, the median."""
    found = []
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.ehlo()
        for _ in range(times):
            started = time.perf_counter()
            smtp.noop()
            found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
