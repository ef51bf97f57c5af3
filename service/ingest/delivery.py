"""One delivery, ready to be stored, and what became of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from service.crypto import Vault
from service.ingest.proving import Proven
from service.ingest.reading import Event
from service.ingest.upsert import Stored
from service.models import Source, Verdict


@dataclass(frozen=True)
class Delivery:
    """A proven event with its body's hash and, sealed for the inbox, the body itself."""

    proven: Proven
    event: Event
    request_id: str
    body_hash: str
    sealed_body: str

    @property
    def source(self) -> Source:
        return self.proven.source


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery. `stored` are its articles; some wait for a worker. `failures`:
    which of several articles do not fit, and why."""

    is_known: bool
    inbox_id: int | None
    verdict: Verdict
    article_id: int | None
    revision_id: int | None
    stored: tuple[Stored, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()


def ready(vault: Vault, proven: Proven, event: Event, request_id: str) -> Delivery:
    """Do what takes time before anybody waits for a transaction."""
    return Delivery(
        proven,
        event,
        request_id,
        hashlib.sha256(proven.body).hexdigest(),
        vault.encrypt(proven.body.decode("utf-8")),
    )
