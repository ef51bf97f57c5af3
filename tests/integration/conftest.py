"""A CMS that posts, a town that listens, and a clock that can be turned."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import itertools
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

import service.admin
import service.db
import service.jobs
import service.ledger
import workers
from service.ingest.signatures import new_secret
from service.ledger.waiting import Ring
from service.models import (
    Source,
    Staff,
)
from service.runtime import Runtime
from service.settings import Settings
from service.tasks import Task
from tests.integration.town import EDITOR, TITLE, Town
from workers.hands import work_alone
from workers.recover import Sweeper
from workers.stages import STAGES

for _module in pkgutil.walk_packages(workers.__path__, "workers."):
    if _module.name != "workers.app":  # reads the settings of this machine
        importlib.import_module(_module.name)
# What commands and jobs import when they run would else keep the clock of the first test.
for _package in (service.admin, service.jobs, service.ledger):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        importlib.import_module(_module.name)


class Clock:
    """The present, moved by what `advance` says."""

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, **parts: float) -> None:
        self._offset += timedelta(**parts)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Turns the clock of every module of Tellal."""
    clock = Clock()
    real = service.db.utcnow
    for name, module in list(sys.modules.items()):
        is_ours = name.partition(".")[0] in ("service", "workers")
        if is_ours and getattr(module, "utcnow", None) is real:
            monkeypatch.setattr(module, "utcnow", clock)
    return clock


@dataclass
class Cms:
    """Posts as a CMS does, signed by Standard Webhooks."""

    client: FlaskClient
    slug: str
    secret: str

    @property
    def path(self) -> str:
        return f"/v1/sources/{self.slug}/articles"

    def article(self, **fields: Any) -> dict[str, Any]:
        """An article about the climate; None takes a field away."""
        article = {
            "id": "58150",
            "state": "published",
            "title": TITLE,
            "url": "https://www.example.bel.tr/haber/58150",
            "summary": "İklim eylem planı kabul edildi.",
            "body_html": "<p>Sera gazı ve karbon salımı azalacak.</p>",
            **fields,
        }
        return {name: value for name, value in article.items() if value is not None}

    def headers(
        self, body: bytes, webhook_id: str | None = None, at: datetime | None = None
    ) -> dict[str, str]:
        webhook_id = webhook_id or f"msg_{next(_numbers)}"
        stamp = str(int((at or service.db.utcnow()).timestamp()))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = b".".join((webhook_id.encode(), stamp.encode(), body))
        signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{signature}",
        }

    def post_raw(
        self,
        body: bytes,
        webhook_id: str | None = None,
        at: datetime | None = None,
        content_type: str = "application/json",
        client: FlaskClient | None = None,
        **headers: str,
    ) -> TestResponse:
        return (client or self.client).post(
            self.path,
            data=body,
            headers={**self.headers(body, webhook_id, at), **headers},
            content_type=content_type,
        )

    def post(
        self, webhook_id: str | None = None, client: FlaskClient | None = None, **fields: Any
    ) -> TestResponse:
        """Post an article that differs from the usual one in these fields."""
        body = json.dumps(self.article(**fields), ensure_ascii=False).encode()
        return self.post_raw(body, webhook_id, client=client)

    def withdraw(self, **fields: Any) -> TestResponse:
        body = json.dumps({"id": "58150", "state": "withdrawn", **fields}).encode()
        return self.post_raw(body)


_numbers = itertools.count(1)


@pytest.fixture
def add_source(runtime: Runtime) -> Callable[..., str]:
    """Adds a source and returns its secret."""

    def add(slug: str, **values: Any) -> str:
        secret = new_secret()
        with runtime.db.write() as session:
            session.add(Source(slug=slug, sealed_secret=runtime.vault.encrypt(secret), **values))
        return secret

    return add


@pytest.fixture
def cms(client: FlaskClient, add_source: Callable[..., str]) -> Cms:
    return Cms(client, "izmir", add_source("izmir", may_send_urgent=True))


@pytest.fixture
def town(runtime: Runtime) -> Town:
    return Town(runtime)


@pytest.fixture
def command_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands read the environment, so it says what the fixtures say."""
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("TELLAL_LOG_LEVEL", "ERROR")
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        monkeypatch.setenv(f"TELLAL_{name.upper()}", getattr(settings, name).get_secret_value())


@pytest.fixture
def editor(runtime: Runtime) -> str:
    """Somebody of the staff, by address."""
    with runtime.db.write() as session:
        session.add(Staff(email=EDITOR, fs_uniquifier=EDITOR))
    return EDITOR


@pytest.fixture
def full_audit(town: Town) -> Iterator[None]:
    """At the end of the test the ledger must add up."""
    yield
    assert town.findings() == []


@pytest.fixture
def deaf(settings: Settings, clock: Any) -> Iterator[Runtime]:
    """A runtime that can ring no bell, and knows it: its sweeper is not patient, and does all work
    itself."""
    nowhere = SecretStr("redis://127.0.0.1:1/0")
    deaf = Runtime.start(settings.model_copy(update={"redis_url": nowhere}))
    deaf.doorbell.ring(Task.RETAIN, 0)
    yield deaf
    deaf.close()


def _take(runtime: Runtime, worked: list[tuple[Task, int]], ring: Ring) -> bool:
    worked.append((ring.task, ring.row_id))
    work_alone(STAGES[ring.task], runtime, ring.row_id)
    return True


@pytest.fixture
def work(deaf: Runtime) -> Callable[..., None]:
    """Does all the work there is, as the sweeper does it alone: until nothing is found, or only
    what the sweep before has worked at in vain."""

    def work() -> None:
        deaf.doorbell.ring(Task.RETAIN, 0)
        before: list[tuple[Task, int]] = []
        while True:
            worked: list[tuple[Task, int]] = []
            if not Sweeper(deaf, partial(_take, deaf, worked)).sweep():
                return
            if worked and worked == before:
                return
            before = worked

    return work
