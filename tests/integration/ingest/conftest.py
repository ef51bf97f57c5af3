"""Requests as CMSs sent them, replayed byte for byte, and the workers that follow them up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.cli import cli
from service.models import Source
from service.runtime import Runtime
from service.settings import Settings
from tests.integration.ingest.pulled import Pulled
from tests.sites import CmsSite, served
from workers.deliver import deliver_batch
from workers.pull.site import robots

WEBHOOKS = Path(__file__).parents[2] / "data" / "webhooks"
CLOCK = 1795456183.0  # where a file does not say when it was received
SITE = "https://www.example.bel.tr/"


@dataclass(frozen=True)
class Recording:
    """One file: the request as it came, when, and what proves it."""

    name: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    secret: str
    identifier: str

    @property
    def own_headers(self) -> dict[str, str]:
        """Without those that belong to the connection."""
        found = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "content-length", "connection")
        }
        if "cloudevents" in self.name:
            found["Authorization"] = f"Bearer {self.secret}"  # alone they prove nothing
        return found

    def identifier_for(self, scheme: str) -> str:
        """Contentful signs the path that it posted to, which is not that of our route."""
        return self.identifier or (self.path if scheme == "contentful" else "")


def load_recording(name: str) -> Recording:
    data = json.loads((WEBHOOKS / f"{name}.json").read_text(encoding="utf-8"))
    sent = data["request"]
    return Recording(
        name,
        sent.get("path", ""),
        dict(sent["headers"]),
        data["raw_body"].encode(),
        sent.get("received_at", CLOCK),
        data.get("secret", "test-token"),
        data.get("identifier", ""),
    )


@dataclass
class Replay:
    """Sends recordings to sources of their presets, the door's clock set to each."""

    client: FlaskClient
    runtime: Runtime
    set_clock: Callable[[float], None]
    slugs: dict[str, str] = field(default_factory=dict)

    def source(self, preset: str, scheme: str, name: str, **values: Any) -> str:
        """Add the source that a recording is for; returns its slug."""
        sent = load_recording(name)
        slug = f"{preset}-{len(self.slugs)}"
        row = Source(
            slug=slug,
            preset=preset,
            scheme=scheme,
            identifier=sent.identifier_for(scheme),
            base_url=SITE,
            sealed_secret=self.runtime.vault.encrypt(sent.secret),
            **values,
        )
        with self.runtime.db.write() as session:
            session.add(row)
        self.slugs[slug] = preset
        return slug

    @staticmethod
    def recording(name: str) -> Recording:
        return load_recording(name)

    def send(
        self,
        slug: str,
        name: str,
        *,
        body: bytes | None = None,
        path: str = "articles",
        skew_s: float = 0,
        **headers: str,
    ) -> TestResponse:
        sent = load_recording(name)
        self.set_clock(sent.at + skew_s)
        own = sent.own_headers
        own = {key: value for key, value in own.items() if key.lower() not in headers} | headers
        kind = next(value for key, value in own.items() if key.lower() == "content-type")
        return self.client.post(
            f"/v1/sources/{slug}/{path}",
            data=sent.body if body is None else body,
            headers=own,
            content_type=kind,
        )


@pytest.fixture
def replay(
    client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> Replay:
    """The town's own clock stands an hour after the recordings or later, and goes on from there."""
    # Never back: rows are stamped by the real clock where nobody says otherwise.
    clock.advance(seconds=max(CLOCK + 3600 - clock().timestamp(), 0))

    def set_clock(at: float) -> None:
        monkeypatch.setattr("service.ingest.clock.utcnow", lambda: datetime.fromtimestamp(at, UTC))

    return Replay(client, runtime, set_clock)


@pytest.fixture
def mail_count(work: Callable[..., None], town: Any, clock: Any) -> Callable[[], int]:
    """How many mails the town's one reader has got, an hour from now."""
    town.reader()

    def mail_count() -> int:
        work()
        clock.advance(hours=1)
        work()
        return int(town.mails().total())

    return mail_count


@pytest.fixture
def tellal(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command line on this test's database; gives what a command that went well printed."""
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("TELLAL_LOG_LEVEL", "ERROR")
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        monkeypatch.setenv(f"TELLAL_{name.upper()}", getattr(settings, name).get_secret_value())

    def tellal(*words: str) -> str:
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
        return result.output

    return tellal


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[CmsSite]:
    """A site to pull from; nobody there minds being asked quickly."""
    monkeypatch.setattr("workers.pull.site.PAUSE_S", 0.0)
    robots.forget()
    with served() as site:
        yield site


@pytest.fixture
def directus(replay: Replay, site: CmsSite, runtime: Runtime, town: Any) -> str:
    """A source that must ask its site for what its events leave out; somebody reads all of it."""
    town.reader(None)
    token = runtime.vault.encrypt("read-only")
    name = "directus-11.16.1-items-create"
    return replay.source("directus", "bearer", name, api_url=site.url("/"), sealed_token=token)


class Log(list[tuple[str, str]]):
    """Level and event of each line."""

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **_: self.append((level, event))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Log:
    """What pulls and their guard wrote to the log."""
    log = Log()
    for module in ("workers.pull.task", "service.outbound.fetching", "service.outbound.guard"):
        monkeypatch.setattr(f"{module}.log", log)
    return log


@pytest.fixture
def pulled(runtime: Runtime, site: CmsSite, clock: Any) -> Pulled:
    return Pulled(runtime, site, clock)


@pytest.fixture
def after(work: Callable[[], None], clock: Any) -> Callable[..., None]:
    """Does all the work of the next three hours."""

    def after(hours: float = 3) -> None:
        work()
        clock.advance(hours=hours)
        work()

    return after


@pytest.fixture
def told(cms: Any, town: Any, after: Callable[..., None], full_audit: None) -> list[int]:
    """An article that two readers were told."""
    readers = [town.reader(), town.reader(language="en")]
    cms.post()
    after()
    return readers


@pytest.fixture
def send_mail(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Nothing is sent until this is called: batches are only queued."""
    monkeypatch.setattr("workers.email.task.deliver_batch", lambda *_: None)
    return lambda: monkeypatch.setattr("workers.email.task.deliver_batch", deliver_batch)
