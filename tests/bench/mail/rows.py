"""What is measured: each sender, how far away its server is, and how many letters it sends.

A sender is a module that `run.of_module` can start: it is told the port, the number of letters, the
file that has them (`letters.write`), and further words of its row. To measure another one, write it
beside `by_smtplib` and add its rows to `ROWS`; figures about rows that are not there are null.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.mail import peers
from tests.bench.mail.planned import planned
from tests.bench.mail.run import Run, of_module, of_openssl, of_script, of_smtp_source

SMTP_SOURCE, SMTPLIB, APPRISE, OPENSSL = "smtp-source", "smtplib", "Apprise", "openssl speed"
MAILMAN = "Mailman 3"
# Of our own sender: the pipeline alone, the same with signatures by two processes, and one whole
# worker with ledger and journal, which signs nothing.
OURS, SIGNED, WORKER = "Tellal", "Tellal, signed", "Tellal, whole worker"
WORKER_POSTGRESQL = "Tellal, PostgreSQL"
# Into a Postfix that keeps a queue, instead of `smtp-sink`.
RELAYED, SIGNED_RELAYED = "smtp-source to Postfix", "Tellal, signed, to Postfix"

ROUND_TRIPS_MS = (0, 4, 20)
LETTERS = 16  # ready as bytes, taken in turn: only the sending is measured
ROUNDS = 1 if os.environ.get("QUICK") == "1" else 3
QUICK = 5  # times fewer letters
CORES = "2"  # processes that sign


@dataclass(frozen=True)
class Ready:
    """The letters in a file (`letters.write`), and how long one is."""

    file: Path
    length: int


@dataclass(frozen=True)
class Row:
    """`start` gets the port of the `server`, the number of letters, and what they are."""

    name: str
    round_trip_ms: int
    count: int
    start: Callable[[int, int, Ready], Run]
    server: Callable[[], AbstractContextManager[int]] = peers.sink


def _module(name: str, *words: str) -> Callable[[int, int, Ready], Run]:
    module = f"tests.bench.mail.{name}"
    return lambda port, count, ready: of_module(module, port, count, str(ready.file), *words)


def _worker(port: int, count: int, _ready: Ready, *, is_postgresql: bool = False) -> Run:
    with planned(count, is_postgresql=is_postgresql) as environment:
        return of_module("tests.bench.mail.worker", port, count, "1", environment=environment)


def _mailman(port: int, count: int, ready: Ready) -> Run:
    script = Path(__file__).parent / "by_mailman.py"
    return of_script(peers.mailman(), script, port, count, str(ready.file))


def _smtp_source(port: int, count: int, ready: Ready) -> Run:
    return of_smtp_source(port, count, ready.length)


def _openssl(_port: int, seconds: int, _ready: Ready) -> Run:
    return of_openssl(seconds)


ROWS = (
    Row(SMTP_SOURCE, 0, 40_000, _smtp_source),
    Row(SMTP_SOURCE, 4, 5_000, _smtp_source),
    Row(SMTP_SOURCE, 20, 1_500, _smtp_source),
    Row(SMTPLIB, 0, 15_000, _module("by_smtplib")),
    Row(SMTPLIB, 4, 5_000, _module("by_smtplib")),
    Row(SMTPLIB, 20, 1_500, _module("by_smtplib")),
    Row(APPRISE, 0, 50, _module("by_apprise")),
    Row(OPENSSL, 0, 5, _openssl),  # seconds, not letters
    Row(OURS, 0, 40_000, _module("ours")),
    Row(OURS, 4, 20_000, _module("ours")),
    Row(OURS, 20, 5_000, _module("ours")),
    Row(SIGNED, 0, 15_000, _module("ours", "signed", CORES)),
    Row(WORKER, 0, 20_000, _worker),
    Row(WORKER_POSTGRESQL, 0, 20_000, partial(_worker, is_postgresql=True)),
)
RELAY_ROWS = (
    Row(RELAYED, 0, 5_000, _smtp_source, peers.relay),
    Row(SIGNED_RELAYED, 0, 5_000, _module("ours", "signed", CORES), peers.relay),
)
MAILMAN_ROWS = (Row(MAILMAN, 0, 2_500, _mailman),)


def all_rows() -> tuple[Row, ...]:
    """Those that can be measured here."""
    relayed = RELAY_ROWS if peers.has_postfix() else ()
    return ROWS + relayed + (MAILMAN_ROWS if peers.mailman() else ())
